"""What Lectern itself does at set times, and when. Each tick is a BACKGROUND job of type `maintenance`, to be seen like any other."""

from __future__ import annotations

from typing import NamedTuple

from jobs.model import SYSTEM, Submission
from jobs.store import Store
from jobs.submit import submit


class Schedule(NamedTuple):
    name: str  #: what `maintenance` is to do, and its engine
    cron: str  #: in UTC
    late_s: float  #: a tick that is missed is made up for by one, unless that would come later than this


SCHEDULES = (
    Schedule("doctor", "*/15 * * * *", late_s=600.0),
    Schedule("retention", "20 3 * * *", late_s=12 * 3600.0),
)


def find(name: str) -> Schedule | None:
    return next((schedule for schedule in SCHEDULES if schedule.name == name), None)


def start(store: Store, schedule: Schedule, tick: int) -> str:
    """Submit what a schedule does at `tick` (s since the epoch); said again, it is the job that was made then. Returns its id."""
    asked = Submission("maintenance", {"what": schedule.name}, user=SYSTEM, org=SYSTEM, admin=True)
    return submit(store, asked, idempotency_key=f"schedule:{schedule.name}:{tick}")
