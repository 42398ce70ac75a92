"""What a job takes in Redis: its hashes stay in their small encoding, whatever the lengths of what stands in them."""

from __future__ import annotations

import json

import pytest

from jobs import control, record, show
from jobs.model import Completed, Failed, Graph, JobView, Json, Outcome, Skipped, Spawn, TaskSpec
from jobs.store import Store
from jobs.submit import lines
from tests.jobs.hands import Hands, chain

SMALL = (b"listpack", b"ziplist")  #: Redis 7's name for it, and 6.2's
SHORT = {"upload": "é" * 25 + "+"}  #: 64 bytes of JSON
LONG = {"upload": "é" * 26}


def submitted(store: Store, params: Json, job: str = "0123456789abcdef") -> str:
    """Make a job of one task with these parameters, which no type has to know."""
    text = json.dumps(params, separators=(",", ":"), ensure_ascii=False)
    graph = Graph((TaskSpec("a", "synthetic"),))
    store.run("submit", "", job, "synthetic", "ada", "acme", "normal", text, "", "", 1, 1, 0, "", "", 0, 0, "", "", "", "", *lines(graph))
    return job


def listed_of(hands: Hands, job: str) -> JobView:
    (seen,) = show.see_many(hands.store, [job])
    assert seen.known
    return seen.known.view


def read_everywhere(hands: Hands, job: str) -> list[Json]:
    """The parameters of the only job as whoever reads them has them: its status, a list, a worker, one whose claim is repeated."""
    listed = listed_of(hands, job).params
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


ERROR = "the recording could not be decoded: Invalid data found when processing input, at 12.3 s"


def error_of(hands: Hands, job: str) -> str:
    """The error of task `a` as the job's status and a list have it."""
    listed = listed_of(hands, job)
    assert listed.tasks == show.job(hands.store, job).tasks
    return {task.name: task.error for task in listed.tasks}["a"]


@pytest.mark.parametrize("outcome", [Failed(ERROR, final=True), Failed(ERROR), Skipped(ERROR)], ids=["failed", "tried again", "skipped"])
def test_an_error_of_any_length_leaves_the_small_hashes_small(hands: Hands, outcome: Outcome) -> None:
    hands.name = "h" * 64
    job = hands.submit(*chain("a", "b", optional=isinstance(outcome, Skipped)))
    hands.record(hands.claim(), outcome)
    assert error_of(hands, job) == ERROR
    hands.now += 400
    hands.drain()
    hashes = [key for key in hands.store.redis.scan_iter(f"*{job}*", _type="hash") if not key.endswith(b":outputs")]
    assert {hands.store.redis.object("encoding", key) for key in hashes} <= set(SMALL)


@pytest.mark.parametrize("before", [False, True], ids=["now", "where a former version wrote it"])
def test_an_error_is_gone_when_the_task_is_tried_by_hand_or_succeeds(hands: Hands, before: bool) -> None:
    def fail(outcome: Failed) -> None:
        hands.record(hands.claim(), outcome)
        if before:
            hands.store.redis.hdel(hands.store.keys.outputs(job), "a:x")
            hands.store.redis.hset(hands.store.keys.state(job), "a:x", ERROR)
        assert error_of(hands, job) == ERROR

    job = hands.submit({"name": "a", "backoff_seconds": 0})
    fail(Failed(ERROR, final=True))
    control.retry(hands.store, job, now=hands.now)
    assert error_of(hands, job) == ""
    fail(Failed(ERROR))
    hands.work(Completed("done"))
    assert error_of(hands, job) == ""
    assert show.job(hands.store, job).outputs == {"a": "done"}


def test_the_outputs_of_children_are_not_taken_for_their_errors(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.record(hands.claim(), Spawn(({}, {}), allowed_failures=1))
    hands.work(Failed(ERROR, final=True))
    hands.work(Completed("done"))
    assert record.children_outputs(hands.store, job, "a") == ["done"]
    assert error_of(hands, job) == ""


def test_what_rq_tells_of_a_failed_task_takes_no_room_in_advance(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Failed(ERROR, final=True))
    key = f"rq:results:{job}-a"
    assert hands.store.redis.memory_usage(key) < 1500
    assert 0 < hands.store.redis.ttl(key) <= hands.store.settings.retention_days * 86_400
    assert not hands.store.redis.exists(f"{key}:copy")


def test_of_a_completed_child_only_that_is_kept_which_somebody_may_ask_for(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.record(hands.claim(), Spawn(({}, {})))
    hands.work(Completed("done"))
    begun = hands.claim()
    kept = hands.store.redis.hgetall(hands.store.keys.build("child_state", job, "a"))
    done, runs = ({name.decode(): value for name, value in kept.items() if name.startswith(n)} for n in (b"0", b"1"))
    assert set(done) == {"0", "0:n", "0:p", "0:e"}
    assert runs["1:r"] == begun.run.encode()
