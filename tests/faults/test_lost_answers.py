"""A script ran and nobody heard its answer: the call repeated gives the first answer and changes nothing.

A verb that is not in this table fails a test: say here what its second call does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Cut

from jobs.errors import LecternError
from jobs.lua import VERBS
from jobs.store import Store, connect
from tests.faults.proxy import Call, Drop, Proxy, drop
from tests.faults.repeatable import CASES, SAME, Case
from tests.jobs.hands import START, Hands


def test_no_verb_is_missing_here() -> None:
    assert {case.verb for case in CASES} == set(VERBS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_call_whose_answer_was_lost_is_made_again_and_changes_nothing(case: Case, store: Store, proxy: Proxy) -> None:
    through = Hands(Store(connect(proxy.url)))
    through.now = START
    call = case.prepare(through)
    answers: list[bytes] = []

    def lose(call: Call) -> None:
        answers.append(call.answer)
        raise Drop

    lost = proxy.at(f"after:{case.verb}", lose)
    with pytest.raises(Cut):
        call()
    assert lost.done.is_set()
    state = everything(store)

    proxy.at(f"after:{case.verb}", lambda call: answers.append(call.answer))
    if isinstance(case.again, type) and issubclass(case.again, LecternError):
        with pytest.raises(case.again):
            call()
    else:
        answer = call()
        assert answers[0] == answers[1] if case.again is SAME else answer == case.again

    assert everything(store) == state


def everything(store: Store) -> dict[bytes, Any]:
    """All that Redis holds, but expiries, and how far the patrol has come, which goes on with every call."""
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": store.redis.get,
        b"hash": store.redis.hgetall,
        b"list": lambda key: store.redis.lrange(key, 0, -1),
        b"set": store.redis.smembers,
        b"zset": lambda key: store.redis.zrange(key, 0, -1, withscores=True),
        b"stream": store.redis.xrange,
    }
    return {key: read[store.redis.type(key)](key) for key in store.redis.scan_iter("*") if key != store.keys.build("patrol").encode()}


def test_a_submission_of_many_tasks_is_whole_also_when_its_first_answer_was_lost(store: Store, proxy: Proxy) -> None:
    """Its first call stood up 200 tasks; the repetition finds the job there, and any worker goes on with the rest."""
    through, hands = Hands(Store(connect(proxy.url))), Hands(store)
    proxy.at("after:submit", drop)
    tasks = [{"name": f"t{n}"} for n in range(450)]
    with suppress(Cut):
        through.submit(*tasks, job="j1")
    assert through.submit(*tasks, job="j1") == "j1"
    for _ in range(3):
        hands.renew()
    assert len(hands.drain()) == 450
    assert hands.status("j1") == "completed"
