"""The life of every task as the append-only file tells it: each state it was ever given, by which run, when.

Redis writes the log while it carries a script out; no line of Lectern has a part in it. So it is a witness of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.aof import Command, transactions

SECOND = 1_000_000
KEPT_MS = 86_400_000  #: a worker's last answers expire a day after they were given
LOST = re.compile(r"worker (was killed|exited)|the worker that ran this task was lost|gave no sign of life|did not stop within")
JOB_KEY = re.compile(rb"app:jobs:([0-9a-z]+)(?::(state|outputs)(?::([a-z0-9_]+))?)?")


@dataclass(slots=True)
class Step:
    """A node (a task, or a child of one) was given a state."""

    node: str  #: its rq_job id
    state: str
    at: float  #: seconds since the epoch, by Redis's clock
    stroke: int  #: number of the transaction
    run: str = ""  #: of `running`, the run that begins; else the run that ended in the same transaction, if one did
    error: str = ""  #: written with it
    by_hand: bool = False  #: the transaction is a retry that somebody asked for
    given_back: bool = False  #: an attempt was taken off again


@dataclass(slots=True)
class Run:
    id: str
    node: str
    worker: str
    attempt: int
    began: float
    ended: float | None = None
    became: str = ""  #: the node's state after it
    lost: bool = False  #: its worker died, or its lease ended
    given_back: bool = False

    @property
    def pid(self) -> int:
        """Process id of the supervisor; a worker's name is host:pid:random."""
        return int(self.worker.split(":")[1])


@dataclass
class Ledger:
    steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))  #: by node, in order
    runs: dict[str, Run] = field(default_factory=dict)
    begun_again: list[str] = field(default_factory=list)  #: runs that were begun more than once
    ended_again: list[str] = field(default_factory=list)  #: runs that ended more than once, or that never began
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  #: by job
    created: dict[str, float] = field(default_factory=dict)
    finished: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=lambda: defaultdict(int))  #: by node: how often one was written
    waits_left: dict[str, int] = field(default_factory=lambda: defaultdict(int))  #: by `job.task`: needs not yet met
    commands: int = 0
    strokes: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def in_order(self) -> Iterator[Step]:
        return iter(sorted((step for steps in self.steps.values() for step in steps), key=lambda step: step.stroke))

    def arrows(self) -> Iterator[tuple[Step | None, Step]]:
        """Yield each step with the one before it of the same node, None before the first."""
        for steps in self.steps.values():
            yield None, steps[0]
            yield from pairwise(steps)


def read(log: bytes) -> Ledger:
    ledger = Ledger()
    for writes in transactions(log):
        ledger.strokes += 1
        ledger.commands += len(writes)
        _enter(ledger, writes)
    return ledger


def _enter(ledger: Ledger, writes: list[Command]) -> None:
    stroke = _Stroke(ledger)
    for write in writes:
        match write:
            case [b"HSET" | b"HMSET", key, *pairs] if key.startswith(b"app:jobs:"):
                stroke.hash_set(key, [word.decode() for word in pairs])
            case [b"HINCRBY", key, name, by] if key.startswith(b"app:jobs:"):
                stroke.counted(key, name.decode(), int(by))
            case [b"ZREM", b"app:leases", *members]:
                stroke.ended += [(node, run) for node, _, run in (member.decode().rpartition(":") for member in members)]
            case [b"SET", b"app:reaped", times]:
                stroke.at = int(times.split()[0]) / SECOND
            case [b"SET", key, _, b"PXAT", until] if key.startswith(b"app:worker:"):
                stroke.at = max(stroke.at, (int(until) - KEPT_MS) / 1000)
    stroke.close()


class _Stroke:
    """One transaction, while it is read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.at = ledger.last_at
        self.ended: list[tuple[str, str]] = []  #: pairs of node and run
        self._steps: list[Step] = []
        self._details: dict[str, dict[str, str]] = defaultdict(dict)  #: by node: the fields behind the colon
        self._given_back: set[str] = set()
        self._by_hand = False

    def hash_set(self, key: bytes, pairs: list[str]) -> None:
        found = JOB_KEY.fullmatch(key)
        if not found:
            return
        job, of, parent = (part.decode() if part else "" for part in found.groups())
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not of:
                self._of_job(job, name, value)
                continue
            task, _, letter = name.partition(":")
            node = f"{job}-{parent}-{task}" if parent else f"{job}-{task}"
            if of == "outputs" and not letter:
                self._ledger.outputs[node] += 1
            elif of == "state" and not letter:
                self._steps.append(Step(node, value, 0.0, self._ledger.strokes))
            else:
                self._detail(f"{job}.{task}", node, letter, value)

    def _detail(self, task: str, node: str, letter: str, value: str) -> None:
        self._details[node][letter] = value
        if letter in "be":
            self.at = max(self.at, int(value) / SECOND)
        elif letter == "w":
            self._ledger.waits_left[task] = int(value)

    def _of_job(self, job: str, name: str, value: str) -> None:
        match name:
            case "status":
                self._ledger.statuses[job].append(value)
            case "created":
                self._ledger.created[job] = self.at = int(value) / SECOND
            case "ended":
                self._ledger.finished[job] = self.at = int(value) / SECOND
            case "retried":
                self._by_hand = True

    def counted(self, key: bytes, name: str, by: int) -> None:
        found = JOB_KEY.fullmatch(key)
        if not found or found.group(2) != b"state":
            return
        job, parent = found.group(1).decode(), (found.group(3) or b"").decode()
        task, _, letter = name.partition(":")
        if letter == "w":
            self._ledger.waits_left[f"{job}.{task}"] += by
        elif letter == "n" and by < 0:
            self._given_back.add(f"{job}-{parent}-{task}" if parent else f"{job}-{task}")

    def close(self) -> None:
        ledger = self._ledger
        ledger.first_at = ledger.first_at or self.at
        ledger.last_at = self.at = max(self.at, ledger.last_at)
        ended = dict(self.ended)
        for step in self._steps:
            details = self._details[step.node]
            step.at, step.by_hand, step.error = self.at, self._by_hand, details.get("x", "")
            step.given_back = step.node in self._given_back
            if step.state == "running":
                step.run, step.at = details["r"], int(details["b"]) / SECOND
                self._begin(step, details)
            else:
                step.run = ended.get(step.node, "")
            ledger.steps[step.node].append(step)
        for node, run in self.ended:
            self._end(node, run)

    def _begin(self, step: Step, details: dict[str, str]) -> None:
        if step.run in self._ledger.runs:
            self._ledger.begun_again.append(step.run)
        self._ledger.runs[step.run] = Run(step.run, step.node, details["k"], int(details["n"]), step.at)

    def _end(self, node: str, run_id: str) -> None:
        run = self._ledger.runs.get(run_id)
        if run is None or run.node != node or run.ended is not None:
            self._ledger.ended_again.append(run_id)
            return
        after = next((step for step in self._steps if step.node == node), None)
        run.ended = self.at
        run.became = after.state if after else "?"
        run.given_back = node in self._given_back
        run.lost = bool(after and after.state in ("ready", "failed", "skipped") and LOST.match(after.error))
