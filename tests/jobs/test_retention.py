"""What is past its time is deleted, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from jobs import control, people, retention, show, submit, uploads
from jobs.errors import NotFound
from jobs.model import SYSTEM, Claimed, Failed, Submission
from jobs.storage import Storage
from jobs.store import Store
from jobs.uploads import Upload
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain

DAY_S = 86_400.0
IDS = {name: f"{n:024x}" for n, name in enumerate(("known", "expired", "fresh", "used", "left"))}


@pytest.fixture
def storage(tmp_path: Path, store: Store) -> Storage:
    people.add(store, "ada", org="acme", now=time.time() - 100 * DAY_S)  # nothing from before the first user is deleted by its name
    return Storage.folder(tmp_path / "storage")


def age(tmp_path: Path, key: str, seconds: float) -> None:
    """Have a file be written so long ago."""
    written = time.time() - seconds
    os.utime(tmp_path / "storage" / key, (written, written))


def there(store: Store, job: str) -> bool:
    try:
        show.job(store, job)
    except NotFound:
        return False
    return True


def in_turn(hands: Hands, count: int) -> list[str]:
    """Submit so many jobs, each a second after the one before: they are gone through in this order."""
    jobs = []
    for _ in range(count):
        jobs.append(hands.submit(*chain("a")))
        hands.now += 1
    return jobs


def test_jobs_go_so_many_days_after_they_ended_with_their_files(hands: Hands, store: Store, storage: Storage) -> None:
    old = hands.submit(*chain("a"))
    hands.drain()
    hands.now += 10 * DAY_S
    recent, cancelled, waits = (hands.submit(*chain("a", "b")) for _ in range(3))
    hands.work()
    hands.work()
    control.cancel(store, cancelled, now=hands.now)
    for job in (old, recent, waits):
        storage.put_bytes(f"jobs/{job}/a/run/x.txt", b"x")
    hands.now += 20.5 * DAY_S

    done = retention.delete_old(store, storage, now=hands.now)

    assert [there(store, job) for job in (old, recent, cancelled, waits)] == [False, True, True, True]
    assert done.jobs == 1
    assert {key.split("/")[1] for key in storage.list("jobs")} == {recent, waits}
    hands.now += 10 * DAY_S
    assert retention.delete_old(store, storage, now=hands.now).jobs == 1  # the cancelled one; what has not ended stays
    assert [there(store, job) for job in (recent, cancelled, waits)] == [True, False, True]
    assert audit(store, hands.now) == []


def test_a_job_that_was_made_long_ago_and_ended_lately_stays(hands: Hands, store: Store, storage: Storage) -> None:
    job = hands.submit(*chain("a"))
    hands.now += 40 * DAY_S
    hands.drain()
    assert retention.delete_old(store, storage, now=hands.now + 1).jobs == 0
    assert there(store, job)


def test_many_are_found_although_deleting_shortens_the_list(
    hands: Hands, store: Store, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE", 3)
    for n in range(11):
        hands.submit(*chain("a"))
        hands.now += n % 3  # some at the same time
    hands.drain()
    told: list[int] = []
    done = retention.delete_old(store, storage, each=lambda so_far: told.append(so_far.jobs), now=hands.now + 31 * DAY_S)
    assert done.jobs == 11
    assert told[:11] == list(range(1, 12))


def test_what_lectern_did_by_itself_goes_sooner(hands: Hands, store: Store, storage: Storage) -> None:
    asked = Submission("maintenance", {"what": "doctor"}, user=SYSTEM, org=SYSTEM, admin=True)
    job = submit.submit(store, asked, now=hands.now)
    claimed = hands.claim()
    assert (claimed.engine, claimed.job) == ("doctor", job)
    hands.record(claimed)
    assert retention.delete_old(store, storage, now=hands.now + 1.9 * DAY_S).jobs == 0
    assert retention.delete_old(store, storage, now=hands.now + 2.1 * DAY_S).jobs == 1


def upload(store: Store, storage: Storage, name: str, *, ttl_s: int = 60, job: str | None = None) -> str:
    name = IDS[name]
    key = uploads.storage_key(name)
    storage.put_bytes(key, b"sound")
    uploads.add(store, Upload(name, "ada", "acme", "x.ogg", 5, "audio/ogg", 1.0, key), ttl_s=ttl_s, job=job)
    return key


def test_files_of_uploads_go_when_nobody_used_them_or_who_meant_to_died(
    store: Store, storage: Storage, hands: Hands, tmp_path: Path
) -> None:
    known, expired, fresh = upload(store, storage, "known"), upload(store, storage, "expired"), upload(store, storage, "fresh")
    job = hands.submit(*chain("a"))
    used, left = upload(store, storage, "used", job=job), upload(store, storage, "left", job="0123456789abcdef")
    store.redis.delete(store.keys.upload(IDS["expired"]), store.keys.upload(IDS["fresh"]))
    for key in (known, expired, used, left):
        age(tmp_path, key, store.settings.upload_ttl_seconds + DAY_S + 1)

    done = retention.delete_old(store, storage)

    assert set(storage.list("uploads")) == {known, fresh, used}
    assert done.uploads == 2
    assert not store.redis.exists(store.keys.upload(IDS["left"]), store.keys.upload_jobs(IDS["left"]))


def test_files_of_jobs_that_are_not_there_go_after_a_day(store: Store, storage: Storage, hands: Hands, tmp_path: Path) -> None:
    job = hands.submit(*chain("a"))
    for name, seconds in ((job, 9 * DAY_S), ("gone", 2 * DAY_S), ("just", 60)):
        storage.put_bytes(f"jobs/{name}/a/r1/x.txt", b"x")
        age(tmp_path, f"jobs/{name}/a/r1/x.txt", seconds)
    assert retention.delete_old(store, storage).files == 1
    assert {key.split("/")[1] for key in storage.list("jobs")} == {job, "just"}


def test_a_job_that_another_deletes_meanwhile_is_no_trouble(hands: Hands, store: Store, storage: Storage) -> None:
    jobs = in_turn(hands, 3)
    while isinstance(claimed := hands.look(), Claimed):
        hands.record(claimed)
    meanwhile = iter([jobs[1]])

    def each(so_far: retention.Deleted) -> None:
        for job in meanwhile:
            control.delete(store, job)

    assert retention.delete_old(store, storage, each=each, now=hands.now + 31 * DAY_S).jobs == 2


def test_a_job_that_is_retried_while_those_before_it_are_deleted_is_kept(hands: Hands, store: Store, storage: Storage) -> None:
    old, retried = in_turn(hands, 2)
    for _ in range(2):
        hands.work(Failed("broken", final=True))
    hands.now += 31 * DAY_S

    def each(so_far: retention.Deleted) -> None:
        if so_far.jobs == 1:
            control.retry(store, retried, now=hands.now)

    retention.delete_old(store, storage, each=each, now=hands.now)

    assert (there(store, old), there(store, retried)) == (False, True)
    assert hands.claim().job == retried


def test_a_person_called_as_lectern_is_keeps_what_they_made(hands: Hands, store: Store, storage: Storage) -> None:
    theirs = Submission("synthetic", {"tasks": [{"name": "a"}]}, user=SYSTEM, org="acme", admin=True)  # before the name was refused
    job = submit.submit(store, theirs, now=hands.now)
    hands.drain()
    assert retention.delete_old(store, storage, now=hands.now + 3 * DAY_S).jobs == 0
    assert there(store, job)


def test_a_long_listing_of_the_storage_gives_signs_of_life(store: Store, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "TELL_EVERY", 10)
    for n in range(30):
        storage.put_bytes(f"jobs/same/a/r1/{n}.txt", b"x")
    told: list[int] = []
    retention.delete_old(store, storage, each=lambda so_far: told.append(so_far.files))
    assert len(told) == 3


def test_files_of_a_redis_that_was_lost_stay(store: Store, storage: Storage, tmp_path: Path) -> None:
    storage.put_bytes("jobs/gone/a/r1/x.txt", b"x")
    storage.put_bytes("uploads/gone/recording", b"x")
    for key in list(storage.list()):
        age(tmp_path, key, 101 * DAY_S)
    assert retention.delete_old(store, storage) == retention.Deleted()
    assert len(list(storage.list())) == 2
