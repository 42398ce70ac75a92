"""Repair what is safe to repair: by scripts that look again by themselves, beside workers that work, and harmless when repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs.doctor import of_keys, of_members, read
from jobs.doctor.fault import RULES, Fault, Subject
from jobs.doctor.looks import look
from jobs.doctor.walk import Walk
from jobs.store import Store, stamp


def mend(store: Store, found: Sequence[Fault], walk: Walk) -> list[Fault]:
    """Repair what is safe, and return each fault with whether it is gone."""
    alone = {fault.subject for fault in found if RULES[fault.rule].alone}
    safe = dict.fromkeys(fault.subject for fault in found if RULES[fault.rule].mends and fault.subject not in alone)
    for subject in safe:
        mend_one(store, subject, walk)
    left = {(fault.rule, fault.subject) for fault in look(store, safe, walk)[0]}
    return [replace(fault, mended=fault.subject in safe and (fault.rule, fault.subject) not in left) for fault in found]


def mend_one(store: Store, subject: Subject, walk: Walk) -> None:
    names, now = subject.names, stamp(walk.now)
    match subject.kind:
        case "job":
            store.sweep(names[0], int(store.run("mend_job", now, *names)[0]))
        case "task":
            store.run("mend_task", now, *names)
        case "held":
            store.sweep(f"type:{names[0]}", 1)
        case "share":
            store.run("mend_share", now, *names)
        case "depth":
            store.run("mend_depth", *names, *walk.orgs.get(names[0], ())[: read.ORGS_MOST])
        case "plain":
            store.run("mend_plain", now, *names, "")
        case "member":
            of_members.mend(store, subject)
        case "key":
            of_keys.mend(store, subject)
