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

    claimed: tuple[str, str] | None = None  #: run and node
    recorded: tuple[str, str, bool] | None = None  #: run, state, whether it came too late


@dataclass(frozen=True)
class Said:
    """What a run says became of its task: completed, spawn, failed, final, skipped."""

    kind: str
    output: Any = None
    error: str = ""
    delay_us: float = 0
    children: int = 0
    attempts: int = 1
    allowed_failures: int = 0
