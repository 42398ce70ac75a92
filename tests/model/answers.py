"""What the model's verbs are told and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """The verb does not fit the state: Conflict."""


class Missing(Exception):
    """There is no such job or task: NotFound."""


class Late(Exception):
    """The run does not hold its task any more: Stale, with the task's state."""


@dataclass(frozen=True)
class Taken:
    """What a claim answers."""

    node: str  #: its id
    run: str
    attempt: int
    allowance: int
    at: int
    inputs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Nothing:
    wait_s: float


@dataclass
class Memory:
    """A worker's last answers."""

    claimed: tuple[str, tuple[str, ...]] | None = None  #: the claim, and the nodes that it took
    #: The first run of a record, and of each run that it told of the state, and whether it came too late.
    recorded: tuple[str, list[tuple[str, bool]]] | None = None

    def repeats(self, first: str, count: int) -> bool:
        """Whether a record of so many runs is the last one again."""
        return self.recorded is not None and self.recorded[0] == first and len(self.recorded[1]) == count


@dataclass(frozen=True)
class Said:
    """What a run says became of its task: completed, spawn, failed, final, skipped, back."""

    kind: str
    output: Any = None
    error: str = ""
    delay_us: float = 0
    children: int = 0
    attempts: int = 1
    allowed_failures: int = 0
    took: int = 0  #: µs


def run_at(claim: str, n: int) -> str:
    """The run of the n-th task, from 0, that a claim took."""
    return f"{claim}.{n + 1}" if n else claim


def claim_of(run: str) -> str:
    return run.partition(".")[0]
