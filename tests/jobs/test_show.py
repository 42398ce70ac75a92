"""Status, lists and times as the interface promises them."""

from __future__ import annotations

import pytest

from jobs import control, show
from jobs.errors import InvalidSubmission, NotFound
from jobs.model import Completed, Failed
from tests.jobs.hands import Hands, chain


def test_the_status_has_every_field_of_the_interface(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Completed({"artifacts": [{"name": "x.txt", "bytes": 3, "media_type": "text/plain", "key": "k"}], "warnings": ["careful"]}))
    told = show.status(hands.store, job)
    assert set(told) == {
        *("id", "type", "user", "org", "priority", "status", "progress", "message", "result_path", "created_at", "started_at", "ended_at"),
        *("run_at", "eta_seconds", "queue_position", "warnings", "tasks", "held", "artifacts", "callback", "revision", "title"),
    }
    assert set(told["tasks"][0]) == {
        *("name", "engine", "queue", "state", "optional", "attempts", "progress", "message", "error", "needs", "started_at", "ended_at"),
        *("worker", "children"),
    }
    assert told["created_at"] == "2027-01-15T08:00:00.000000Z"
    assert told["artifacts"] == [{"name": "x.txt", "bytes": 3, "media_type": "text/plain"}]
    assert told["warnings"] == ["careful"]
    assert (told["progress"], told["tasks"][1]["needs"]) == (50.0, ["a"])


def test_the_revision_changes_with_everything_that_is_seen(hands: Hands) -> None:
    job = hands.submit({"name": "a", "backoff_seconds": 0})
    seen = [show.job(hands.store, job).revision]
    claimed = hands.claim()
    seen.append(show.job(hands.store, job).revision)
    hands.record(claimed, Failed("no"))
    seen.append(show.job(hands.store, job).revision)
    hands.work()
    seen.append(show.job(hands.store, job).revision)
    assert seen == sorted(set(seen))


def test_what_a_failed_task_could_make_is_kept(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    artifact = {"name": "transcript.txt", "bytes": 3, "media_type": "text/plain", "key": "k"}
    hands.work(Failed("the recording breaks off", final=True, output={"artifacts": [artifact]}))
    assert show.artifacts(hands.store, job) == [artifact]


def test_a_task_that_runs_again_tells_what_it_made_before_until_it_is_made_anew(hands: Hands) -> None:
    job = hands.submit({"name": "a", "backoff_seconds": 60})
    old, new = ({"name": "x.txt", "bytes": 3, "media_type": "text/plain", "key": key} for key in ("old", "new"))
    hands.work(Completed({"artifacts": [old]}))
    seen = []

    def look() -> None:
        assert show.artifacts(hands.store, job) == [old]
        seen.append(hands.states(job)["a"])

    control.revise(hands.store, job, "jobs/x/corrections/1.json", ("a",), now=hands.now)
    look()
    claimed = hands.claim()
    look()
    hands.record(claimed, Failed("no"))
    look()
    control.cancel(hands.store, job, now=hands.now)
    look()
    control.retry(hands.store, job, now=hands.now)
    look()
    assert seen == ["ready", "running", "delayed", "cancelled", "ready"]
    hands.work(Completed({"artifacts": [new]}))
    assert show.artifacts(hands.store, job) == [new]


def test_what_a_skipped_task_put_out_is_not_told(hands: Hands) -> None:
    job = hands.submit({"name": "a", "optional": True})
    hands.work(Failed("no", final=True, output={"warnings": ["careful"]}))
    assert hands.states(job) == {"a": "skipped"}
    assert show.job(hands.store, job).outputs == {}


def test_a_job_that_is_not_there_is_not_found(hands: Hands) -> None:
    for read in (show.job, show.status, show.artifacts, show.partial):
        with pytest.raises(NotFound):
            read(hands.store, "none")


def test_pages_of_a_list_are_newest_first_and_lose_nothing(hands: Hands) -> None:
    jobs = []
    for n in range(25):
        hands.now += n % 3 == 0  # some are of the same moment
        jobs.append(hands.submit({"name": "a"}, org="acme" if n % 2 else "uni"))
    for org, wanted in ((None, jobs), ("acme", jobs[1::2])):
        found, cursor = [], None
        while True:
            page, cursor = show.listing(hands.store, org=org, limit=4, cursor=cursor)
            found += page
            if not cursor:
                break
        assert {one["id"] for one in found} == set(wanted)
        assert len(found) == len(wanted)
        created = [one["created_at"] for one in found]
        assert created == sorted(created, reverse=True)


def test_a_list_is_filtered(hands: Hands) -> None:
    done = hands.submit({"name": "a"})
    hands.drain()
    waiting = hands.submit({"name": "a"})
    assert [one["id"] for one in show.listing(hands.store, status="completed")[0]] == [done]
    assert [one["id"] for one in show.listing(hands.store, user="ada", status="pending")[0]] == [waiting]
    assert show.listing(hands.store, user="ada", type="transcription")[0] == []


@pytest.mark.parametrize("cursor", ["nonsense", "bnVsbA", "e30", "WzEsMl0", "eyJhIjpbLTFdfQ", "\N{SNOWMAN}"])
def test_a_cursor_that_is_none_is_refused(hands: Hands, cursor: str) -> None:
    job = hands.submit({"name": "a"})
    with pytest.raises(InvalidSubmission, match="cursor"):
        show.listing(hands.store, cursor=cursor)
    if cursor not in ("e30",):  # {} is what partial begins with
        with pytest.raises(InvalidSubmission, match="cursor"):
            show.partial(hands.store, job, cursor)


@pytest.mark.parametrize(
    "output", [{"artifacts": [{}]}, {"artifacts": 5, "warnings": 5}, {"warnings": [5, {}]}, [], "text", 0, False, None]
)
def test_an_output_of_any_shape_spoils_neither_the_status_nor_the_list(hands: Hands, output: object) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Completed(output))
    told = show.status(hands.store, job)
    assert (told["artifacts"], told["warnings"]) == ([], [])
    assert [one["id"] for one in show.listing(hands.store)[0]] == [job]


def test_the_revision_tells_of_a_task_that_is_due_again(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Failed("not yet"))
    before = show.job(hands.store, job).revision
    hands.submit({"name": "other"})
    hands.now += 10
    assert hands.claim().node == "other"  # the call that made it ready claimed a task of another job
    assert hands.states(job)["a"] == "ready"
    assert show.job(hands.store, job).revision == before + 1


def test_the_revision_tells_of_a_task_that_a_late_call_finds_cancelled(hands: Hands) -> None:
    job = hands.submit(*({"name": f"t{n}"} for n in range(200)), {"name": "last", "duration": "long"})
    long = Hands(hands.store, "host:2:longs", ["long"])
    running = long.claim()
    assert hands.store.run("cancel", round(hands.now * 1e6), job) == [1], "the last is left for a sweep that nobody made"
    before = show.job(hands.store, job)
    assert before.tasks[-1].state == "running"
    long.record(running)
    after = show.job(hands.store, job)
    assert after.tasks[-1].state == "cancelled"
    assert after.revision > before.revision
