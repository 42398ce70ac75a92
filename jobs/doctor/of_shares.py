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
    ready = {priority for priority, lanes in share.lanes.items() if lanes.ready}
    for priority in sorted(waits - ready):
        yield found("share-ready", share, f"{who} waits with priority {priority}, but is not in ready: none of it will be claimed")
    for priority in sorted(ready - waits):
        yield found("share-ready", share, f"{who} is in ready of priority {priority}, but waits for nothing")
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
        for kind, length, listed in zip(("chained", "fresh"), (lanes.chained, lanes.fresh), lanes.listed, strict=True):
            lane = f"{share.queue}.{priority}.{kind}.{share.org}"
            if listed == "1" and not length:
                yield found("lane-emptied", share, f"RQ's list of queues names {lane}, which is empty")
            elif listed == "0" and length:
                yield found("lane-listed", share, f"RQ's list of queues does not name {lane}, which holds {length}")


def told(priorities: set[str]) -> str:
    return ", ".join(sorted(priorities)) or "nothing"


def found(rule: str, share: ShareSeen, says: str) -> Fault:
    return Fault(rule, Subject("share", (share.queue, share.org)), says)
