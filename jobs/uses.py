"""Check the jobs that a new job is to be made of: they must be its own user's, and have ended. Changes nothing.

A job type says which they are with `uses(params) -> tuple of job ids`. Its engines ask again (workers.context.Context.used): a job
may be deleted between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs import types
from jobs.errors import InvalidSubmission
from jobs.model import JOB_ID, Submission
from jobs.states import JobStatus
from jobs.store import Store


def refusals(store: Store, submissions: Sequence[Submission]) -> list[InvalidSubmission | None]:
    """Return for each of `submissions`, checked otherwise, what is wrong with the jobs it uses; one round trip, none if none uses any.

    Someone else's job is like one that does not exist, also for an admin: what is made of it would be the admin's.
    """
    named = [types.uses(one.type, one.params) for one in submissions]
    wanted = sorted({job for jobs in named for job in jobs if JOB_ID.fullmatch(job)})
    found: dict[str, list[bytes | None]] = {}
    if wanted:
        with store.redis.pipeline(transaction=False) as pipe:
            for job in wanted:
                pipe.hmget(store.keys.job(job), "user", "status")
            found = dict(zip(wanted, pipe.execute(), strict=True))
    return [first_fault(one, jobs, found) for one, jobs in zip(submissions, named, strict=True)]


def first_fault(submission: Submission, jobs: Sequence[str], found: dict[str, list[bytes | None]]) -> InvalidSubmission | None:
    for job in jobs:
        user, status = (value.decode() if value else "" for value in found.get(job, (None, None)))
        if user != submission.user or status == "deleted":
            return InvalidSubmission(f"there is no job {job}", field=place(submission.params, job))
        if not JobStatus(status).ended:
            return InvalidSubmission(f"job {job} is {status}; wait until it has ended", field=place(submission.params, job))
    return None


def place(params: Any, job: str) -> str:
    """Return where in the parameters a job is named: `params.jobs.3`."""
    for name, value in params.items():
        if value == job:
            return f"params.{name}"
        if isinstance(value, list | tuple) and job in value:
            return f"params.{name}.{value.index(job)}"
    return "params"
