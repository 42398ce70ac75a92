"""Each end of a job that has an address to be told makes a job that tells it, in the same step; no other job costs anything."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import callbacks, control, people, show
from jobs.errors import Conflict, InvalidSubmission, NotFound
from jobs.model import Claimed, Completed, Failed, Submission
from jobs.settings import Settings, settings
from jobs.store import Store
from jobs.submit import submit
from tests.jobs.hands import START, Hands, chain

URL = "https://example.org/told?x=1"


def asked(hands: Hands, *tasks: dict[str, Any], url: str = URL, **more: Any) -> str:
    one = Submission("synthetic", {"tasks": list(tasks or [{"name": "a"}])}, user="ada", org="acme", admin=True, callback_url=url)
    return submit(hands.store, one, now=hands.now, **more)


def told_by(hands: Hands, job: str) -> dict[str, Any]:
    """How the status says that the job's last end is told."""
    told: dict[str, Any] = show.status(hands.store, job)["callback"]
    return told


def tellers(hands: Hands) -> list[str]:
    """The jobs that tell of an end, the last one first."""
    return [job["id"] for job in show.listing(hands.store, user="ada", type="callback")[0]]


def message(hands: Hands, teller: str, **more: Any) -> callbacks.Message | None:
    view = show.job(hands.store, teller)
    return callbacks.message(hands.store, view.params, view.created_at, **more)


def test_the_step_that_completes_a_job_makes_the_one_that_tells_it_which_can_be_claimed_at_once(hands: Hands) -> None:
    job = asked(hands, *chain("a", "b"))
    assert told_by(hands, job) == {
        "url": URL, "state": "waiting", "job": None, "tries": 0, "last_error": None, "at": None, "next_at": None,
    }  # fmt: skip
    hands.work()
    assert tellers(hands) == []

    recorded = hands.record(hands.claim(), next_run="next")

    teller = recorded.next
    assert isinstance(teller, Claimed)
    assert (teller.type, teller.engine, teller.queue, teller.user, teller.org) == ("callback", "callback", "short", "ada", "acme")
    assert teller.params == {"job": job, "event": 1, "status": "completed"}
    assert told_by(hands, job)["job"] == teller.job
    hands.record(teller)
    assert told_by(hands, job)["state"] == "delivered"


@pytest.mark.parametrize("ending", ["failed", "cancelled", "lost", "deleted by one of RQ's tools"])
def test_whatever_ends_a_job_tells_it(hands: Hands, ending: str) -> None:
    job = asked(hands, {"name": "a", "attempts": 1})
    if ending == "failed":
        hands.work(Failed("no", final=True))
    elif ending == "cancelled":  # nobody works: the web alone has done it
        control.cancel(hands.store, job, now=hands.now)
        control.cancel(hands.store, job, now=hands.now)
    elif ending == "lost":
        hands.claim()
        hands.now += 60
        hands.renew()
    else:
        claimed = hands.claim()
        hands.store.redis.delete(f"rq:job:{claimed.rq_job}")
        hands.renew(claimed)

    status = "cancelled" if ending in ("cancelled", "deleted by one of RQ's tools") else "failed"
    (teller,) = tellers(hands)
    assert show.job(hands.store, teller).params == {"job": job, "event": 1, "status": status}


def test_a_job_that_ends_again_is_told_again_and_says_how_the_last_end_was_told(hands: Hands) -> None:
    job = asked(hands, {"name": "a", "attempts": 1})
    hands.work(Failed("no", final=True))
    first = hands.claim()
    hands.record(first, Failed("example.org answered 500: no\nmore of it", delay_s=3600.0))
    seen = told_by(hands, job)
    assert (seen["state"], seen["tries"], seen["last_error"]) == ("waiting", 1, "example.org answered 500: no")
    assert seen["next_at"] == "2027-01-15T09:00:00.000000Z"

    control.retry(hands.store, job, now=hands.now)
    assert told_by(hands, job) == {**seen, "job": None, "tries": 0, "last_error": None, "at": None, "next_at": None}
    hands.now += 1
    hands.work()

    second, _ = tellers(hands)
    assert show.job(hands.store, second).params == {"job": job, "event": 2, "status": "completed"}
    assert told_by(hands, job)["job"] == second
    ends = [message(hands, one) for one in (first.job, second)]
    assert [(one.id, one.last) for one in ends if one] == [(f"{job}.1", False), (f"{job}.2", True)]


def test_a_job_without_an_address_leaves_and_takes_nothing_more(hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.drain()
    assert tellers(hands) == []
    assert hands.store.redis.keys("*callback*") == []


def test_a_poll_learns_of_every_try_by_the_revision(hands: Hands) -> None:
    job = asked(hands)
    hands.work()
    revisions = [show.job(hands.store, job).revision]
    for outcome in (Failed("no", delay_s=1.0), Failed("no", delay_s=1.0), Completed()):
        hands.now += 2
        hands.work(outcome)
        revisions.append(show.job(hands.store, job).revision)
    assert revisions == sorted(set(revisions))
    assert told_by(hands, job)["tries"] == 3


def test_what_tells_goes_with_the_job_it_tells_of_half_done_or_not(hands: Hands) -> None:
    job = asked(hands, {"name": "a", "attempts": 1})
    hands.work(Failed("no", final=True))
    hands.work(Failed("no", delay_s=60.0))  # the first one waits for its next try
    control.retry(hands.store, job, now=hands.now)
    hands.now += 1
    hands.work()
    running = hands.claim()
    assert len(tellers(hands)) == 2

    control.delete(hands.store, job, now=hands.now)

    assert hands.record(running).stale
    assert tellers(hands) == []
    assert hands.store.redis.keys("app:jobs:*") == []


def test_deleting_what_tells_is_said_and_a_later_end_is_told_all_the_same(hands: Hands) -> None:
    job = asked(hands, {"name": "a", "attempts": 1})
    hands.work(Failed("no", final=True))
    control.delete(hands.store, told_by(hands, job)["job"], now=hands.now)
    assert told_by(hands, job)["state"] == "deleted"
    control.retry(hands.store, job, now=hands.now)
    hands.work()
    assert told_by(hands, job)["state"] == "waiting"
    hands.drain()
    assert told_by(hands, job)["state"] == "delivered"


def test_lists_have_what_tells_only_when_asked_for_it_and_say_how_each_job_is_told(hands: Hands) -> None:
    jobs = [asked(hands), hands.submit({"name": "a"})]
    hands.drain()
    listed, _ = show.listing(hands.store, user="ada")
    assert {one["id"]: one["callback"] and one["callback"]["state"] for one in listed} == dict(zip(jobs, ["delivered", None], strict=True))
    (teller,), _ = show.listing(hands.store, user="ada", type="callback")
    assert teller["id"] == told_by(hands, jobs[0])["job"]


def test_the_task_that_tells_goes_to_the_zone_of_its_engine(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZONES", "callback=egress")
    settings.cache_clear()
    hands = Hands(Store(redis), queues=("egress.short", "short"))
    asked(hands)
    hands.work()
    assert hands.claim().queue == "egress.short"


def test_nobody_submits_one(hands: Hands) -> None:
    with pytest.raises(InvalidSubmission, match="made by Lectern itself"):
        submit(hands.store, Submission("callback", {"job": "a", "event": 1, "status": "failed"}, user="ada", org="acme", admin=True))
    with pytest.raises(InvalidSubmission, match="known are export, maintenance, notes, quality"):
        submit(hands.store, Submission("nothing", {}, user="ada", org="acme", admin=True))


def test_an_idempotency_key_holds_for_the_address_too(hands: Hands) -> None:
    first = asked(hands, idempotency_key="k")
    assert asked(hands, idempotency_key="k") == first
    with pytest.raises(Conflict):
        asked(hands, url="https://example.com/", idempotency_key="k")


def test_a_message_tells_the_job_as_it_stands_with_whole_addresses_where_the_webs_is_known(redis: Any) -> None:
    hands = Hands(Store(redis, Settings(base_url="https://lectern.example/")))
    job = asked(hands, {"name": "a", "output": None})
    artifact = {"name": "a b.txt", "bytes": 1, "media_type": "text/plain", "key": "k"}
    hands.work(Completed({"artifacts": [artifact]}))

    told = message(hands, tellers(hands)[0])

    assert told
    assert f'"type":"job.completed","timestamp":"2027-01-15T08:00:00.000000Z","data":{{"id":"{job}"' in told.body
    assert f'"url":"https://lectern.example/api/jobs/{job}/artifacts/a%20b.txt"' in told.body


def test_there_is_nothing_to_tell_of_a_job_that_is_gone_nor_for_a_user_who_is(hands: Hands) -> None:
    people.add(hands.store, "root", org="local", role="admin")
    people.add(hands.store, "ada", org="acme")
    asked(hands)
    hands.work()
    (teller,) = tellers(hands)
    assert message(hands, teller)
    people.remove(hands.store, "ada")
    assert message(hands, teller) is None
    assert hands.store.redis.keys("*users:ada*") == [b"app:users:ada:jobs"]
    assert callbacks.message(hands.store, {"job": "nobody", "event": 1, "status": "failed"}, START) is None
    with pytest.raises(NotFound):
        show.job(hands.store, "nobody")


def test_a_secret_is_made_once_and_one_that_was_replaced_signs_for_another_day(hands: Hands) -> None:
    asked(hands)
    hands.work()
    (teller,) = tellers(hands)
    first = callbacks.secrets_of(hands.store, "ada", now=START)
    assert first.current.startswith("whsec_")
    assert callbacks.secrets_of(hands.store, "ada", now=START) == first

    second = callbacks.rotate(hands.store, "ada", now=START)
    third = callbacks.rotate(hands.store, "ada", now=START + 10)

    assert second.former == {first.current: START + 86_400}
    assert third.former == {first.current: START + 86_400, second.current: START + 10 + 86_400}
    for now, signing in ((START + 20, [third, first, second]), (START + 86_405, [third, second]), (START + 90_000, [third])):
        told = message(hands, teller, now=now)
        assert told
        assert told.secrets == tuple(one.current for one in signing)
    callbacks.rotate(hands.store, "ada", now=START + 20)
    with pytest.raises(Conflict, match="wait until then"):
        callbacks.rotate(hands.store, "ada", now=START + 30)
    callbacks.rotate(hands.store, "ada", now=START + 86_400)
