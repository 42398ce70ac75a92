"""Many submissions in pipelined chunks: each becomes a job or is refused by itself, and nothing is made twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis as redis_py
from redis import Redis

from jobs import submit, uploads
from jobs.errors import Conflict, Forbidden, InvalidSubmission, NoUpload, Overloaded
from jobs.model import Submission
from jobs.store import NEARLY_FULL, Store, connect
from jobs.uploads import Upload
from tests.jobs.hands import Hands


def asked(*names: str, admin: bool = True, **more: Any) -> Submission:
    return Submission("synthetic", {"tasks": [{"name": name} for name in names or ("a",)]}, "ada", "acme", admin=admin, **more)


def made(told: list[str | Exception]) -> list[str]:
    assert [one for one in told if not isinstance(one, str)] == []
    return [str(one) for one in told]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "CHUNK_JOBS", 3)


@pytest.fixture
def sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands went in each pipeline."""
    sizes: list[int] = []
    pipe = Store._pipe

    def counting(self: Store, commands: Any) -> list[Any]:
        listed = list(commands)
        sizes.append(len(listed))
        return pipe(self, listed)

    monkeypatch.setattr(Store, "_pipe", counting)
    return sizes


def test_many_become_jobs_in_their_order_as_if_submitted_one_by_one(hands: Hands, small_chunks: None) -> None:
    jobs = made(submit.submit_many(hands.store, [asked(f"t{n}") for n in range(8)], now=hands.now))

    assert len(set(jobs)) == 8
    assert [list(hands.states(job)) for job in jobs] == [[f"t{n}"] for n in range(8)]
    assert hands.drain() == [f"t{n}" for n in range(8)]
    assert {hands.status(job) for job in jobs} == {"completed"}


def test_none_is_none(store: Store, sent: list[int]) -> None:
    assert submit.submit_many(store, []) == []
    assert sent == []


def test_a_chunk_is_one_round_trip_and_ends_at_so_many_jobs_or_so_much_text(
    hands: Hands, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hands.submit({"name": "a"})  # the script is known from then on
    made(submit.submit_many(hands.store, [asked()] * 250))
    assert sent == [100, 100, 50]

    sent.clear()
    one_job = sum(len(part) for part in submit.prepare(hands.store.settings, asked(), None, None, None) if isinstance(part, str))
    monkeypatch.setattr(submit, "CHUNK_CHARS", 2 * one_job)
    made(submit.submit_many(hands.store, [asked()] * 5))
    assert sent == [2, 2, 1]


def test_others_are_served_between_the_jobs_of_a_chunk(
    store: Store, redis_url: str, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "CHUNK_JOBS", 1000)
    monkeypatch.setattr(submit, "CHUNK_CHARS", 10_000_000)
    submit.submit(store, asked())
    seen: set[int] = set()
    done = threading.Event()

    def look() -> None:
        with connect(redis_url) as other:
            while not done.is_set():
                seen.add(int(other.zcard("app:jobs")))

    looking = threading.Thread(target=look)
    looking.start()
    made(submit.submit_many(store, [asked()] * 1000))
    done.set()
    looking.join()

    assert sent == [1000]
    assert seen - {1, 1001}, "nobody was answered while the chunk was half made"


def test_a_refused_one_keeps_no_other_from_becoming_a_job(hands: Hands, small_chunks: None) -> None:
    taken, no_type, no_admin, cycle = (
        asked(),
        Submission("unheard_of", {}, "ada", "acme"),
        asked(admin=False),
        Submission("synthetic", {"tasks": [{"name": "a", "needs": ["a"]}]}, "ada", "acme", admin=True),
    )

    told = submit.submit_many(hands.store, [taken, no_type, taken, no_admin, cycle, taken])

    assert [type(one) for one in told] == [str, InvalidSubmission, str, Forbidden, InvalidSubmission, str]
    assert hands.store.redis.zcard("app:jobs") == 3
    assert hands.drain() == ["a"] * 3


def test_what_all_are_refused_for_is_never_sent(store: Store, sent: list[int]) -> None:
    (told,) = submit.submit_many(store, [asked(admin=False)])

    assert isinstance(told, Forbidden)
    assert sum(sent) == 0


def test_with_keys_it_can_be_repeated_and_makes_nothing_twice(hands: Hands, small_chunks: None) -> None:
    submissions, keys = [asked(f"t{n}") for n in range(5)], [f"k{n}" for n in range(5)]
    first = made(submit.submit_many(hands.store, submissions[:4], idempotency_keys=keys[:4]))

    again = made(submit.submit_many(hands.store, submissions, idempotency_keys=keys))

    assert again[:4] == first
    assert hands.store.redis.zcard("app:jobs") == 5
    told = submit.submit_many(hands.store, [asked("other"), asked("t1")], idempotency_keys=["k0", "k1"])
    assert [type(one) for one in told] == [Conflict, str]
    assert told[1] == first[1]


def test_a_key_within_the_same_many_is_one_job(hands: Hands) -> None:
    first, second, third = made(submit.submit_many(hands.store, [asked()] * 3, idempotency_keys=["k", "k", None]))

    assert first == second != third


def test_as_many_keys_as_submissions(store: Store) -> None:
    with pytest.raises(ValueError, match="1 idempotency keys for 2 submissions"):
        submit.submit_many(store, [asked()] * 2, idempotency_keys=["k"])


def test_a_redis_that_forgot_the_script_is_taught_it_with_the_first(hands: Hands, sent: list[int], redis: Redis) -> None:
    redis.script_flush()

    made(submit.submit_many(hands.store, [asked()] * 4))
    made(submit.submit_many(hands.store, [asked()] * 4))

    assert sent == [4, 4, 4]  # sent twice, and then known
    assert len(hands.drain()) == 8


def test_a_large_graph_is_put_in_line_whole_among_small_ones(hands: Hands) -> None:
    wide = asked(*(f"t{n}" for n in range(450)))

    jobs = made(submit.submit_many(hands.store, [asked(), wide, asked()]))

    assert [set(hands.states(job).values()) for job in jobs] == [{"ready"}] * 3
    assert hands.store.redis.zcard(hands.store.keys.sweeps()) == 0
    assert len(hands.drain()) == 452


def test_a_large_graph_whose_rest_cannot_be_put_in_line_now_is_accepted_all_the_same(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise redis_py.ConnectionError("cut")

    monkeypatch.setattr(Store, "sweep", cut)
    (job,) = made(submit.submit_many(hands.store, [asked(*(f"t{n}" for n in range(450)))]))
    monkeypatch.undo()
    for _ in range(3):
        hands.renew()

    assert len(hands.drain()) == 450
    assert hands.status(job) == "completed"


def test_the_memory_is_looked_at_once_a_chunk_and_a_full_one_stops_what_follows(
    hands: Hands, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([0.5, 0.5, NEARLY_FULL + 0.01])
    monkeypatch.setattr(Store, "pressure", lambda _: next(readings))

    told = submit.submit_many(hands.store, [*[asked()] * 7, asked(admin=False), *[asked()] * 3])

    assert [type(one) for one in told] == [*[str] * 6, Overloaded, Forbidden, *[Overloaded] * 3]
    assert hands.store.redis.zcard("app:jobs") == 6


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", Overloaded),
        ("READONLY You can't write against a read only replica.", Overloaded),
        ("ERR Error running script: user_script:3: oh dear", redis_py.ResponseError),
    ],
)
def test_what_redis_answers_to_one_is_told_of_that_one(
    hands: Hands, words: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = Store._pipe

    def second_fails(self: Store, commands: Any) -> list[Any]:
        first, _, third = commands
        one, three = pipe(self, [first, third])
        return [one, redis_py.ResponseError(words), three]

    monkeypatch.setattr(Store, "_pipe", second_fails)
    told = submit.submit_many(hands.store, [asked(name) for name in "abc"])
    monkeypatch.undo()

    assert [type(one) for one in told] == [str, error, str]
    assert hands.drain() == ["a", "c"]


def test_a_redis_that_is_full_meanwhile_takes_none_and_leaves_nothing(hands: Hands, redis: Redis) -> None:
    hands.submit({"name": "a"})
    before = set(redis.keys("*"))
    hands.store.require_room()
    redis.config_set("maxmemory", 1)
    try:
        told = submit.submit_many(hands.store, [asked()] * 3, idempotency_keys=["k1", "k2", None])
    finally:
        redis.config_set("maxmemory", 0)

    assert [type(one) for one in told] == [Overloaded] * 3
    assert set(redis.keys("*")) == before


# uploads that jobs name


@pytest.fixture
def upload(store: Store) -> str:
    one = uploads.new_id()
    uploads.add(store, Upload(one, "ada", "acme", "a.ogg", 10, "audio/ogg", 5.0, uploads.storage_key(one)), ttl_s=60)
    return one


def test_an_upload_is_in_use_from_the_same_call_on_that_makes_its_job(hands: Hands, redis: Redis, upload: str) -> None:
    one = submit.submit(hands.store, asked(upload=upload))
    two, again = made(submit.submit_many(hands.store, [asked(upload=upload)] * 2, idempotency_keys=["k", "k"]))

    assert two == again
    assert redis.smembers(f"app:uploads:{upload}:jobs") == {one.encode(), two.encode()}
    assert redis.ttl(f"app:uploads:{upload}") == -1


def test_a_job_of_an_upload_that_is_gone_is_not_made(hands: Hands, redis: Redis, upload: str) -> None:
    redis.delete(f"app:uploads:{upload}")
    with pytest.raises(NoUpload, match=upload):
        submit.submit(hands.store, asked(upload=upload), idempotency_key="k")
    told = submit.submit_many(hands.store, [asked(upload=upload), asked(upload="../etc"), asked()])

    assert [type(one) for one in told] == [NoUpload, InvalidSubmission, str]
    assert redis.zcard("app:jobs") == 1
    assert not redis.keys("app:idem:*")
    assert not redis.keys("app:uploads:*")


def test_a_refusal_notes_no_use_of_an_upload(hands: Hands, redis: Redis, upload: str) -> None:
    submit.submit(hands.store, asked(), idempotency_key="k")
    with pytest.raises(Conflict):
        submit.submit(hands.store, asked("other", upload=upload), idempotency_key="k")

    assert not redis.exists(f"app:uploads:{upload}:jobs")
    assert redis.ttl(f"app:uploads:{upload}") > 0
