"""scripts.admin doctor: what it says, and how it ends."""

from __future__ import annotations

import pytest
from redis import Redis

from jobs import control
from jobs.doctor import RULES
from jobs.settings import settings
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.scripts.conftest import Admin


def test_a_sound_redis_ends_with_0_and_says_what_was_looked_at(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"})
    assert admin("doctor").startswith("sound: looked at ")
    told = admin.json("doctor")
    assert (told["sound"], told["faults"], told["notes"], told["more"]) == (True, [], [], 0)
    assert (told["looked"]["jobs"], told["looked"]["tasks"]) == (1, 2)


def test_a_fault_ends_with_1_and_says_who_what_and_what_to_do(admin: Admin, hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    redis.zrem("app:status:pending", job)
    told = admin("doctor", code=1)
    assert f"job {job} is pending, but listed as nothing [job-status]; doctor --fix repairs it" in told
    assert "1 fault: looked at" in told
    (fault,) = admin.json("doctor", code=1)["faults"]
    assert (fault["rule"], fault["kind"], fault["subject"], fault["mended"]) == ("job-status", "job", [job], None)
    assert fault["holds"] == RULES["job-status"].holds


def test_what_was_repaired_ends_with_0(admin: Admin, hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    redis.zrem("app:status:pending", job)
    told = admin("doctor", "--fix")
    assert "[job-status]; repaired" in told
    assert "1 fault, 1 of them repaired" in told
    assert admin("doctor").startswith("sound")
    assert redis.zscore("app:status:pending", job)


def test_what_is_not_safe_to_repair_ends_with_1_and_stays(admin: Admin, hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    redis.hset(f"app:jobs:{job}:state", "a", "limbo")
    assert "NOT repaired: a person has to decide" in admin("doctor", "--fix", code=1)
    assert redis.hget(f"app:jobs:{job}:state", "a") == b"limbo"


def test_a_note_is_no_fault(admin: Admin, store: Store) -> None:
    control.pause(store, "nobody", "org")
    assert "note: org nobody is paused, but there is none: resume it if it is a mistake" in admin("doctor")
    assert [note["rule"] for note in admin.json("doctor")["notes"]] == ["pause-known"]


def test_a_redis_that_cannot_be_looked_at_ends_with_2(admin: Admin, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.set("app:jobs", "not a list of jobs")
    assert "Redis refused: WRONGTYPE" in admin("doctor", code=2)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    assert "Redis does not answer" in admin("doctor", code=2)


def test_a_number_that_is_none_is_a_fault_and_not_the_end(admin: Admin, hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    redis.hset(f"app:jobs:{job}", "left", "many")
    redis.hset("app:fair:short:acme", "n", "several")
    rules = {fault["rule"] for fault in admin.json("doctor", code=1)["faults"]}
    assert rules == {"job-readable", "share-running"}
