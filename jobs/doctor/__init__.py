"""Hold everything in Redis against what must always be true of it, while workers work, and repair what is safe.

Each transition is one script, so that every rule holds between any two calls. A job, a task, a share is read in one call:
what is wrong in it is wrong. What was read in several calls may only have changed in between: so whatever looks wrong is
looked at twice more, each time at one moment, some time apart, and counts if it is wrong both times. Nothing is
repaired but what such a look has found, by a script that looks again by itself and does no harm twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobs import lua
from jobs.doctor import of_jobs, of_keys, of_members, of_shares, of_tasks, read
from jobs.doctor.fault import RULES, Fault, Report, Rule, Subject
from jobs.doctor.walk import Walk
from jobs.store import Store, stamp

__all__ = ["RULES", "Fault", "Report", "Rule", "Subject", "examine"]

AGAIN_S = 0.1  #: between the two looks that have to agree
MOST = 1000  #: subjects of one kind that are confirmed and repaired a run; the rest is for the next
ORDER = ("job", "task", "member", "share", "key", "pause")  #: what comes first explains what comes later


def examine(store: Store, *, fix: bool = False, again_s: float = AGAIN_S, now: float | None = None) -> Report:
    """Return what is wrong in Redis and, with `fix`, repair what is safe. `now` (s) is for tests alone.

    Costs reads in pages, none longer than some milliseconds, about a quarter of a millisecond of Redis's time a job.
    """
    began = time.monotonic()
    store.learn(lua.DOCTOR)
    walk = Walk(store)
    walk.everything()
    report = Report(looked=dict(walk.looked))
    first = list(look(store, sorted(walk.suspects, key=lambda subject: ORDER.index(subject.kind)), walk.unleased, report))
    if first:
        time.sleep(again_s)
        again = {(fault.rule, fault.subject) for fault in first}
        second = look(store, dict.fromkeys(fault.subject for fault in first), walk.unleased, report)
        report.found = [fault for fault in second if (fault.rule, fault.subject) in again]
    if fix and report.found:
        report.found = mend(store, report.found, now)
    report.seconds = time.monotonic() - began
    return report


def look(store: Store, subjects: Iterable[Subject], unleased: Sequence[str], report: Report) -> Iterator[Fault]:
    """Yield what is wrong with each of `subjects`, each as it is at one moment; at most MOST faulty ones of a kind."""
    retention_s = store.settings.retention_days * 86_400
    for kind in ORDER:
        mine = [subject for subject in subjects if subject.kind == kind]
        names = [subject.names for subject in mine]
        found: Iterable[Iterable[Fault]]
        match kind:
            case "job":
                found = (of_jobs.faults(job) for job in read.jobs(store, [job for (job,) in names]))
            case "task":
                seen = read.tasks(store, [task for (task,) in names], deep=True)
                found = (of_tasks.faults(task, retention_s=retention_s) for task in seen)
            case "share":
                found = (of_shares.faults(share) for share in read.shares(store, names, unleased))
            case "member":
                found = (of_members.look(store, subject) for subject in mine)
            case "key":
                found = (of_keys.look(store, subject) for subject in mine)
            case _:
                found = (of_members.look_at_pause(store, subject) for subject in mine)
        wrong = 0
        for at, some in enumerate(found):
            faults = list(some)
            yield from faults
            wrong += bool(faults)
            if wrong == MOST:
                report.more += len(mine) - at - 1
                break


def mend(store: Store, found: Sequence[Fault], now: float | None) -> list[Fault]:
    """Repair what is safe, and return each fault with whether it is gone."""
    alone = {fault.subject for fault in found if RULES[fault.rule].alone}
    safe = dict.fromkeys(fault.subject for fault in found if RULES[fault.rule].mends and fault.subject not in alone)
    for subject in safe:
        mend_one(store, subject, now)
    left = {(fault.rule, fault.subject) for fault in look(store, safe, (), Report())}
    return [replace(fault, mended=fault.subject in safe and (fault.rule, fault.subject) not in left) for fault in found]


def mend_one(store: Store, subject: Subject, now: float | None) -> None:
    match subject.kind:
        case "job":
            store.sweep(subject.names[0], int(store.run("mend_job", stamp(now), *subject.names)[0]))
        case "task":
            store.run("mend_task", stamp(now), *subject.names)
        case "share":
            store.run("mend_share", *subject.names)
        case "member":
            of_members.mend(store, subject)
        case "key":
            of_keys.mend(store, subject)
