"""A task splits into children, joins them, and what happens when some fail."""

from __future__ import annotations

import pytest

from jobs import control, record, show
from jobs.errors import Conflict, InvalidSubmission, NotFound, Stale
from jobs.model import Completed, Failed, Idle, Spawn
from tests.jobs.hands import Hands, chain


def spawn(count: int, *, attempts: int = 1, allowed: int = 0) -> Spawn:
    return Spawn(tuple({"n": n} for n in range(count)), output={"parent": True}, attempts=attempts, allowed_failures=allowed)


def states(hands: Hands, job: str, task: str = "a") -> list[str]:
    raw = hands.store.redis.hgetall(hands.store.keys.build("child_state", job, task))
    return [raw[str(n).encode()].decode() for n in range(sum(key.isdigit() for key in raw))]


def test_a_parent_completes_when_its_children_have(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(spawn(3))
    assert hands.states(job) == {"a": "joining", "b": "pending"}
    payloads = [hands.work(Completed(f"out {n}")).payload for n in range(3)]
    assert payloads == [{"n": 0}, {"n": 1}, {"n": 2}]
    claimed = hands.claim()
    assert (claimed.node, claimed.inputs) == ("b", {"a": {"parent": True}})
    assert record.children_outputs(hands.store, job, "a") == ["out 0", "out 1", "out 2"]


def test_a_task_that_splits_into_nothing_is_completed(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(0))
    assert hands.status(job) == "completed"


def test_two_thousand_children_are_spawned_all_or_none_and_all_run(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2000))
    assert states(hands, job).count("ready") == 200
    hands.store.sweep(job, 1)
    assert states(hands, job).count("ready") == 2000
    assert len(hands.drain()) == 2000
    assert hands.status(job) == "completed"


def test_children_left_over_by_a_dead_worker_are_spawned_by_any_other(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(450))
    hands.renew()
    hands.renew()
    assert states(hands, job).count("ready") == 450


def test_a_child_that_fails_for_good_cancels_its_siblings_and_fails_the_parent_without_spending_its_attempts(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(spawn(3))
    hands.work(Failed("broken chunk"))
    assert hands.states(job) == {"a": "failed", "b": "cancelled"}
    assert states(hands, job) == ["failed", "cancelled", "cancelled"]
    task = show.status(hands.store, job)["tasks"][0]
    assert (task["attempts"], task["error"]) == (1, "part 0 failed: broken chunk")


def test_a_child_is_tried_again_on_its_own(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2, attempts=2))
    hands.work(Failed("once"))
    hands.work()
    hands.now += 10
    assert hands.drain() == ["a.0"]
    assert hands.status(job) == "completed"


def test_as_many_children_may_fail_as_the_parent_allows(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(3, allowed=1))
    hands.work(Failed("one"))
    hands.work()
    hands.work()
    assert hands.status(job) == "completed"
    assert show.status(hands.store, job)["tasks"][0]["children"] == {"total": 3, "completed": 2, "failed": 1}


def test_one_failure_more_than_allowed_fails_the_parent(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(3, allowed=1))
    hands.work(Failed("one"))
    hands.work(Failed("two"))
    assert hands.status(job) == "failed"
    assert states(hands, job) == ["failed", "failed", "cancelled"]


def test_retrying_the_parent_retries_just_the_children_that_failed_or_were_cancelled(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(spawn(3))
    hands.work()
    hands.work(Failed("broken"))
    control.retry_task(hands.store, job, "a", now=hands.now)
    assert hands.states(job) == {"a": "joining", "b": "pending"}
    assert states(hands, job) == ["completed", "ready", "ready"]
    assert sorted(hands.drain()) == ["a.1", "a.2", "b"]
    assert hands.status(job) == "completed"


def test_retrying_the_parent_twice_counts_new_failures_from_zero(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(3, allowed=1))
    hands.work(Failed("one"))
    hands.work(Failed("two"))
    control.retry(hands.store, job, now=hands.now)
    hands.work(Failed("one again"))
    assert hands.states(job) == {"a": "joining"}
    assert sorted(hands.drain()) == ["a.0", "a.1"] or hands.status(job) == "completed"
    assert hands.status(job) == "completed"


def test_a_failed_child_is_retried_while_its_parent_still_joins(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2, allowed=1))
    hands.work(Failed("one"))
    control.retry_task(hands.store, job, "a.0", now=hands.now)
    assert states(hands, job) == ["ready", "ready"]
    hands.drain()
    assert show.status(hands.store, job)["tasks"][0]["children"] == {"total": 2, "completed": 2, "failed": 0}


def test_retrying_a_child_of_a_failed_parent_retries_the_parent(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2))
    hands.work(Failed("one"))
    control.retry_task(hands.store, job, "a.0", now=hands.now)
    assert sorted(hands.drain()) == ["a.0", "a.1"]
    assert hands.status(job) == "completed"


def test_children_wait_where_their_parent_did_chained_included(hands: Hands) -> None:
    hands.submit({"name": "l", "duration": "long"}, {"name": "a", "needs": ["l"], "duration": "long"}, priority="high")
    hands.work()
    hands.work(spawn(1))
    assert hands.store.redis.lrange("rq:queue:long.high.chained.acme", 0, -1) != []
    hands.drain()


def test_an_append_is_fenced_by_run_and_offset(hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.work(spawn(1, attempts=2))
    child = hands.claim()
    assert record.append(hands.store, child, 0, [{"text": "one"}, {"text": "two"}]) == 2
    assert record.append(hands.store, child, 0, [{"text": "one"}, {"text": "two"}]) == 2  # a repeated call
    with pytest.raises(Conflict, match="2 items"):
        record.append(hands.store, child, 1, [{"text": "three"}])
    hands.now += 20
    hands.renew()
    again = hands.claim()
    with pytest.raises(Stale):
        record.append(hands.store, child, 2, [{"text": "late"}])
    assert record.appended(hands.store, again) == [{"text": "one"}, {"text": "two"}]
    hands.record(again)


def test_partial_gives_each_item_once_and_says_when_to_begin_anew(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2))
    first, second = hands.claim(), hands.claim()
    record.append(hands.store, first, 0, [{"text": "one"}])
    page = show.partial(hands.store, job)
    assert (page["items"], page["reset"]) == ([{"child": "a.0", "text": "one"}], False)
    record.append(hands.store, second, 0, [{"text": "two"}])
    page = show.partial(hands.store, job, page["cursor"])
    assert page["items"] == [{"child": "a.1", "text": "two"}]
    assert show.partial(hands.store, job, page["cursor"])["items"] == []
    hands.store.redis.delete(hands.store.keys.child(job, "a", 0))
    anew = show.partial(hands.store, job, page["cursor"])
    assert (anew["reset"], anew["items"]) == (True, [{"child": "a.1", "text": "two"}])


def test_progress_of_children_adds_up(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(2))
    first = hands.claim()
    record.progress(hands.store, first, 0.5, "half of one")
    task = show.status(hands.store, job)["tasks"][0]
    assert (task["progress"], task["message"]) == (25.0, "half of one")
    hands.record(first)
    assert show.status(hands.store, job)["tasks"][0]["progress"] == 50.0
    hands.work()
    assert show.status(hands.store, job)["progress"] == 100.0


def test_a_cancelled_tree_is_claimed_no_more(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(450))
    running = hands.claim()
    control.cancel(hands.store, job, now=hands.now)
    assert set(states(hands, job)) == {"cancelled"}
    with pytest.raises(Stale) as caught:
        record.progress(hands.store, running, 0.5)
    assert caught.value.state == "cancelled"
    while not isinstance(found := hands.look(), Idle) or found.wait_s == 0:
        assert isinstance(found, Idle)  # dropping tombstones, 50 a call
    control.retry(hands.store, job, now=hands.now)
    assert set(states(hands, job)) == {"ready"}
    assert len(hands.drain()) == 450


def test_a_child_retried_while_its_parent_joins_leaves_nothing_that_a_later_retry_stumbles_over(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(3, allowed=1))
    hands.work(Failed("one"))
    control.retry_task(hands.store, job, "a.0", now=hands.now)
    hands.work(Failed("two"))
    hands.work(Failed("three"))
    assert hands.status(job) == "failed"
    control.retry(hands.store, job, now=hands.now)
    assert sorted(hands.drain()) == ["a.0", "a.1", "a.2"]
    assert hands.status(job) == "completed"


def test_retrying_a_parent_of_many_failed_children_goes_on_in_calls_of_two_hundred(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hands.submit({"name": "a"})
    hands.work(spawn(450, allowed=300))
    hands.store.sweep(job, 1)
    for _ in range(301):
        hands.work(Failed("no"))
    assert hands.status(job) == "failed"
    hands.store.sweep(job, 1)
    with monkeypatch.context() as dying:
        dying.setattr(type(hands.store), "sweep", lambda *_: None)
        control.retry(hands.store, job, now=hands.now)
    assert states(hands, job).count("ready") == 200
    for _ in range(3):
        hands.renew()
    assert states(hands, job).count("ready") == 450
    assert len(hands.drain()) == 450
    assert hands.status(job) == "completed"


def test_a_child_does_not_split(hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.work(spawn(1))
    with pytest.raises(InvalidSubmission, match="children do not split"):
        hands.record(hands.claim(), spawn(2))


def test_many_items_are_appended_in_steps(hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.work(spawn(1))
    assert record.append(hands.store, hands.claim(), 0, list(range(9000))) == 9000


@pytest.mark.parametrize("node", ["a.", "a.9", "a.-1", "b", "", "a.0.0", "a:b"])
def test_what_is_no_task_is_not_retried(hands: Hands, node: str) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Failed("no", final=True))
    if node:
        with pytest.raises(NotFound):
            control.retry_task(hands.store, job, node, now=hands.now)
    else:
        control.retry_task(hands.store, job, node, now=hands.now)
        assert hands.drain() == ["a"]
