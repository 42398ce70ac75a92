"""Why a run is told to stop. None of these is an `Exception`, so that an engine's own `except Exception` lets them through."""

from __future__ import annotations

from typing import NoReturn

from jobs.errors import Stale


class Interrupted(BaseException):
    """Base of all. An engine that catches one must raise it again."""


class HandBack(Interrupted):
    """The worker is leaving: the task goes back to the front of its lane, no attempt spent."""


class Cancelled(Interrupted):
    """The job, or this task of it, was cancelled."""


class Superseded(Interrupted):
    """The run no longer holds its task: its lease ended, or the task was retried."""


class TimedOut(Interrupted):
    """The run took longer than its task may."""


def stop(stale: Stale) -> NoReturn:
    """Raise what tells an engine that its run no longer holds its task."""
    raise (Cancelled if getattr(stale, "state", "") == "cancelled" else Superseded)() from stale
