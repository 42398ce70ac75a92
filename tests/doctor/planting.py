"""How a fault is planted: one thing in Redis broken, as no script of ours would leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs import control
from jobs.control import Paused
from jobs.model import Spawn
from tests.jobs.hands import Hands

LANE = "rq:queue:short.normal.fresh.acme"


@dataclass(frozen=True)
class Plant:
    rules: frozenset[str]  #: what is broken by it, exactly
    says: str  #: stands in the sentence
    plant: Callable[[Hands], str]  #: returns the job that it befalls
    repaired: bool  #: by --fix


PLANTS: list[Plant] = []


def plant(*rules: str, says: str, repaired: bool = True) -> Callable[[Callable[[Hands], str]], Callable[[Hands], str]]:
    def note(function: Callable[[Hands], str]) -> Callable[[Hands], str]:
        PLANTS.append(Plant(frozenset(rules), says, function, repaired))
        return function

    return note


def split(hands: Hands, children: int = 3) -> str:
    """A job whose task has split into children, which are ready."""
    job = hands.submit({"name": "parent"})
    hands.record(hands.claim(), Spawn(tuple({} for _ in range(children))))
    return job


def paused(hands: Hands, name: str, kind: Paused) -> str:
    """A job that waits for the end of a pause, and that a claim has met."""
    job = hands.submit({"name": "a"})
    control.pause(hands.store, name, kind, now=hands.now)
    hands.look()
    return job
