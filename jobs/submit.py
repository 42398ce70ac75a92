"""Take a submission: check it, expand it into a graph by its type, make it a job in one round trip."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from jobs import graph, types
from jobs.errors import Conflict, InvalidSubmission, Overloaded
from jobs.model import ORG_NAME, USER_NAME, Graph, Submission, TaskSpec
from jobs.states import Priority
from jobs.store import NEARLY_FULL, Store, stamp

IDEMPOTENCY_S = 86_400  #: how long an Idempotency-Key is remembered


def submit(
    store: Store, submission: Submission, *, idempotency_key: str | None = None, job: str | None = None, now: float | None = None
) -> str:
    """Make a job of `submission` and return its id.

    With an `idempotency_key` of the same user that was used before, return the job it made then. Repeating the call with
    the same `job` id changes nothing. Raises InvalidSubmission; Conflict when the key was used for something else;
    Overloaded when Redis is nearly full.
    """
    kind, checked = expand(submission, max_tasks=store.settings.max_tasks)
    if store.pressure() > NEARLY_FULL:
        raise Overloaded("Redis is nearly full, so that no new jobs are taken; try again later, or ask for a larger one")
    job = job or secrets.token_hex(8)
    params = json.dumps(submission.params, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(json.dumps([submission.type, params, submission.priority, submission.zone]).encode()).hexdigest()[:32]
    named = hashlib.sha256(idempotency_key.encode()).hexdigest()[:32] if idempotency_key else ""
    try:
        reply = store.run(
            "submit",
            stamp(now),
            job,
            submission.type,
            submission.user,
            submission.org,
            submission.priority or kind.PRIORITY,
            params,
            named,
            digest,
            IDEMPOTENCY_S,
            *lines(checked),
        )
    except Conflict:
        raise Conflict("this Idempotency-Key was used for a different request; use a new one") from None
    made, more = reply[0].decode(), int(reply[1])
    store.sweep(made, more)
    return str(made)


def expand(submission: Submission, *, max_tasks: int) -> tuple[types.JobType, Graph]:
    """Return the submission's type and its checked graph. Raises InvalidSubmission; reads and writes nothing."""
    if not USER_NAME.fullmatch(submission.user):
        raise InvalidSubmission(f"user {submission.user!r} is not of the form {USER_NAME.pattern}", field="user")
    if not ORG_NAME.fullmatch(submission.org):
        raise InvalidSubmission(f"organisation {submission.org!r} is not of the form {ORG_NAME.pattern}", field="org")
    kind = types.find(submission.type)
    if kind.ADMIN_ONLY and not submission.admin:
        raise InvalidSubmission(f"jobs of type {submission.type!r} are for admins", field="type")
    if submission.priority and submission.priority.rank < kind.PRIORITY.rank and not submission.admin:
        raise InvalidSubmission(f"only an admin may raise the priority above {kind.PRIORITY}", field="priority")
    try:
        params = kind.Params.model_validate(submission.params)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(("params", *(str(part) for part in first["loc"])))
        said = "is not a parameter of this type" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise InvalidSubmission(f"{field}: {said}", field=field) from None
    expanded = kind.expand(params)
    if submission.zone:
        expanded = Graph(tuple(task if task.zone else replace(task, zone=submission.zone) for task in expanded.tasks))
    return kind, graph.check(expanded, max_tasks=max_tasks)


def lines(checked: Graph) -> Iterable[str | int]:
    """Yield what submit.lua takes of each task: name, line, payload, count of needs."""
    needed_by = graph.dependents(checked)
    for task in checked.tasks:
        needs = tuple(dict.fromkeys(task.needs))
        yield task.name
        yield line(task, needs, needed_by[task.name])
        yield json.dumps(task.payload, separators=(",", ":"), ensure_ascii=False) if task.payload else "{}"
        yield len(needs)


def line(task: TaskSpec, needs: Iterable[str], dependents: Iterable[str]) -> str:
    """Return a task as the scripts read it: engine queue optional attempts backoff timeout needs dependents."""
    listed = (",".join(needs) or "-", ",".join(dependents) or "-")
    return f"{task.engine} {task.queue} {int(task.optional)} {task.attempts} {task.backoff_s:g} {task.timeout_s:g} {listed[0]} {listed[1]}"


__all__ = ["Priority", "expand", "submit"]
