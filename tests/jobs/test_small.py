"""What a job takes in Redis: its hashes stay in their small encoding, whatever the lengths of what stands in them."""

from __future__ import annotations

import json

import pytest

from jobs import control, show
from jobs.model import Graph, Json, TaskSpec
from jobs.store import Store
from jobs.submit import lines
from tests.jobs.hands import Hands

SMALL = (b"listpack", b"ziplist")  #: Redis 7's name for it, and 6.2's
SHORT = {"upload": "é" * 25 + "+"}  #: 64 bytes of JSON
LONG = {"upload": "é" * 26}


def submitted(store: Store, params: Json, job: str = "0123456789abcdef") -> str:
    """Make a job of one task with these parameters, which no type has to know."""
    text = json.dumps(params, separators=(",", ":"), ensure_ascii=False)
    graph = Graph((TaskSpec("a", "synthetic"),))
    store.run("submit", "", job, "synthetic", "ada", "acme", "normal", text, "", "", 1, 1, 0, "", *lines(graph))
    return job


def read_everywhere(hands: Hands, job: str) -> list[Json]:
    """The parameters of the only job as whoever reads them has them: its status, a list, a worker, one whose claim is repeated."""
    listed = show.read_many(hands.store, [job])[0].params
    return [show.job(hands.store, job).params, listed, hands.look("run").params, hands.look("run").params]


@pytest.mark.parametrize(
    "params", [{}, {"upload": "u"}, SHORT, LONG, {"upload": "u" * 10_000}], ids=["none", "few", "64 bytes", "65 bytes", "many"]
)
def test_parameters_of_any_length_are_read_by_all_and_the_jobs_hash_stays_small(hands: Hands, params: Json) -> None:
    job = submitted(hands.store, params)
    assert read_everywhere(hands, job) == [params] * 4
    assert hands.store.redis.object("encoding", hands.store.keys.job(job)) in SMALL


def test_parameters_stand_in_one_place_the_short_ones_with_the_rest_and_none_in_no_place(store: Store) -> None:
    jobs = [submitted(store, params, str(n)) for n, params in enumerate(({}, SHORT, LONG))]
    assert [store.redis.hexists(store.keys.job(job), "params") for job in jobs] == [False, True, False]
    assert [store.redis.exists(store.keys.params(job)) for job in jobs] == [0, 0, 1]


def test_long_parameters_go_with_their_job(store: Store) -> None:
    job = submitted(store, LONG)
    control.delete(store, job)
    assert not store.redis.exists(store.keys.params(job))


def test_the_parameters_of_a_job_of_before_are_read_however_long(hands: Hands) -> None:
    job, store = submitted(hands.store, LONG), hands.store
    store.redis.hset(store.keys.job(job), "params", store.redis.getdel(store.keys.params(job)))
    assert read_everywhere(hands, job) == [LONG] * 4
