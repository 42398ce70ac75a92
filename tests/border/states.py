"""Bring a task of a new job into a state; return its rq_job."""

from __future__ import annotations

from jobs.model import Failed, Spawn
from tests.jobs.hands import Hands, chain


def pending(hands: Hands) -> str:
    return f"{hands.submit(*chain('a', 'b'))}-b"


def ready(hands: Hands) -> str:
    return f"{hands.submit({'name': 'a'})}-a"


def delayed(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.work(Failed("try again"))
    return f"{job}-a"


def running(hands: Hands) -> str:
    return started(hands, shown=False)


def shown(hands: Hands) -> str:
    return started(hands, shown=True)


def started(hands: Hands, *, shown: bool) -> str:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    if shown:
        hands.now += 1
        hands.renew(claimed)
    return f"{job}-a"


def joining(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({}, {})))
    return f"{job}-a"


def completed(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.work()
    return f"{job}-a"
