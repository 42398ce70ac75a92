"""Call the real verb and the model's with the same arguments, and hold their answers against each other."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from jobs import lua
from jobs.errors import Conflict, NotFound, Stale
from jobs.model import Back, Claimed, Completed, Failed, Idle, Outcome, Plain, Skipped, Spawn
from jobs.record import Ended
from jobs.settings import Settings
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.model.answers import Late, Missing, Nothing, Refused, Said, Taken
from tests.model.dump import Dump, picture_of_redis
from tests.model.picture import differences, picture_of_model
from tests.model.policy import SECOND
from tests.model.settle import Limits
from tests.model.verbs import Model

NORMAL = Limits()
SMALL = Limits(
    sweep=2, tombstones=2, first=1, promoted=1, reaped=1, brief=2 * SECOND
)  #: bulk changes and their interruptions with graphs of six tasks
BACKOFF_MOST_S = 300.0


class Stepping(Store):
    """A store whose callers' sweeps happen at a time that the test says, and are left half done when their caller dies."""

    now_us = 0
    patience = 0  #: calls of sweep before the caller dies

    def sweep(self, job: str, more: int) -> None:
        for _ in range(self.patience):
            if not more:
                return
            more = int(self.run("sweep", self.now_us, job)[0])


@contextmanager
def bounded(limits: Limits) -> Iterator[None]:
    """Compose scripts with other bounds for as long as the block lasts."""
    whole = lua.source
    bounds = {
        "SWEEP": limits.sweep,
        "TOMBSTONES": limits.tombstones,
        "FIRST": limits.first,
        "PROMOTED": limits.promoted,
        "REAPED": limits.reaped,
        "BRIEF_US": limits.brief,
    }

    @functools.cache
    def source(name: str) -> str:
        code = whole(name)
        for bound, value in bounds.items():
            code = re.sub(rf"^local {bound} = ('?)\d+('?)", rf"local {bound} = \g<1>{value}\g<2>", code, flags=re.MULTILINE)
        return code

    with mock.patch.object(lua, "source", source):
        lua.script.cache_clear()  # what was composed before has other bounds
        yield
    lua.script.cache_clear()


def composed(redis: Any, limits: Limits, *, chained_first: bool = False) -> Stepping:
    """Return a store with these bounds and FAIR_ORDER."""
    made = Stepping(redis, Settings(fair_order="chained,priority" if chained_first else "priority,chained"))
    with bounded(limits):
        for verb in lua.VERBS:
            assert made.scripts[verb]
    return made


def stores(redis: Any) -> dict[tuple[Limits, bool], Stepping]:
    """Return a store for each kind of bounds, and for each FAIR_ORDER."""
    kinds = itertools.product((NORMAL, SMALL), (False, True))
    return {(limits, chained_first): composed(redis, limits, chained_first=chained_first) for limits, chained_first in kinds}


def said(outcome: Outcome | Back, chance: float, claimed: Claimed, took_us: int = 0) -> Said:
    return replace(said_of(outcome, chance, claimed), took=took_us)


def said_of(outcome: Outcome | Back, chance: float, claimed: Claimed) -> Said:
    """Return an outcome as the model takes it; a failure's delay is full jitter over a backoff that doubles, cut to milliseconds."""
    match outcome:
        case Completed():
            return Said("completed", outcome.output)
        case Spawn():
            return Said(
                "spawn",
                outcome.output,
                children=len(outcome.children),
                attempts=outcome.attempts,
                allowed_failures=outcome.allowed_failures,
            )
        case Back():
            return Said("back", delay_us=outcome.delay_s * SECOND)
        case Skipped():
            return Said("skipped", error=outcome.reason)
        case Failed():
            most = min(BACKOFF_MOST_S, claimed.backoff_s * 2 ** (claimed.attempt - 1))
            delay_us = float(f"{most * chance:.3f}") * SECOND
            return Said("final" if outcome.final else "failed", outcome.output, outcome.error, delay_us)


@dataclass
class Twin:
    """A Redis and a model of it, to which the same is done."""

    store: Stepping
    model: Model
    now: int  #: µs
    seen: dict[str, Any] = field(default_factory=dict)

    def call(self, real: Callable[[], Any], modelled: Callable[[], Any]) -> tuple[Any, Any]:
        """Return both answers; errors are answers, and must be of the same kind."""
        self.store.now_us = self.now
        answer, expected = attempt(real), attempt(modelled)
        if isinstance(expected, Exception) or isinstance(answer, Exception):
            assert (type(answer), state_of(answer)) == (KINDS.get(type(expected)), state_of(expected)), (
                f"the model says {expected!r}, Redis {answer!r}"
            )
        return answer, expected

    def sweeping(self, id: str, modelled: Callable[[], bool], patience: int) -> None:
        """As a caller does who goes on with calls of sweep until nothing is left, or dies after `patience` of them."""
        more = modelled()
        for _ in range(patience):
            if not more:
                return
            more = self.model.sweep(self.now, id)

    def repeated(self, real: Callable[[], Any], first: Any) -> None:
        """The same call again: the same answer, and nothing has changed."""
        again = self.unchanged(real)
        assert again == first or (type(again), state_of(again)) == (type(first), state_of(first)), f"first {first!r}, then {again!r}"

    def unchanged(self, real: Callable[[], Any]) -> Any:
        """The same call again may answer otherwise, but nothing changes; only the patrol has looked further."""
        before = Dump(self.store).keys
        answer = attempt(real)
        after = Dump(self.store).keys
        changed = {key: (before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        changed.pop(self.store.keys.build("patrol"), None)  # it goes round and round
        assert changed == {}
        return answer

    def compare(self) -> None:
        found = differences(picture_of_model(self.model), picture_of_redis(Dump(self.store)))
        assert not found, "\n".join(found)

    def record(
        self, hands: Hands, claimed: Claimed, outcome: Outcome, next_run: str | None, seed: int
    ) -> tuple[Any, Any, Callable[[], Any]]:
        def real() -> Any:
            random.seed(seed)
            return hands.record(claimed, outcome, next_run)

        what = said(outcome, random.Random(seed).random(), claimed)
        answer, expected = self.call(
            real, lambda: self.model.record(self.now, hands.name, claimed.rq_job, claimed.run, what, next_run or "", hands.queues)
        )
        return answer, expected, real

    def record_some(
        self, hands: Hands, ended: list[Ended], next_run: str | None, most: int, seed: int
    ) -> tuple[Any, Any, Callable[[], Any]]:
        def real() -> Any:
            random.seed(seed)
            return hands.record_some(ended, next_run, most)

        chances = random.Random(seed)
        told = [
            (one.claimed.rq_job, one.claimed.run, said(one.outcome, jitter(one, chances), one.claimed, round(one.took_s * SECOND)))
            for one in ended
        ]
        answer, expected = self.call(real, lambda: self.model.record_some(self.now, hands.name, told, next_run or "", hands.queues, most))
        return answer, expected, real


def jitter(ended: Ended, chances: random.Random) -> float:
    """The chance that the verb draws for a failure, and for nothing else."""
    return chances.random() if isinstance(ended.outcome, Failed) else 0.0


#: The errors of the model, and those of the verbs.
KINDS: dict[type, type] = {Refused: Conflict, Missing: NotFound, Late: Stale}


def attempt(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (Refused, Missing, Late, Conflict, NotFound, Stale) as error:
        return error


def state_of(answer: Any) -> str:
    if isinstance(answer, Stale):
        return answer.state
    return str(answer.args[0]) if isinstance(answer, Late) else ""


def all_same(found: list[Claimed] | Plain | Idle | None, expected: list[Taken] | Nothing | None) -> None:
    """As `same`, of a claim of several."""
    if isinstance(found, list) and isinstance(expected, list):
        assert len(found) == len(expected), f"the model says {expected}, Redis {found}"
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert not isinstance(found, list | Plain), f"the model says {expected}, Redis {found}"
        assert not isinstance(expected, list), f"the model says {expected}, Redis {found}"
        same(found, expected)


def same(found: Claimed | Idle | None, expected: Taken | Nothing | None) -> None:
    """What was claimed is what the model says, with the same attempt and the same inputs; or the same wait."""
    if isinstance(found, Claimed) and isinstance(expected, Taken):
        got = (found.rq_job, found.run, found.attempt, found.attempts, round(found.claimed_at * SECOND), tuple(found.inputs.items()))
        want = (expected.node, expected.run, expected.attempt, expected.allowance, expected.at, expected.inputs)
        assert got == want, f"the model says {want}, Redis {got}"
    elif isinstance(found, Idle) and isinstance(expected, Nothing):
        assert found.wait_s == expected.wait_s, f"the model waits {expected.wait_s} s, Redis says {found.wait_s}"
    else:
        assert (found, expected) == (None, None), f"the model says {expected}, Redis {found}"
