"""What a person may ask for and use: counted exactly, by Redis's clock, whoever asks at the same time."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs import limits, people, show, submit, uploads
from jobs.errors import InvalidSubmission, Limited, NotFound, Unseen
from jobs.model import Submission
from jobs.people import Person
from jobs.settings import settings
from jobs.store import Store
from jobs.uploads import Upload

MIDNIGHT = 20_000 * 86_400.0
NOON = MIDNIGHT + 43_200.0


@pytest.fixture
def store(redis: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Limits that a test reaches: 6 requests a minute, 1,000 bytes and 10 minutes a day."""
    monkeypatch.setenv("MAX_REQUESTS_PER_MINUTE", "6")
    monkeypatch.setenv("MAX_UPLOAD_BYTES_PER_DAY", "1000")
    monkeypatch.setenv("MAX_AUDIO_MINUTES_PER_DAY", "10")
    settings.cache_clear()
    return Store(redis)


@pytest.fixture
def token(store: Store) -> str:
    return people.digest(people.add(store, "ada", org="physics"))


def ask(store: Store, token: str, now: float) -> Person:
    found = people.find_by_digest(store, token, counted=True, now=now)
    assert found
    return found


def left(person: Person) -> tuple[int, float]:
    assert person.allowance
    return person.allowance.left, person.allowance.reset_s


def upload(store: Store, size: int, *, now: float = NOON, id: str | None = None, limited: bool = True) -> str:
    one = id or uploads.new_id()
    record = Upload(one, "ada", "physics", "a.ogg", size, "audio/ogg", 5.0, uploads.storage_key(one))
    uploads.add(store, record, ttl_s=60, limited=limited, now=now)
    return one


def transcription(seconds: float, *, bytes: int = 0, limited: bool = True) -> Submission:
    params = {"upload": "0" * 24, "seconds": seconds}
    return Submission("transcription", params, "ada", "physics", limited=limited, bytes=bytes)


# requests


def test_each_request_takes_one_and_each_share_of_a_minute_gives_one_back(store: Store, token: str) -> None:
    assert [left(ask(store, token, NOON)) for _ in range(6)] == [(5, 10), (4, 20), (3, 30), (2, 40), (1, 50), (0, 60)]
    with pytest.raises(Limited, match=r"6 requests a minute.*go on in 10 s") as refused:
        ask(store, token, NOON)
    assert (refused.value.what, refused.value.limit, refused.value.retry_after_s, refused.value.reset_s) == ("requests", 6, 10, 60)

    assert left(ask(store, token, NOON + 10)) == (0, 60)
    assert left(ask(store, token, NOON + 35)) == (1, 45)
    assert left(ask(store, token, NOON + 300)) == (5, 10)


def test_a_refused_request_is_not_counted(store: Store, token: str) -> None:
    for _ in range(6):
        ask(store, token, NOON)
    for _ in range(20):
        with pytest.raises(Limited):
            ask(store, token, NOON + 5)

    assert left(ask(store, token, NOON + 10)) == (0, 60)


@pytest.mark.parametrize("most", [1, 7, 600, 1_000_000])
def test_no_more_than_the_limit_at_once_and_no_more_than_twice_that_in_any_minute(store: Store, token: str, most: int) -> None:
    limits.give(store, "ada", requests=most)
    steps = min(most * 3, 2000)
    taken = []
    for n in range(steps):
        now = NOON + n * 90 / steps
        try:
            ask(store, token, now)
        except Limited:
            continue
        taken.append(now)

    busiest = max(sum(at <= other < at + 60 for other in taken) for at in taken[:: max(len(taken) // 50, 1)])
    assert busiest <= 2 * most
    assert len(taken) >= min(most, steps)


def test_many_who_ask_at_once_do_not_get_more_together(store: Store, token: str) -> None:
    def one(_: int) -> bool:
        try:
            ask(store, token, NOON)
        except Limited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == 6


def test_a_look_at_a_job_counts_too_and_tells_what_is_left_whether_it_is_seen_or_not(store: Store, token: str) -> None:
    job = submit.submit(store, transcription(5), now=NOON)
    seen = show.see(store, job, asker=token, now=NOON)
    assert left(people.told(seen.who)) == (5, 10)
    with pytest.raises(Unseen) as unseen:
        show.see(store, "nothing", asker=token, now=NOON)
    assert left(people.told(unseen.value.who)) == (4, 20)
    for _ in range(4):
        show.see(store, job, asker=token, known=seen.known, now=NOON)
    with pytest.raises(Limited):
        show.see(store, job, asker=token, known=seen.known, now=NOON)
    assert show.see(store, job, now=NOON).known, "who was not asked for by name is not counted"


def test_an_admin_is_not_counted_and_a_limit_of_0_is_none(store: Store, token: str) -> None:
    admin = people.digest(people.add(store, "root", org="local", role="admin"))
    limits.give(store, "ada", requests=0)
    for _ in range(20):
        assert ask(store, admin, NOON).allowance is None
        assert ask(store, token, NOON).allowance is None
    assert not store.redis.exists("app:rate:root", "app:rate:ada")


def test_what_counts_is_forgotten_when_all_is_free_again(store: Store, token: str) -> None:
    for _ in range(3):
        ask(store, token, NOON)
    assert 29_000 < store.redis.pttl("app:rate:ada") <= 30_000


def test_a_full_redis_still_answers_who_asks(store: Store, token: str) -> None:
    job = submit.submit(store, transcription(5), now=NOON)
    store.redis.config_set("maxmemory", 1)
    try:
        for _ in range(10):
            assert ask(store, token, NOON).user == "ada"
            assert show.see(store, job, asker=token, now=NOON).known
    finally:
        store.redis.config_set("maxmemory", 0)


# what is used a day


def test_uploads_are_charged_until_the_days_bytes_are_used_and_a_refused_one_leaves_nothing(store: Store) -> None:
    upload(store, 600)
    with pytest.raises(Limited, match=r"upload 1 kB a day and have sent 600 bytes today.*in 12 h 0 min.*`users limit ada`") as refused:
        upload(store, 401)
    assert (refused.value.what, refused.value.limit, refused.value.used, refused.value.retry_after_s) == ("bytes", 1000, 600, 43_200)
    assert len(store.redis.keys("app:uploads:*")) == 1
    upload(store, 400)
    assert limits.used(store, "ada", now=NOON).bytes == 1000


def test_a_new_day_begins_at_midnight_utc(store: Store) -> None:
    upload(store, 1000, now=MIDNIGHT - 1)
    with pytest.raises(Limited):
        upload(store, 1, now=MIDNIGHT - 1)
    upload(store, 1000, now=MIDNIGHT)
    assert 0 < store.redis.ttl("app:used:ada:20000") <= 2 * 86_400


def test_an_upload_that_is_recorded_again_is_charged_once(store: Store) -> None:
    one = upload(store, 600)
    upload(store, 600, id=one)
    assert limits.used(store, "ada", now=NOON).bytes == 600


def test_who_is_not_limited_is_not_charged(store: Store) -> None:
    upload(store, 5000, limited=False)
    submit.submit(store, transcription(7200, limited=False), now=NOON)
    assert limits.used(store, "ada", now=NOON).bytes == 0
    assert limits.used(store, "ada", now=NOON).minutes == 0


def test_recordings_are_charged_with_their_job_and_what_came_along_with_them(store: Store) -> None:
    submit.submit(store, transcription(450, bytes=700), now=NOON)
    used = limits.used(store, "ada", now=NOON)
    assert (used.minutes, used.bytes, used.day_ends_s) == (7.5, 700, 43_200)
    with pytest.raises(Limited, match=r"10 min of recordings worked on a day and have submitted 8 min today") as refused:
        submit.submit(store, transcription(151), now=NOON)
    assert (refused.value.what, refused.value.limit, refused.value.used) == ("seconds", 600, 450)
    with pytest.raises(Limited, match="upload 1 kB a day"):
        submit.submit(store, transcription(1, bytes=301), now=NOON)
    assert limits.used(store, "ada", now=NOON) == used, "neither is charged when one is refused"
    assert store.redis.zcard("app:jobs") == 1


def test_a_submission_that_is_repeated_is_charged_once(store: Store) -> None:
    first = submit.submit(store, transcription(400), idempotency_key="k", now=NOON)
    assert submit.submit(store, transcription(400), idempotency_key="k", now=NOON) == first
    assert limits.used(store, "ada", now=NOON).minutes == pytest.approx(400 / 60)
    assert submit.was_used(store, "ada", "k")
    assert not submit.was_used(store, "ada", "another")


def test_of_many_submissions_those_are_made_that_the_day_has_room_for(store: Store) -> None:
    told = submit.submit_many(store, [transcription(250)] * 4, now=NOON)
    assert [type(one) for one in told] == [str, str, Limited, Limited]


def test_many_at_once_do_not_use_more_than_the_day_has(store: Store) -> None:
    def one(_: int) -> bool:
        try:
            upload(store, 300)
        except Limited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(24))) == 3


# limits of a person's own


def test_limits_of_ones_own_come_before_the_usual_ones_until_they_are_taken_back(store: Store, token: str) -> None:
    assert limits.give(store, "ada", requests=2, minutes=1.5) == limits.Limits(2, 1000, 1.5)
    assert limits.give(store, "ada", bytes=0) == limits.Limits(2, 0, 1.5)
    ask(store, token, NOON)
    ask(store, token, NOON)
    with pytest.raises(Limited, match="2 requests"):
        ask(store, token, NOON)
    upload(store, 5000)
    with pytest.raises(Limited):
        submit.submit(store, transcription(91), now=NOON)

    assert limits.give_usual(store, "ada") == limits.usual(store.settings) == limits.Limits(6, 1000, 10)
    submit.submit(store, transcription(91), now=NOON)


def test_a_limit_that_is_lower_than_what_was_used_refuses_only_what_would_use_more(store: Store, token: str) -> None:
    submit.submit(store, transcription(400), now=NOON)
    limits.give(store, "ada", minutes=1)
    submit.submit(store, transcription(0), now=NOON)  # of unknown length, or without sound: notes, packages
    with pytest.raises(Limited):
        submit.submit(store, transcription(0.5), now=NOON)


def test_what_is_left_of_a_minute_is_told(store: Store, token: str) -> None:
    assert limits.used(store, "ada", now=NOON).requests == 6
    for n in range(1, 7):
        ask(store, token, NOON)
        told = limits.used(store, "ada", now=NOON)
        assert (told.requests, told.requests_reset_s) == (6 - n, 10 * n)
    assert limits.used(store, "ada", now=NOON + 15).requests == 1


def test_what_is_no_limit_is_refused(store: Store, token: str) -> None:
    for wrong in (-1, math.inf, math.nan):
        with pytest.raises(InvalidSubmission) as refused:
            limits.give(store, "ada", minutes=wrong)
        assert refused.value.field == "minutes"
    for change in (lambda: limits.of(store, "bob"), lambda: limits.give(store, "bob", bytes=1), lambda: limits.give_usual(store, "bob")):
        with pytest.raises(NotFound, match="bob"):
            change()
    assert not store.redis.exists("app:users:bob")
