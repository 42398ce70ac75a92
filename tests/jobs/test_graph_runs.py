"""A job goes through its graph: needs, inputs, optional tasks, failures, attempts, backoff."""

from __future__ import annotations

import pytest

from jobs import record, show, submit
from jobs.errors import Conflict, Forbidden, InvalidSubmission, Overloaded
from jobs.model import Claimed, Completed, Failed, Idle, Skipped, Submission
from jobs.store import Store
from tests.jobs.hands import Hands, chain


def test_a_task_becomes_ready_when_all_it_needs_is_done(hands: Hands) -> None:
    job = hands.submit({"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a", "b"]})
    hands.work()
    assert hands.states(job) == {"a": "completed", "b": "ready", "c": "pending"}
    hands.work()
    assert hands.states(job)["c"] == "ready"
    hands.work()
    assert hands.status(job) == "completed"


def test_a_task_receives_the_outputs_of_what_it_needs_and_nothing_else(hands: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a"]})
    hands.work(Completed({"deep": [1, [], {}, "ü", 1.5]}))
    hands.work(Completed("not needed"))
    assert hands.claim().inputs == {"a": {"deep": [1, [], {}, "ü", 1.5]}}


def test_a_job_is_pending_until_its_first_claim(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    assert hands.status(job) == "pending"
    hands.claim()
    assert hands.status(job) == "running"


def test_a_failed_run_is_tried_again_after_its_backoff(hands: Hands) -> None:
    job = hands.submit({"name": "a", "attempts": 2})
    hands.work(Failed("no luck"))
    assert hands.states(job) == {"a": "delayed"}
    waiting = hands.look()
    assert isinstance(waiting, Idle)
    assert waiting.wait_s <= 5
    hands.now += 6
    again = hands.claim()
    assert (again.attempt, again.attempts) == (2, 2)
    hands.record(again, Failed("no luck at all"))
    assert hands.states(job) == {"a": "failed"}
    assert show.status(hands.store, job)["message"] == "a failed: no luck at all"


def test_a_backoff_of_zero_retries_at_once(hands: Hands) -> None:
    hands.submit({"name": "a", "backoff_seconds": 0})
    hands.work(Failed("no"))
    assert hands.claim().attempt == 2


def test_a_final_failure_spends_no_more_attempts(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Failed("this will never do", final=True))
    assert hands.states(job) == {"a": "failed", "b": "cancelled"}
    assert hands.status(job) == "failed"


def test_an_optional_task_that_fails_is_skipped_and_its_dependents_go_on_without_it(hands: Hands) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, {"name": "b", "needs": ["a"]})
    hands.work(Failed("no model"))
    claimed = hands.claim()
    assert (claimed.node, claimed.inputs) == ("b", {})
    hands.record(claimed)
    told = show.status(hands.store, job)
    assert (told["status"], told["warnings"]) == ("completed", ["1 step skipped: a, no model"])
    assert told["message"] == "completed, 1 step skipped: a, no model"


@pytest.mark.parametrize(("optional", "state"), [(True, "skipped"), (False, "failed")])
def test_a_step_that_is_not_configured_is_skipped_only_if_it_is_optional(hands: Hands, optional: bool, state: str) -> None:
    job = hands.submit({"name": "a", "optional": optional})
    hands.work(Skipped("not configured"))
    assert hands.states(job) == {"a": state}


def test_the_failure_of_a_required_task_cancels_what_is_unfinished_and_stops_what_runs(hands: Hands) -> None:
    job = hands.submit({"name": "a", "attempts": 1}, {"name": "b"}, {"name": "c"}, {"name": "d", "needs": ["c"]})
    first, second = hands.claim(), hands.claim()
    hands.record(first, Failed("broken"))
    assert hands.states(job) == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    late = hands.record(second, Completed("too late"))
    assert late.stale
    assert hands.states(job)["b"] == "cancelled"
    assert isinstance(hands.look(), Idle)


def test_a_record_claims_the_next_task_in_the_same_call(hands: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"})
    recorded = hands.record(hands.claim(), next_run="next")
    assert isinstance(recorded.next, Claimed)
    assert (recorded.next.node, recorded.next.run) == ("b", "next")
    last = hands.record(recorded.next, next_run="last")
    assert isinstance(last.next, Idle)


def test_a_late_record_is_stale_and_still_claims_the_next(hands: Hands, store: Store) -> None:
    hands.submit({"name": "a"}, {"name": "b"})
    late = hands.claim()
    hands.now += 20
    other = Hands(store, "host:2:other")
    other.now = hands.now
    other.renew()
    recorded = hands.record(late, Completed("late"), next_run="next")
    assert recorded.stale
    assert isinstance(recorded.next, Claimed)


def test_the_error_of_a_run_is_capped_at_4_kilobytes(hands: Hands) -> None:
    job = hands.submit({"name": "a", "attempts": 1})
    hands.work(Failed("first line\n" + "ü" * 10_000 + "\nlast line"))
    error = show.status(hands.store, job)["tasks"][0]["error"]
    assert len(error.encode()) <= 4096
    assert error.startswith("first line\n")
    assert error.endswith("last line")


def test_an_idempotency_key_makes_one_job_of_two_submissions(hands: Hands) -> None:
    first = hands.submit({"name": "a"}, idempotency_key="k")
    assert hands.submit({"name": "a"}, idempotency_key="k") == first
    with pytest.raises(Conflict, match="different request"):
        hands.submit({"name": "b"}, idempotency_key="k")


def test_a_submission_repeated_with_its_id_makes_one_job(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    assert hands.submit({"name": "a"}, job=job) == job
    assert hands.drain() == ["a"]


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "at least 1 of them"),
        ([{"name": "a"}, {"name": "a"}], "two tasks are named 'a'"),
        ([{"name": "a", "needs": ["b"]}], "needs 'b', which is not a task"),
        ([{"name": "a", "needs": ["a"]}], "in a circle"),
        ([{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}], "in a circle"),
        ([{"name": "A"}], "is not of the form"),
        ([{"name": "a", "more": 1}], "params.tasks.0.more: is not known here"),
        ([{"name": f"t{n}"} for n in range(1001)], "MAX_TASKS=1000"),
    ],
)
def test_a_graph_that_cannot_run_is_refused_and_leaves_nothing_behind(hands: Hands, tasks: list[dict[str, object]], said: str) -> None:
    with pytest.raises(InvalidSubmission, match=said):
        hands.submit(*tasks)
    assert hands.store.redis.dbsize() == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": "nonsense"}, "type"),
        ({"user": "no spaces"}, "user"),
        ({"org": "Upper"}, "org"),
        ({"admin": False}, "type"),
        ({"zone": "a b"}, "zone"),
        ({"zone": "in.gest"}, "zone"),
    ],
)
def test_a_submission_names_the_field_that_is_wrong(store: Store, fields: dict[str, object], field: str) -> None:
    whole = {"type": "synthetic", "params": {"tasks": [{"name": "a"}]}, "user": "ada", "org": "acme", "admin": True} | fields
    with pytest.raises((InvalidSubmission, Forbidden)) as caught:
        submit.submit(store, Submission(**whole))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_thousand_tasks_are_one_job(hands: Hands) -> None:
    job = hands.submit({"name": "a"}, *({"name": f"t{n}", "needs": ["a"]} for n in range(999)))
    hands.work()
    assert list(hands.states(job).values()).count("ready") == 200  # in the call that completed what they needed
    for _ in range(4):
        hands.renew()
    assert list(hands.states(job).values()).count("ready") == 999


def test_nothing_is_taken_when_redis_is_nearly_full(store: Store) -> None:
    used = store.redis.info("memory")["used_memory"]
    store.redis.config_set("maxmemory", int(used * 1.05))
    try:
        with pytest.raises(Overloaded) as caught:
            submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "acme", admin=True))
        assert caught.value.retry_after_s > 0
    finally:
        store.redis.config_set("maxmemory", 0)


def test_what_a_dead_submitter_left_is_put_in_line_by_any_worker(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Store, "sweep", lambda *_: None)
        job = hands.submit(*({"name": f"t{n}"} for n in range(450)), {"name": "last", "needs": ["t449"]})
    states = list(hands.states(job).values())
    assert (states.count("ready"), states.count("pending")) == (200, 251)
    for _ in range(2):
        hands.renew()
    assert list(hands.states(job).values()).count("ready") == 450
    assert hands.drain()[-1] == "last"
    assert hands.status(job) == "completed"


def test_an_idle_worker_goes_on_with_what_was_left_half_done(hands: Hands) -> None:
    job = hands.submit({"name": "a"}, *({"name": f"t{n}", "needs": ["a"]} for n in range(999)))
    assert len(hands.drain()) == 1000
    assert hands.status(job) == "completed"


@pytest.mark.parametrize("text", ["odd name \udcff.mp3", "ü", "\N{SNOWMAN}"])
def test_any_text_can_be_an_error_an_output_or_a_message(hands: Hands, text: str) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, *chain("b", "c"))
    hands.work(Failed(text))
    claimed = hands.claim()
    record.progress(hands.store, claimed, 0.5, text)
    hands.record(claimed, Completed({"name": text}))
    assert hands.claim().inputs == {"b": {"name": text}}
    assert show.status(hands.store, job)["tasks"][0]["error"]


@pytest.mark.parametrize("fraction", [float("nan"), float("inf"), -1.0, 7.0])
def test_progress_is_a_share_whatever_is_said(hands: Hands, fraction: float) -> None:
    job = hands.submit({"name": "a"})
    record.progress(hands.store, hands.claim(), fraction)
    assert 0 <= show.status(hands.store, job)["progress"] <= 100


def test_the_backoff_has_an_end_whatever_the_attempt(hands: Hands) -> None:
    hands.submit({"name": "a"})
    claimed = hands.claim()
    assert 0 <= record.jitter_s(claimed._replace(attempt=5000)) <= 300


def test_a_task_that_succeeds_in_the_end_shows_no_error_of_an_earlier_attempt(hands: Hands) -> None:
    job = hands.submit({"name": "a", "backoff_seconds": 0})
    hands.work(Failed("not at first"))
    assert show.status(hands.store, job)["tasks"][0]["error"] == "not at first"
    hands.work()
    assert show.status(hands.store, job)["tasks"][0]["error"] is None
