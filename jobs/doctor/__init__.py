"""Hold everything in Redis against what must always be true of it, while workers work, and repair what is safe.

Each transition is one script, so that every rule holds between any two calls. A job, a task, a share is read in one call:
what is wrong in it is wrong. What was read in several calls may only have changed in between: so whatever looks wrong is
looked at twice more, each time at one moment, some time apart, and counts if it is wrong both times. Nothing is
repaired but what such a look has found.
"""

from __future__ import annotations

import time

from jobs.doctor.fault import RULES, Fault, Report, Rule, Subject
from jobs.doctor.looks import look
from jobs.doctor.mend import mend
from jobs.doctor.walk import Walk
from jobs.store import Store

__all__ = ["RULES", "Fault", "Report", "Rule", "Subject", "examine"]

AGAIN_S = 0.1  #: between the two looks that have to agree


def examine(store: Store, *, fix: bool = False, again_s: float = AGAIN_S, now: float | None = None) -> Report:
    """Return what is wrong in Redis and, with `fix`, repair what is safe. `now` (s) is for tests alone.

    Reads in pages, none of which keeps Redis for longer than some milliseconds.
    """
    began = time.monotonic()
    walk = Walk(store, now)
    walk.everything()
    report = Report(looked=dict(walk.looked), suspected=len(walk.suspects))
    first, report.more = look(store, walk.suspects, walk)
    if first:
        time.sleep(again_s)
        wrong = {(fault.rule, fault.subject) for fault in first}
        second, _ = look(store, dict.fromkeys(fault.subject for fault in first), walk)
        report.found = [fault for fault in second if (fault.rule, fault.subject) in wrong]
    if fix and report.found:
        report.found = mend(store, report.found, walk)
    report.seconds = time.monotonic() - began
    return report
