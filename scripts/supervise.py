"""Keep the parts of an installation running: start, watch, start again, end. Knows nothing of what the parts do.

Each part leads a session of its own, so that Ctrl-C reaches the supervisor alone, which then ends the parts in order.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts import leash

LONG_ENOUGH_S = 60.0  #: a part that ran for so long has started well; its earlier deaths are forgotten
OFTEN = 5  #: deaths in a row after which it is said, and tried again slowly
SLOWLY_S = 30.0
LOG_BYTES = 20_000_000  #: a log that grew past this is moved to `<name>.log.1`


@dataclass(frozen=True, slots=True)
class Command:
    """A part as it is started."""

    name: str  #: `worker-long-1`; its log is `<name>.log`
    argv: Sequence[str]
    env: Mapping[str, str]
    grace_s: float  #: how long it may take to end by itself after SIGTERM
    pass_fds: tuple[int, ...] = ()


def pause_before_restart(deaths: int) -> float:
    """Return the seconds to wait after so many deaths in a row: none after the first, then 0.5, 1, 2, then slowly."""
    if deaths >= OFTEN:
        return SLOWLY_S
    return 0.0 if deaths <= 1 else 0.5 * 2.0 ** (deaths - 2)


class Part:
    """One supervised command: at most one process at a time, and a new one when it dies."""

    def __init__(self, command: Command, log: Path, say: Callable[[str], None]) -> None:
        self.command = command
        self.log = log
        self.deaths = 0  #: in a row
        self._say = say
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._kept = asyncio.create_task(self._keep_running(), name=command.name)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def last_pid(self) -> int | None:
        """Return the id of its process, ended or not."""
        return self._process.pid if self._process else None

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            how = await self._run()
            if self._stopping.is_set():
                return
            self.deaths = 1 if time.monotonic() - began > LONG_ENOUGH_S else self.deaths + 1
            pause_s = pause_before_restart(self.deaths)
            self._say(f"{self.command.name} {how}; {self._what_next(pause_s)}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _run(self) -> str:
        """Run it once and return how it ended, in words."""
        try:
            self._process = process = await self._start()
        except OSError as error:  # no memory, no more processes or files: it may pass
            return f"could not be started ({error.strerror})"
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)  # Lost the race: told to stop while it was being started.
        code = await process.wait()
        kill_group(process.pid)  # what it left behind would hold its place: a port, a lease
        return how_it_ended(code)

    def _what_next(self, pause_s: float) -> str:
        if self.deaths < OFTEN:
            return "starting it again"
        return f"that was {self.deaths} times in a row, so it is tried again in {pause_s:.0f} s; see {self.log}"

    async def _start(self) -> asyncio.subprocess.Process:
        argv = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *self.command.argv]
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *argv,
                env=dict(self.command.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.command.pass_fds,
                start_new_session=True,
            )

    async def stop(self, hasten: asyncio.Event) -> None:
        """End it: SIGTERM, then SIGKILL once its grace is over or `hasten` is set."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        hurry = asyncio.create_task(hasten.wait())
        await asyncio.wait({self._kept, hurry}, timeout=self.command.grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not self._kept.done():
            self._say(f"{self.command.name} did not end by itself; killing it")
            while not self._kept.done():
                self._signal(signal.SIGKILL)
                await asyncio.wait({self._kept}, timeout=1)
        await self._kept

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def trim_log(self, most_bytes: int = LOG_BYTES) -> None:
        """Move a log that grew too long aside. The part has it open for appending and goes on at the new end."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > most_bytes:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def last_words(self, lines: int = 15) -> str:
        """Return the end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 16_384))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


class Supervisor:
    """All parts of one installation."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        leash.adopt_orphans()
        self._not_ours = set(psutil.Process().children())  #: what ran before there were parts
        self.logs = logs
        self.parts: list[Part] = []
        self._say = say
        self._chores = asyncio.create_task(self._do_chores())

    def start(self, command: Command) -> Part:
        part = Part(command, self.logs / f"{command.name}.log", self._say)
        part.trim_log()
        self.parts.append(part)
        return part

    async def stop(self, parts: Sequence[Part], hasten: asyncio.Event) -> None:
        """End `parts` side by side."""
        await asyncio.gather(*(part.stop(hasten) for part in parts))

    async def close(self) -> None:
        """Kill whatever the parts have left behind. To be called when all are stopped."""
        self._chores.cancel()
        for _ in range(100):
            left = self._adopted()
            if not left:
                return
            for process in left:
                kill_tree(process)
                bury(process)
            await asyncio.sleep(0.05)

    async def _do_chores(self) -> None:
        """Bury adopted orphans and keep the logs short."""
        while True:
            await asyncio.sleep(1)
            for orphan in filter(is_zombie, self._adopted()):
                bury(orphan)
            for part in self.parts:
                part.trim_log()

    def _adopted(self) -> list[psutil.Process]:
        """Return our children that are not the parts' own processes, for which asyncio waits and must not be forestalled."""
        parts = {part.last_pid for part in self.parts}
        return [child for child in psutil.Process().children() if child not in self._not_ours and child.pid not in parts]


def is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def bury(process: psutil.Process) -> None:
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def kill_tree(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                each.kill()


def kill_group(group: int) -> None:
    """Kill our descendants of a process group whose leader is gone. By descent, as the id may be someone else's by now."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group:
                process.kill()


def how_it_ended(code: int) -> str:
    """`ended with code 1` or `was killed by SIGKILL`."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
