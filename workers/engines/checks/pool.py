"""A pool of processes inside one run: each takes one recording after the other, and none outlives the pool.

Each is spawned, not forked, as the leader of a process group of its own with whatever it starts: ending one is a kill of its group, at
once. It dies by itself when the horse does (a parent-death signal, the end of its pipe). They speak in lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from jobs.probe import ROOT

LOOK_S = 0.25  #: between two looks of who uses the pool at whether it is to go on
READ_BYTES = 1 << 16
PROGRAM = "workers.engines.checks.member"


class Broken(Exception):
    """What the processes need is not there: the run fails, and is tried again."""


@dataclass(frozen=True, slots=True)
class Heard:
    n: int
    seconds: float
    of_s: float


@dataclass(frozen=True, slots=True)
class Done:
    n: int


@dataclass(frozen=True, slots=True)
class Died:
    """The process that had recording `n` died of it."""

    n: int
    how: str


Event = Heard | Done | Died | None


@dataclass
class Member:
    process: subprocess.Popen[bytes]
    ready: bool = False
    busy: int | None = None  #: the recording that it has
    said: bytearray = field(default_factory=bytearray)

    def give(self, order: dict[str, Any]) -> None:
        self.busy = order["n"]
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it is dead, which its other pipe tells
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> str:
        """Kill it with all that it started, and tell how it had ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # not waited for yet, so the id of its group is still its own
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return f"exited with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


class Pool:
    """`with Pool(size, scratch) as pool: for event in pool.work(orders): …`"""

    def __init__(self, size: int, scratch: Path, program: str = PROGRAM) -> None:
        self._size, self._scratch, self._program = size, scratch, program
        self._members: list[Member] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for member in self._members:  # all at once, then wait for each
            with contextlib.suppress(ProcessLookupError):
                os.killpg(member.process.pid, signal.SIGKILL)
        for member in self._members:
            member.end()
        self._members.clear()
        self._selector.close()

    def work(self, orders: Sequence[dict[str, Any]]) -> Iterator[Event]:
        """Have all `orders` carried out, each `{"n": number, …}`; yield what is heard of them, and None at least every LOOK_S.

        Raises Broken when a process cannot be started, or says that what it needs is not there.
        """
        waiting = deque(orders)
        while waiting or any(member.busy is not None for member in self._members):
            for _ in range(min(self._size, len(waiting) + self._busy()) - len(self._members)):
                self._start()
            for member in self._members:
                if member.ready and member.busy is None and waiting:
                    member.give(waiting.popleft())
            yield None
            for key, _ in self._selector.select(LOOK_S):
                yield from self._read(key.data)

    def _busy(self) -> int:
        return sum(member.busy is not None for member in self._members)

    def _start(self) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(
            [sys.executable, "-m", self._program, str(self._scratch), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,
        )
        member = Member(process)
        self._members.append(member)
        self._selector.register(process.stdout, selectors.EVENT_READ, member)  # type: ignore[arg-type]

    def _read(self, member: Member) -> Iterator[Event]:
        assert member.process.stdout
        said = os.read(member.process.stdout.fileno(), READ_BYTES)
        if not said:
            yield from self._bury(member)
            return
        member.said += said
        *lines, rest = member.said.split(b"\n")
        member.said = bytearray(rest)
        for line in lines:
            match json.loads(line):
                case {"ready": True}:
                    member.ready = True
                case {"broke": why}:
                    raise Broken(why)
                case {"done": n}:
                    member.busy = None
                    yield Done(n)
                case {"heard": [n, seconds, of_s]}:
                    yield Heard(n, seconds, of_s)

    def _bury(self, member: Member) -> Iterator[Event]:
        self._selector.unregister(member.process.stdout)  # type: ignore[arg-type]
        self._members.remove(member)
        how = member.end()
        if not member.ready:
            raise Broken(f"a process that checks recordings could not be started: it {how}")
        if member.busy is not None:
            yield Died(member.busy, how)
