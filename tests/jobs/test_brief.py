"""Several brief tasks a claim: which they are, what they are charged, and what becomes of those that were not begun."""

from __future__ import annotations

import pytest

from jobs import claim, orgs, record, show
from jobs.errors import Stale
from jobs.model import Back, Completed, Failed, Spawn
from jobs.record import Ended
from jobs.states import TaskState
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain


def be_brief(hands: Hands, runs: int = 3) -> None:
    for _ in range(runs):
        hands.submit({"name": "t"}, org="brief")
        hands.work()


@pytest.fixture
def brisk(hands: Hands) -> Hands:
    """Hands of a queue whose runs are known to be brief."""
    be_brief(hands)
    return hands


def fill(hands: Hands) -> None:
    for org, priority, count in (("acme", "normal", 5), ("bede", "normal", 3), ("cato", "low", 6), ("dido", "high", 2)):
        for _ in range(count):
            hands.submit({"name": "t"}, org=org, priority=priority)


def share_of(store: Store, org: str) -> int:
    """Its virtual time, µs."""
    return int(store.redis.hget(store.keys.build("fair", "short", org), "v"))


def attempts(store: Store, job: str) -> int:
    return show.job(store, job).tasks[0].attempts


def test_before_runs_are_known_to_be_brief_a_claim_takes_one(hands: Hands) -> None:
    fill(hands)
    assert len(hands.claim_some(8)) == 1


def test_one_run_that_lasts_ends_it_until_many_have_been_brief_again(brisk: Hands) -> None:
    fill(brisk)
    lasting = brisk.claim()
    brisk.now += 10
    brisk.record(lasting)
    (one,) = brisk.claim_some(8)
    brisk.record(one)
    brisk.drain()
    be_brief(brisk, 100)
    fill(brisk)
    assert len(brisk.claim_some(8)) == 8


def test_they_are_those_that_as_many_workers_would_have_had(brisk: Hands, store: Store) -> None:
    fill(brisk)
    several = [run.org for _ in range(4) for run in brisk.claim_some(8)]  # a turn of rule 5 begins a claim of its own
    store.redis.flushall()
    be_brief(brisk)
    fill(brisk)
    apart = [Hands(store, f"host:9:other{n}", ("short",)).claim().org for n in range(16)]
    assert several == apart
    assert {"acme", "bede", "cato", "dido"} == set(several)


def test_a_turn_of_rule_5_is_the_first_of_its_claim(brisk: Hands) -> None:
    """So that it is not given back unbegun, and gone."""
    for _ in range(40):
        brisk.submit({"name": "t"}, org="acme", priority="high")
    brisk.submit({"name": "low"}, org="bede", priority="low")
    claims = [[run.org for run in brisk.claim_some(8)] for _ in range(4)]
    assert [orgs for orgs in claims if "bede" in orgs] == [["bede", *["acme"] * 7]]


def test_what_was_tried_before_is_the_last_of_its_claim_or_alone(brisk: Hands, store: Store) -> None:
    """After a whole worker was lost with all that it held, those that did it no harm part from the one that did."""
    jobs = [brisk.submit({"name": "t"}) for _ in range(4)]
    assert len(brisk.claim_some(4)) == 4
    brisk.now += 20
    assert claim.reap(store, brisk.now) == 4
    (first,) = brisk.claim_some(4)
    assert first.attempt == 2
    brisk.record(first)
    brisk.submit({"name": "new"}, priority="high")
    several = brisk.claim_some(4)
    assert [(run.task, run.attempt) for run in several] == [("new", 1), ("t", 2)]
    assert {first.job, several[1].job} < set(jobs)


def test_what_is_given_back_says_nothing_of_how_long_runs_are(brisk: Hands, store: Store) -> None:
    for _ in range(60):
        brisk.submit({"name": "t"})
    for _ in range(5):
        several = brisk.claim_some(8)
        brisk.now += 0.008
        brisk.record_some([Ended(several[0], Completed(), 0.008), *(Ended(run, Back()) for run in reversed(several[1:]))])
    assert len(brisk.claim_some(8)) == 1


def test_an_answer_repeated_without_what_was_cancelled_still_names_each_run(brisk: Hands, store: Store) -> None:
    fill(brisk)
    ended = [Ended(run, Completed()) for run in brisk.claim_some(2)]
    _, following = brisk.record_some(ended, "next", most=4)
    assert isinstance(following, list)
    store.run("cancel", "", following[1].job)
    _, again = brisk.record_some(ended, "next", most=4)
    assert again == [following[0], *following[2:]]
    assert record.lost(store, worker=brisk.name, run=following[3].run, reason="killed", now=brisk.now)
    assert [attempts(store, run.job) for run in following] == [0, 1, 0, 1]


def test_each_is_a_run_of_its_own_under_a_lease(brisk: Hands) -> None:
    fill(brisk)
    several = brisk.claim_some(4, run="c0ffee")
    assert [run.run for run in several] == ["c0ffee", "c0ffee.2", "c0ffee.3", "c0ffee.4"]
    leases = {member.decode() for member in brisk.store.redis.zrange(brisk.store.keys.leases(), 0, -1)}
    assert leases == {f"{run.rq_job}:{run.run}" for run in several}
    assert brisk.claim_some(4, run="c0ffee") == several  # the same call repeated


def test_an_organisation_gets_no_more_than_may_run_at_once(brisk: Hands) -> None:
    orgs.set(brisk.store, "acme", max_running=2)
    for _ in range(5):
        brisk.submit({"name": "t"}, org="acme")
    assert len(brisk.claim_some(8)) == 2


def test_their_outcomes_are_recorded_together(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit(*chain("a", "b", attempts=1)) for _ in range(4)]
    several = brisk.claim_some(4)
    assert [run.job for run in several] == jobs
    outcomes = [Completed({"x": 1}), Failed("no"), Spawn(({"n": 1}, {"n": 2})), Back()]
    ended = [Ended(run, outcome) for run, outcome in zip(several, outcomes, strict=True)]
    answer = brisk.record_some(ended, "next", most=8)
    known, following = answer
    assert [(str(one.state), one.stale) for one in known] == [("completed", False), ("failed", False), ("joining", False), ("ready", False)]
    assert isinstance(following, list)
    assert sorted((run.job, run.task, run.child) for run in following) == sorted(
        [(jobs[0], "b", None), (jobs[2], "a", 0), (jobs[2], "a", 1), (jobs[3], "a", None)]
    )
    assert next(run for run in following if run.task == "b").inputs == {"a": {"x": 1}}
    assert brisk.record_some(ended, "next", most=8) == answer
    assert audit(store, brisk.now) == []


def test_what_was_cancelled_meanwhile_is_told_as_stale_and_the_rest_counts(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(3)]
    several = brisk.claim_some(3)
    store.run("cancel", "", jobs[0])
    known, _ = brisk.record_some([Ended(run, Completed()) for run in several])
    assert [(str(one.state), one.stale) for one in known] == [("cancelled", True), ("completed", False), ("completed", False)]


def test_a_record_of_the_first_alone_is_not_taken_for_that_of_all_repeated(brisk: Hands) -> None:
    fill(brisk)
    several = brisk.claim_some(3)
    brisk.record_some([Ended(run, Completed()) for run in several])
    assert brisk.record(several[0]).stale


def test_each_is_charged_what_it_took_and_an_equal_part_of_the_rest(brisk: Hands, store: Store) -> None:
    for org, priority in (("acme", "high"), ("bede", "normal")):
        for _ in range(2):
            brisk.submit({"name": "t"}, org=org, priority=priority)
    brisk.work()
    first, second = brisk.claim_some(2)
    assert {first.org, second.org} == {"acme", "bede"}
    began = {org: share_of(store, org) for org in ("acme", "bede")}
    brisk.now += 1.0
    brisk.record_some([Ended(first, Completed(), 0.7), Ended(second, Completed(), 0.1)])
    assert share_of(store, first.org) - began[first.org] == 800_000
    assert share_of(store, second.org) - began[second.org] == 200_000


def test_what_is_given_back_is_in_front_of_its_lane_as_before_and_no_attempt_is_spent(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(6)]
    several = brisk.claim_some(4)
    brisk.record_some([Ended(several[0], Completed()), *(Ended(run, Back()) for run in reversed(several[1:]))])
    assert [attempts(store, job) for job in jobs] == [1, 0, 0, 0, 0, 0]
    assert [run.job for run in brisk.claim_some(8)] == jobs[1:]


@pytest.mark.parametrize("at_work", [0, 1, 3])
def test_when_a_worker_dies_the_run_at_work_is_lost_and_the_others_are_unharmed(brisk: Hands, store: Store, at_work: int) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(6)]
    several = brisk.claim_some(4)

    def lose() -> bool:
        return record.lost(store, worker=brisk.name, run=several[at_work].run, reason="killed", now=brisk.now)

    assert lose()
    assert [attempts(store, job) for job in jobs] == [int(n == at_work) for n in range(6)]
    assert [show.job(store, job).tasks[0].error for job in jobs] == ["killed" if n == at_work else "" for n in range(6)]
    with pytest.raises(Stale):
        lose()
    assert [run.job for _ in jobs for run in brisk.claim_some(8)] == jobs
    assert audit(store, brisk.now) == []


def test_a_worker_that_leaves_gives_back_all_that_it_took(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(6)]
    several = brisk.claim_some(4)
    for _ in range(2):  # the call repeated changes nothing
        record.hand_back(store, worker=brisk.name, run=several[2].run, now=brisk.now)
        assert [attempts(store, job) for job in jobs] == [0] * 6
    assert [run.job for run in brisk.claim_some(8)] == jobs


def test_one_of_them_handed_back_leaves_the_others_to_be_found_when_the_worker_dies(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(3)]
    several = brisk.claim_some(3)
    record.hand_back(store, worker=brisk.name, run=several[1].run, rq_job=several[1].rq_job, delay_s=30, now=brisk.now)
    assert record.lost(store, worker=brisk.name, run=several[0].run, reason="killed", now=brisk.now)
    assert [str(show.job(store, job).tasks[0].state) for job in jobs] == ["ready", "delayed", "ready"]


def test_others_do_not_wait_for_one_that_lasts(brisk: Hands, store: Store) -> None:
    jobs = [brisk.submit({"name": "t"}) for _ in range(4)]
    several = brisk.claim_some(3)
    brisk.now += 0.5
    assert not brisk.renew(several[1]).stale
    states = [show.job(store, job).tasks[0].state for job in jobs]
    assert states == [TaskState.READY, TaskState.RUNNING, TaskState.READY, TaskState.READY]
    other = Hands(store, "host:2:other", ("short",))
    other.now = brisk.now
    assert [run.job for run in other.claim_some(8)] == [jobs[0], jobs[2], jobs[3]]
    known, _ = brisk.record_some([Ended(run, Completed()) for run in several])
    assert [one.stale for one in known] == [True, False, True]


def test_a_share_that_one_call_has_changed_is_in_its_place_when_another_comes_to_wait(hands: Hands, store: Store) -> None:
    """Who comes to wait starts beside the first in line: at the place that this has now, not at the one it had before the call."""
    hands.submit({"name": "a", "duration": "long"}, {"name": "b", "needs": ["a"]}, org="late")
    held = hands.claim()
    for org in ("clock", "first"):  # so that the clock is far beyond who waits in `normal`
        for _ in range(3):
            hands.submit({"name": "t"}, org=org, priority="high" if org == "clock" else "normal")
    for _ in range(2):
        claimed = hands.claim()
        assert claimed.org == "clock"
        hands.now += 100
        hands.renew(held, claimed)
        hands.record(claimed)
    hands.claim()
    run = hands.claim()
    assert run.org == "first"
    hands.now += 150
    hands.record_some([Ended(run, Completed(), 150.0), Ended(held, Completed())])
    assert share_of(store, "late") >= share_of(store, "first")
