"""A job that is made of other jobs takes only those of its own user that have ended."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import control, submit
from jobs.errors import InvalidSubmission
from jobs.model import Submission
from tests.jobs.hands import Hands


def export(*jobs: str, user: str = "ada", **more: Any) -> Submission:
    return Submission("export", {"jobs": list(jobs)}, user, "acme", **more)


def refusal(hands: Hands, submission: Submission) -> InvalidSubmission:
    """Return the refusal, which is the same for one and as one of many."""
    with pytest.raises(InvalidSubmission) as refused:
        submit.submit(hands.store, submission, now=hands.now)
    (told,) = submit.submit_many(hands.store, [submission], now=hands.now)
    assert isinstance(told, InvalidSubmission)
    assert (str(told), told.field) == (str(refused.value), refused.value.field)
    return refused.value


@pytest.fixture
def ended(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.work()
    return job


def test_jobs_of_ones_own_that_have_ended_are_taken(hands: Hands, ended: str) -> None:
    other = hands.submit({"name": "b"})
    control.cancel(hands.store, other)

    made = submit.submit(hands.store, export(ended, other), now=hands.now)

    assert hands.states(made) == {"package": "ready"}
    hands.drain()


def test_someone_elses_job_is_like_one_that_does_not_exist_for_an_admin_too(hands: Hands, ended: str) -> None:
    for asks in (export(ended, user="ben"), export(ended, user="ben", admin=True)):
        refused = refusal(hands, asks)
        assert (str(refused), refused.field) == (f"there is no job {ended}", "params.jobs.0")
    refused = refusal(hands, export(ended, "nowhere"))
    assert (str(refused), refused.field) == ("there is no job nowhere", "params.jobs.1")


def test_a_job_that_is_not_over_is_refused_in_words(hands: Hands, ended: str) -> None:
    waits = hands.submit({"name": "b"})
    refused = refusal(hands, export(ended, waits))
    assert (str(refused), refused.field) == (f"job {waits} is pending; wait until it has ended", "params.jobs.1")
    hands.drain()


@pytest.mark.parametrize("jobs", [[], ["a", "a"], ["a/b"], [f"j{n}" for n in range(101)], "a"])
def test_so_many_jobs_each_once_by_their_ids(hands: Hands, jobs: Any) -> None:
    refused = refusal(hands, Submission("export", {"jobs": jobs}, "ada", "acme"))
    assert (refused.field or "").startswith("params.jobs")


def test_in_a_batch_each_is_judged_by_itself(hands: Hands, ended: str) -> None:
    plain = Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "acme", admin=True)
    told = submit.submit_many(hands.store, [export("nowhere"), plain, export(ended), export(ended, user="ben")], now=hands.now)
    assert [type(one) for one in told] == [InvalidSubmission, str, str, InvalidSubmission]
    hands.drain()
