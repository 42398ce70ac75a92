"""What is due is started once a tick, whoever dies in between and whatever is wrong with one entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from jobs import show
from jobs.model import SYSTEM
from jobs.store import Store
from workers.scheduler import schedules, ticking
from workers.scheduler.leader import Deposed, Leader
from workers.scheduler.schedules import Schedule
from workers.scheduler.ticking import JsonJob, Ticking, entry_of, next_of_cron

NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC).timestamp()
HOURLY = (Schedule("doctor", "0 * * * *", late_s=600.0),)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Ticking]:
    monkeypatch.setattr(schedules, "SCHEDULES", HOURLY)

    def made() -> Ticking:
        leader = Leader(store)
        leader.lead()
        return Ticking(store, leader, interval_s=1.0, clock=clock)

    return made


@pytest.fixture
def ticks(make: Callable[[], Ticking]) -> Ticking:
    return make()


def maintenance(store: Store) -> list[dict[str, Any]]:
    return show.listing(store, user=SYSTEM)[0]


def pushed(redis: Redis) -> list[str]:
    return [id.decode() for id in redis.lrange("rq:queue:short", 0, -1)]


def test_a_tick_is_a_background_job_and_comes_once(ticks: Ticking, store: Store, clock: Clock) -> None:
    ticks.register(HOURLY)
    assert ticks.start_due() == 0
    clock.now = NOON + 3600
    assert ticks.start_due() == 1
    (job,) = maintenance(store)
    assert (job["type"], job["priority"], job["tasks"][0]["engine"]) == ("maintenance", "background", "doctor")
    assert ticks.start_due() == 0
    assert ticks.next_due() == NOON + 7200
    clock.now = NOON + 7201
    ticks.start_due()
    assert len(maintenance(store)) == 2


def test_what_was_missed_is_made_up_for_by_one(ticks: Ticking, store: Store, clock: Clock) -> None:
    ticks.register(HOURLY)
    clock.now = NOON + 3600 + 599
    assert ticks.start_due() == 1
    assert ticks.next_due() == NOON + 7200
    clock.now = NOON + 9 * 3600 + 300  # eight ticks were missed: the last of them is made up for
    assert ticks.start_due() == 1
    assert len(maintenance(store)) == 2
    assert ticks.next_due() == NOON + 10 * 3600
    clock.now = NOON + 10 * 3600 + 601
    assert ticks.start_due() == 0  # too late for that
    assert len(maintenance(store)) == 2
    assert ticks.next_due() == NOON + 11 * 3600


def test_a_scheduler_that_dies_before_it_has_moved_the_entry_starts_nothing_twice(
    make: Callable[[], Ticking], store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make()
    first.register(HOURLY)
    clock.now = NOON + 3600
    with monkeypatch.context() as broken:
        broken.setattr(ticking.log, "entry_started", lambda *_: None)
        broken.setattr("redis.client.Pipeline.multi", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            first.start_due()
    assert len(maintenance(store)) == 1
    store.redis.delete(store.keys.build("scheduler"))
    assert make().start_due() == 1
    assert len(maintenance(store)) == 1


def test_who_was_taken_for_dead_can_do_nothing_any_more(make: Callable[[], Ticking], store: Store, redis: Redis, clock: Clock) -> None:
    asleep = make()
    asleep.enqueue_at(datetime.fromtimestamp(NOON + 5, UTC), "tests.border.functions.add", 1)
    redis.delete(store.keys.build("scheduler"))
    awake = make()
    clock.now = NOON + 6
    with pytest.raises(Deposed):
        asleep.start_due()
    assert pushed(redis) == []
    assert awake.start_due() == 1
    assert len(pushed(redis)) == 1


def test_a_lease_is_held_by_one_renewed_and_given_up(store: Store) -> None:
    one, other = Leader(store), Leader(store)
    assert one.lead()
    assert not other.lead()
    assert one.lead()
    one.resign()
    assert other.lead()
    one.resign()  # of another's lease, nothing
    assert not one.lead()


def test_entries_of_before_are_changed_and_removed(ticks: Ticking, redis: Redis) -> None:
    ticks.register((Schedule("doctor", "0 * * * *", 1.0), Schedule("gone", "0 * * * *", 1.0)))
    ticks.register((Schedule("doctor", "30 * * * *", 1.0),))
    assert ticks.next_due() == NOON + 1800
    assert [entry.id for entry in ticks.get_jobs()] == [entry_of("doctor")]
    assert not redis.exists(Job.key_for(entry_of("gone")))
    redis.zadd(ticks.scheduled_jobs_key, {entry_of("doctor"): NOON + 60})
    ticks.register((Schedule("doctor", "30 * * * *", 1.0),))
    assert ticks.next_due() == NOON + 60  # what is as it should be is left alone


def test_a_plain_job_is_pushed_once_at_its_time(ticks: Ticking, redis: Redis, clock: Clock) -> None:
    once = ticks.enqueue_at(datetime.fromtimestamp(NOON + 5, UTC), "tests.border.functions.add", 1)
    assert ticks.start_due() == 0
    clock.now = NOON + 5
    assert ticks.start_due() == 1
    assert pushed(redis) == [once.id]
    assert ticks.start_due() == 0
    assert ticks.next_due() is None


def test_one_that_comes_again_has_an_id_of_its_own_each_time(ticks: Ticking, redis: Redis, clock: Clock) -> None:
    start = datetime.fromtimestamp(NOON, UTC)
    entry = ticks.schedule(start, "tests.border.functions.add", args=[1], interval=60, repeat=3)
    for n in range(6):
        clock.now = NOON + 60 * n + 1
        ticks.start_due()
    assert pushed(redis) == [f"{entry.id}-{round(NOON + 60 * n)}" for n in range(3)]
    tick = JsonJob.fetch(f"{entry.id}-{round(NOON)}", connection=redis)
    assert (tick.func_name, tick.args, tick.get_status(), tick.result_ttl) == ("tests.border.functions.add", [1], "queued", None)
    assert ticks.next_due() is None


def test_an_interval_that_was_missed_comes_once_and_keeps_its_beat(ticks: Ticking, redis: Redis, clock: Clock) -> None:
    ticks.schedule(datetime.fromtimestamp(NOON, UTC), "tests.border.functions.add", args=[1], interval=60)
    clock.now = NOON + 605
    assert ticks.start_due() == 1
    assert len(pushed(redis)) == 1
    assert ticks.next_due() == NOON + 660


def test_what_cannot_be_read_keeps_nobody_waiting(ticks: Ticking, redis: Redis, redis_url: str, clock: Clock) -> None:
    pickled = Scheduler("short", connection=redis).schedule(datetime.fromtimestamp(NOON, UTC), "os.getcwd", interval=60)
    good = ticks.enqueue_at(datetime.fromtimestamp(NOON + 1, UTC), "tests.border.functions.add", 1)
    clock.now = NOON + 2
    assert ticks.start_due() == 1
    assert pushed(redis) == [good.id]
    assert redis.zscore(ticks.scheduled_jobs_key, pickled.id) == clock.now + ticking.AGAIN_S


def test_an_entry_that_a_tool_has_deleted_is_forgotten(ticks: Ticking, redis: Redis, clock: Clock) -> None:
    entry = ticks.enqueue_at(datetime.fromtimestamp(NOON, UTC), "tests.border.functions.add", 1)
    redis.delete(entry.key)
    assert ticks.start_due() == 0
    assert ticks.next_due() is None


def test_nothing_that_is_stored_is_pickled(ticks: Ticking, redis: Redis) -> None:
    ticks.register(HOURLY)
    for key in redis.scan_iter("rq:job:*"):
        fields = redis.hgetall(key)
        JSONSerializer.loads(fields[b"meta"])


@pytest.mark.parametrize(
    ("cron", "at", "after"),
    [("*/15 * * * *", NOON, 900), ("20 3 * * *", NOON, 15 * 3600 + 1200), ("0 12 * * *", NOON, 86_400), ("0 12 * * *", NOON - 1, 1)],
)
def test_cron_lines_are_read_in_utc(cron: str, at: float, after: float) -> None:
    assert next_of_cron(cron, at) == at + after


def test_what_others_named_like_ours_stays(ticks: Ticking, store: Store) -> None:
    theirs = JsonJob.create("backup.run", id=entry_of("backup"), connection=store.redis)
    theirs.meta = {"interval": 3600}
    theirs.save()
    store.redis.zadd(ticks.scheduled_jobs_key, {theirs.id: NOON + 60, entry_of("pickled"): NOON + 60})
    store.redis.hset(Job.key_for(entry_of("pickled")), mapping={"created_at": "2027-01-01T00:00:00Z", "data": b"\x80\x04"})
    ticks.register(HOURLY)
    assert store.redis.zscore(ticks.scheduled_jobs_key, theirs.id) == NOON + 60
    assert store.redis.exists(Job.key_for(theirs.id), Job.key_for(entry_of("pickled"))) == 2
