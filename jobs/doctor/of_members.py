"""What must be true of what stands in a set: it is there, and belongs there. And of pauses: they name what is there."""

from __future__ import annotations

from collections.abc import Iterator

from jobs import border, types
from jobs.doctor.fault import Fault, Subject
from jobs.errors import InvalidSubmission
from jobs.store import Store

RULES = {"leases": "lease-held", "delayed": "delayed-held", "registry": "registry-held"}


def look(store: Store, subject: Subject) -> Iterator[Fault]:
    """Yield what is wrong with one suspected member, as it is at one moment."""
    of, member = subject.names
    if not int(store.run("drop", of, member, "1")[0]):
        return
    kind, _, about = of.partition(" ")
    says = {
        "leases": f"lease {member} holds no running task",
        "delayed": f"{member} waits in delayed, but is no delayed task",
        "registry": f"RQ's {about.replace(' ', ' registry of queue ')} holds {member}, which is no task of that queue",
    }.get(kind, f"the list of {of} holds job {member}, which is gone or not of it")
    yield Fault(RULES.get(kind, "index-held"), subject, says)


def mend(store: Store, subject: Subject) -> None:
    """Take the member out, unless it belongs there by now."""
    store.run("drop", *subject.names, "")


def look_at_held(store: Store, subject: Subject) -> Iterator[Fault]:
    """Yield what is wrong with the held tasks of a job type, as they are at one moment."""
    (kind,) = subject.names
    with store.redis.pipeline(transaction=True) as pipe:
        pipe.llen(store.keys.build("held", kind))
        pipe.sismember(store.keys.build("pauses"), f"type:{kind}")
        pipe.zscore(store.keys.sweeps(), f"type:{kind}")
        held, paused, swept = pipe.execute()
    if held and not paused and swept is None:
        yield Fault("held-kept", subject, f"job type {kind} is not paused and has tasks held ({held}): nobody will put them back")


def look_at_plain(store: Store, subject: Subject) -> Iterator[Fault]:
    """Yield what is wrong with what is kept of a plain RQ job, as it is at one moment."""
    (rq_job,) = subject.names
    missing = store.run("mend_plain", "", rq_job, "1")[0]
    if missing == b"lease":
        yield Fault("plain-lease", subject, f"plain RQ job {rq_job} runs without a lease: if its worker dies, nobody notices")
    elif missing == b"expiry":
        yield Fault("key-expiry", subject, f"what is kept of plain RQ job {rq_job}, which does not run, never expires")


def look_at_pause(store: Store, subject: Subject) -> Iterator[Fault]:
    """Yield a note on a pause of something that is not there."""
    (member,) = subject.names
    kind, _, name = member.partition(":")
    keys = store.keys
    if kind == "queue":
        known = store.redis.exists(keys.build("clock", name)) or store.redis.sismember(border.QUEUES, border.queue_key(name))
    elif kind == "org":
        known = store.redis.exists(keys.org(name), keys.org_jobs(name))
    else:
        known = kind == "type" and is_type(name)
    if not known and store.redis.sismember(keys.build("pauses"), member):
        yield Fault("pause-known", subject, f"{kind} {name} is paused, but there is none")


def is_type(name: str) -> bool:
    try:
        types.find(name)
    except InvalidSubmission:
        return False
    return True
