"""Take submissions: check each, expand it into a graph by its type, make it a job; one in one round trip, many in pipelined chunks."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import redis
from pydantic import ValidationError

from jobs import faults, graph, receivers, types, uses
from jobs.errors import Conflict, Forbidden, InvalidSubmission, LecternError, NotFound, NoUpload
from jobs.model import JOB_ID, MINUTE_S, ORG_NAME, PLAIN_ORG, UPLOAD_ID, USER_NAME, ZONE_NAME, Graph, Json, Submission, TaskSpec
from jobs.settings import Settings
from jobs.store import Store, stamp
from jobs.types import callback

IDEMPOTENCY_S = 86_400  #: how long an Idempotency-Key is remembered
MOST_AHEAD_S = 366 * 86_400  #: a job may be put off by a year
#: What goes to Redis at once: it holds a chunk until it has carried it out, and a chunk is lost as a whole.
CHUNK_JOBS = 100
CHUNK_CHARS = 250_000

as_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  #: made once: `json.dumps` would for each call

Call = tuple[str | int, ...]  #: what submit.lua takes


class Prepared(NamedTuple):
    """A submission on its way to Redis: what is to be sent, or why it will not be."""

    submission: Submission
    call: Call | LecternError


class Sent(NamedTuple):
    """What became of a chunk: the id or the error of each, and what keeps those behind it from being sent."""

    told: list[str | Exception]
    lost: Exception | None


def submit(
    store: Store, submission: Submission, *, idempotency_key: str | None = None, job: str | None = None, now: float | None = None
) -> str:
    """Make a job of `submission` and return its id.

    With an `idempotency_key` of the same user that was used before, return the job it made then. Repeating the call with
    the same `job` id changes nothing. Raises InvalidSubmission; Forbidden; NotFound when the upload is gone; Conflict when
    the key was used for something else; Limited when it passes what the user may use; Overloaded when Redis is nearly full.
    """
    call = prepare(store.settings, submission, idempotency_key, job, now)
    store.require_room()
    if refused := uses.refusals(store, [submission])[0]:
        raise refused
    try:
        reply = store.run("submit", *call)
    except (Conflict, NotFound) as error:
        raise refusal(error, submission) from None
    made, more = reply[0].decode(), int(reply[1])
    store.sweep(made, more)
    return str(made)


def submit_many(
    store: Store, submissions: Sequence[Submission], *, idempotency_keys: Sequence[str | None] | None = None, now: float | None = None
) -> list[str | Exception]:
    """Make a job of each of `submissions`; return, in their order, its id or the error that `submit` would raise.

    What is refused keeps no other from becoming a job. When Redis is nearly full, or the connection is lost, that error stands for
    the chunk, of which nobody may know then whether it was made, and for all behind it, which were not sent: with the same keys it
    can all be repeated. Raises ValueError when there are not as many keys as submissions.
    """
    keys = [None] * len(submissions) if idempotency_keys is None else idempotency_keys
    if len(keys) != len(submissions):
        raise ValueError(f"{len(keys)} idempotency keys for {len(submissions)} submissions")
    told: list[str | Exception] = []
    lost: Exception | None = None
    with ThreadPoolExecutor(1, "submit") as line:
        under_way: Future[Sent] | None = None
        for chunk in chunks(store.settings, zip(submissions, keys, strict=True), now):  # while Redis works on the one before
            if under_way:
                answers, lost = under_way.result()
                told += answers
            under_way = line.submit(send, store, chunk, lost)
        if under_way:
            told += under_way.result().told
    return told


def send(store: Store, chunk: list[Prepared], lost: Exception | None) -> Sent:
    """Make jobs of what is prepared, unless what came before was `lost`."""
    if lost is None:
        try:
            return Sent(submit_chunk(store, chunk), None)
        except (LecternError, redis.RedisError) as error:
            lost = error
    return Sent([lost if isinstance(one.call, tuple) else one.call for one in chunk], lost)


def submit_chunk(store: Store, chunk: list[Prepared]) -> list[str | Exception]:
    """Make jobs of what is prepared, in one round trip and those that large graphs and jobs made of others take.

    Raises Overloaded, RedisError: for all of it.
    """
    store.require_room()
    refused = iter(uses.refusals(store, [one.submission for one in chunk if isinstance(one.call, tuple)]))
    chunk = [Prepared(one.submission, next(refused) or one.call) if isinstance(one.call, tuple) else one for one in chunk]
    replies = iter(store.run_many("submit", [one.call for one in chunk if isinstance(one.call, tuple)]))
    told: list[str | Exception] = []
    for submission, call in chunk:
        reply = next(replies) if isinstance(call, tuple) else call
        if isinstance(reply, Exception):
            told.append(refusal(reply, submission))
            continue
        made, more = str(reply[0].decode()), int(reply[1])
        with suppress(LecternError, redis.RedisError):  # it was made; whoever renews next goes on with what is left
            store.sweep(made, more)
        told.append(made)
    return told


def was_used(store: Store, user: str, idempotency_key: str) -> bool:
    """Whether a user has made a job under this key, not longer ago than keys are remembered."""
    return bool(store.redis.exists(store.keys.build("idem", user, named(idempotency_key))))


def named(idempotency_key: str) -> str:
    return hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]


def chunks(config: Settings, asked: Iterable[tuple[Submission, str | None]], now: float | None) -> Iterator[list[Prepared]]:
    """Yield submissions as they can be sent, so many that they are worth a round trip and no burden."""
    chunk: list[Prepared] = []
    chars = 0
    for submission, key in asked:
        try:
            call = prepare(config, submission, key, None, now)
        except LecternError as error:
            chunk.append(Prepared(submission, error))
        else:
            chunk.append(Prepared(submission, call))
            chars += sum(len(part) for part in call if isinstance(part, str))
        if len(chunk) == CHUNK_JOBS or chars >= CHUNK_CHARS:
            yield chunk
            chunk, chars = [], 0
    if chunk:
        yield chunk


def prepare(config: Settings, submission: Submission, idempotency_key: str | None, job: str | None, now: float | None) -> Call:
    """Return what submit.lua takes for `submission`. Raises InvalidSubmission, Forbidden."""
    kind, stored, checked = expand(submission, config)
    job = job or secrets.token_hex(8)
    if not JOB_ID.fullmatch(job):
        raise InvalidSubmission(f"job id {job!r} is not of the form {JOB_ID.pattern}", field="id")
    if submission.upload and not UPLOAD_ID.fullmatch(submission.upload):
        raise InvalidSubmission(f"upload {submission.upload!r} is not of the form {UPLOAD_ID.pattern}", field="upload")
    params = as_json(stored)
    asked: list[str | float | None] = [submission.type, params, submission.priority, submission.zone]
    if submission.callback_url:
        asked.append(submission.callback_url)
    run_at = begins(submission.run_at, time.time() if now is None else now)
    if submission.run_at is not None:
        asked.append(submission.run_at)
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]
    return (
        stamp(now),
        job,
        submission.type,
        submission.user,
        submission.org,
        submission.priority or kind.PRIORITY,
        params,
        named(idempotency_key) if idempotency_key else "",
        digest,
        IDEMPOTENCY_S,
        types.version_of(kind),
        f"{types.size(kind, stored):g}",
        submission.upload,
        config.max_audio_minutes_per_day * MINUTE_S if submission.limited else "",
        config.max_upload_bytes_per_day,
        submission.bytes,
        *told(submission, config),
        run_at,
        *lines(checked),
    )


def told(submission: Submission, config: Settings) -> tuple[str, str, str]:
    """Return what submit.lua takes of a callback: address, line of the task that is to tell it, a secret. Raises InvalidSubmission."""
    if not submission.callback_url:
        return "", "", ""
    receivers.check_url(submission.callback_url, private_allowed=config.callback_private_addresses)
    send = place(callback.SEND, config.zone_of(callback.SEND.engine))
    return submission.callback_url, line(send, (), ()), receivers.new_secret()


def begins(run_at: float | None, now: float) -> int | str:
    """Return the time before which a job may not begin as the script takes it. Raises InvalidSubmission when it is too far away."""
    if run_at is None:
        return ""
    if not run_at <= now + MOST_AHEAD_S:  # so that NaN is refused
        raise InvalidSubmission(f"run_at: is more than {MOST_AHEAD_S // 86_400} days ahead; choose a time before", field="run_at")
    return stamp(max(run_at, 0.0))


def refusal(error: Exception, submission: Submission) -> Exception:
    """Return what the script's refusal of `submission` means to who asked."""
    match error:
        case Conflict():
            return Conflict("this Idempotency-Key was used for a different request; use a new one")
        case NotFound():
            return NoUpload(submission.upload)
    return error


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
    bound, zone = config.zone_by_engine, submission.zone or getattr(kind, "ZONE", "")
    placed = Graph(tuple(place(task, bound.get(task.engine) or task.zone or zone) for task in expanded.tasks))
    return kind, params.model_dump(mode="json", exclude_unset=True), graph.check(placed, max_tasks=config.max_tasks)


def place(task: TaskSpec, zone: str) -> TaskSpec:
    return task if task.zone == zone else replace(task, zone=zone)


def permit(submission: Submission) -> types.JobType:
    """Return the submission's type. Raises InvalidSubmission for an unknown one, Forbidden for what only an admin may."""
    kind = types.find(submission.type)
    if types.internal(submission.type):
        raise InvalidSubmission(f"jobs of type {submission.type} are made by Lectern itself", field="type")
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
        yield as_json(task.payload) if task.payload else "{}"
        yield len(needs)


def line(task: TaskSpec, needs: Iterable[str], dependents: Iterable[str]) -> str:
    """Return a task as the scripts read it: engine queue optional attempts backoff timeout needs dependents."""
    listed = (",".join(needs) or "-", ",".join(dependents) or "-")
    return f"{task.engine} {task.queue} {int(task.optional)} {task.attempts} {task.backoff_s:g} {task.timeout_s:g} {listed[0]} {listed[1]}"
