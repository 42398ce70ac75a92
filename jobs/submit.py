"""Take a submission: check it, expand it into a graph by its type, make it a job in one round trip."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from jobs import faults, graph, types
from jobs.errors import Conflict, Forbidden, InvalidSubmission
from jobs.model import JOB_ID, ORG_NAME, PLAIN_ORG, USER_NAME, ZONE_NAME, Graph, Json, Submission, TaskSpec
from jobs.settings import Settings
from jobs.store import Store, stamp

IDEMPOTENCY_S = 86_400  #: how long an Idempotency-Key is remembered


def submit(
    store: Store, submission: Submission, *, idempotency_key: str | None = None, job: str | None = None, now: float | None = None
) -> str:
    """Make a job of `submission` and return its id.

    With an `idempotency_key` of the same user that was used before, return the job it made then. Repeating the call with
    the same `job` id changes nothing. Raises InvalidSubmission; Forbidden; Conflict when the key was used for something else;
    Overloaded when Redis is nearly full.
    """
    kind, stored, checked = expand(submission, store.settings)
    store.require_room()
    job = job or secrets.token_hex(8)
    if not JOB_ID.fullmatch(job):
        raise InvalidSubmission(f"job id {job!r} is not of the form {JOB_ID.pattern}", field="id")
    params = json.dumps(stored, separators=(",", ":"), ensure_ascii=False)
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
            types.version_of(kind),
            f"{types.size(kind, stored):g}",
            *lines(checked),
        )
    except Conflict:
        raise Conflict("this Idempotency-Key was used for a different request; use a new one") from None
    made, more = reply[0].decode(), int(reply[1])
    store.sweep(made, more)
    return str(made)


def expand(submission: Submission, config: Settings) -> tuple[types.JobType, dict[str, Json], Graph]:
    """Return the submission's type, its parameters as they are stored, and its checked graph.

    Reads and writes nothing. Raises InvalidSubmission, and Forbidden for what only an admin may.
    """
    if not USER_NAME.fullmatch(submission.user):
        raise InvalidSubmission(f"user {submission.user!r} is not of the form {USER_NAME.pattern}", field="user")
    if not ORG_NAME.fullmatch(submission.org):
        raise InvalidSubmission(f"organisation {submission.org!r} is not of the form {ORG_NAME.pattern}", field="org")
    if submission.org == PLAIN_ORG:
        raise InvalidSubmission(
            f"organisation {submission.org!r} is that of plain RQ jobs, and nobody else's; choose another name", field="org"
        )
    if submission.zone and not ZONE_NAME.fullmatch(submission.zone):
        raise InvalidSubmission(f"zone {submission.zone!r} is not of the form {ZONE_NAME.pattern}", field="zone")
    kind = permit(submission)
    try:
        # As JSON, and strictly: "false" is not false, and what is stored is what was checked, for all who read it later.
        params = kind.Params.model_validate_json(json.dumps(submission.params), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(("params", *(str(part) for part in first["loc"])))
        raise InvalidSubmission(f"{field}: {faults.sentence(first)}", field=field) from None
    expanded = kind.expand(params)
    zone = submission.zone or getattr(kind, "ZONE", "")
    placed = Graph(tuple(replace(task, zone=config.zone_of(task.engine) or task.zone or zone) for task in expanded.tasks))
    return kind, params.model_dump(mode="json", exclude_unset=True), graph.check(placed, max_tasks=config.max_tasks)


def permit(submission: Submission) -> types.JobType:
    """Return the submission's type. Raises InvalidSubmission for an unknown one, Forbidden for what only an admin may."""
    kind = types.find(submission.type)
    if submission.admin:
        return kind
    if kind.ADMIN_ONLY:
        raise Forbidden(f"only an admin may submit jobs of type {submission.type}", field="type")
    if submission.zone:
        raise Forbidden("only an admin may choose a zone; leave it out", field="zone")
    if submission.priority and submission.priority.rank < kind.PRIORITY.rank:
        detail = f"only an admin may raise the priority above {kind.PRIORITY}; ask for that, a lower one, or none"
        raise Forbidden(detail, field="priority")
    return kind


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
