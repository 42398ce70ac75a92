"""What must be true of an organisation in a queue: what is counted of it, and where it waits. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.doctor.fault import Fault, Subject
from jobs.doctor.read import ShareSeen
from jobs.states import Priority


def faults(share: ShareSeen) -> Iterator[Fault]:
    """Yield what is wrong with a share; one of which nothing is left is sound."""
    who = f"{share.org} in queue {share.queue}"
    waits = {priority for priority, lanes in share.lanes.items() if lanes.chained + lanes.fresh}
    parked = share.parked[1]
    stands = set() if parked else waits
    for order in ("ready", "turns"):
        there = {priority for priority, lanes in share.lanes.items() if getattr(lanes, order)}
        for priority in sorted(stands - there):
            says = f"{who} waits with priority {priority}, but is not in {order}: its turn will not come"
            yield found("share-ready", share, says)
        for priority in sorted(there - stands):
            yield found(
                "share-ready", share, f"{who} is in {order} of priority {priority}, but {'is parked' if parked else 'waits for nothing'}"
            )
    if share.parked[0] != parked:
        yield found("share-parked", share, f"{who} is {'' if parked else 'not '}listed as parked, its share says otherwise")
    elif parked and share.may_run:
        yield found("share-reason", share, f"{who} is parked, but neither paused nor at a limit: nobody will put it back")
    if share.limit and share.org_n != share.org_running:
        yield found("org-running", share, f"{share.org} runs {share.org_running} tasks in all, its limit counts {share.org_n}")
    letters = {str(priority) for priority in Priority if priority[0] in share.letters}
    if letters != waits or len(share.letters) != len(letters):
        yield found("share-letters", share, f"{who} waits with {told(waits)}, its share says {share.letters or 'nothing'}")
    if share.n != share.running:
        yield found("share-running", share, f"{who} runs {share.running} tasks, its share says {share.n}")
    if share.clock_n != share.queue_running:
        yield found("queue-running", share, f"queue {share.queue} runs {share.queue_running} tasks, its clock says {share.clock_n}")
    busy = bool(waits) or share.running > 0
    if share.ttl >= 0 and busy:
        yield found("share-expiry", share, f"{who} waits or runs, and its share expires")
    if share.ttl == -1 and not busy:
        yield found("share-expiry", share, f"{who} neither waits nor runs, and its share never expires")
    for priority, lanes in share.lanes.items():
        if lanes.chained and lanes.unindexed and not parked:
            yield found("share-chained", share, f"{who} has {lanes.chained} chained tasks of priority {priority}, and is not in chained")
        for kind, length, listed, off in zip(("chained", "fresh"), (lanes.chained, lanes.fresh), lanes.listed, lanes.off, strict=True):
            lane = f"{share.queue}.{priority}.{kind}.{share.org}"
            if off:
                yield found("lane-tail", share, f"places in lane {lane} are told wrong by {off}")
            if listed == "1" and not length:
                yield found("lane-emptied", share, f"RQ's list of queues names {lane}, which is empty")
            elif listed == "0" and length:
                yield found("lane-listed", share, f"RQ's list of queues does not name {lane}, which holds {length}")


def depth_faults(subject: Subject, found: int, told: int) -> Iterator[Fault]:
    """Yield what is wrong with the count of what waits in a queue with one priority."""
    queue, priority = subject.names
    if found != told:
        yield Fault("queue-depth", subject, f"queue {queue} holds {found} ids of priority {priority}, its clock says {told}")


def told(priorities: set[str]) -> str:
    return ", ".join(sorted(priorities)) or "nothing"


def found(rule: str, share: ShareSeen, says: str) -> Fault:
    return Fault(rule, Subject("share", (share.queue, share.org)), says)
