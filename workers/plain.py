"""Run a plain RQ job, which another program has enqueued, on RQ's own code: its registries, results, retries, timeouts.

Only what is JSON all through, calls a function listed in RQ_FUNCTIONS and has neither callbacks nor webhooks; anything else goes
to RQ's failed registry with a sentence. No pickle is read: write access to Redis must not be a shell on the workers.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from redis.client import Pipeline
from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now

from jobs import plain as verbs
from jobs import record
from jobs.errors import Stale
from jobs.model import Plain
from jobs.store import Store
from workers import log
from workers.fenced import Fence, Fenced, FencedPipeline, Over
from workers.interrupted import HandBack, Interrupted, Superseded

if TYPE_CHECKING:
    from workers.kit import Kit

ENGINE = "rq"  #: what a supervisor says is at work
LOSSES = 3  #: runs that may be lost before a job is not run again
MOST_DATA_BYTES = 16_000_000
STOPPED = "Job stopped by user, work-horse terminated."  #: RQ's own words
_CALLBACKS = {b"success_callback_name": "on_success", b"failure_callback_name": "on_failure", b"stopped_callback_name": "on_stopped"}


class Runner(Worker):
    """As much of an `rq.Worker` as runs one job. What is seen of the worker is the supervisor's."""

    def __init__(self, name: str, plain: Plain, client: Fenced) -> None:
        super().__init__([plain.queue], name=name, connection=client, serializer=JSONSerializer)
        self.log = log.rq
        self.failed = False

    def _set_connection(self, connection: Any) -> Any:
        return connection

    def _set_ip_address(self, connection: Any) -> None:
        self.ip_address = "unknown"

    def procline(self, message: str) -> None:
        """A horse keeps its name."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """Write nothing outside the transaction of the outcome; the supervisor shows that the job is alive."""
        job.ended_at = now()

    def cleanup_execution(self, job: Job, pipeline: Pipeline, execution: Execution | None = None) -> None:
        super().cleanup_execution(job, pipeline, execution)
        if isinstance(pipeline, FencedPipeline):
            pipeline.has_outcome = True

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Worded in workers/log.py; RQ keeps the traceback with the job."""
        log.plain_failed(job.id, exc_info[1])

    def _finalize_failure(self, job: Job, queue: Queue, execution: Execution, exc_info: Any) -> None:
        if isinstance(exc_info[1], Interrupted | Over):  # nothing that the job has raised
            raise exc_info[1]
        self.failed = True
        super()._finalize_failure(job, queue, execution, exc_info)


class Attempt:
    """One run of a plain RQ job, and the RQ objects it takes."""

    def __init__(self, worker: str, store: Store, plain: Plain, endure: Callable[[Exception], None]) -> None:
        self.plain = plain
        self.client = Fenced(store, Fence(store, plain, endure))
        self.runner = Runner(worker, plain, self.client)
        self.queue = self.runner.queues[0]
        self.execution = Execution(plain.run, plain.id, self.client, worker)
        self.raw: dict[bytes, bytes] = dict(self.client.execute_command("HGETALL", Job.key_for(plain.id)))
        if not self.raw:
            raise Over()  # deleted since it was claimed
        self.job = Job(plain.id, connection=self.client, serializer=JSONSerializer)

    def read(self) -> None:
        """Read the job as far as RQ's code needs it. Raises whatever RQ's code does for what is not one."""
        if oversized(self.raw.get(b"data", b"")):
            raise ValueError(f"its data takes more than {MOST_DATA_BYTES} bytes")
        # What is not needed, would be sent, or could unpack to very much: in Redis it stays.
        self.job.restore({name: value for name, value in self.raw.items() if name not in (b"webhooks", b"exc_info", b"result")})

    def perform(self) -> None:
        self.runner.perform_job(self.job, self.queue, self.execution)

    def fail(self, why: str, *, stopped: bool = False) -> None:
        """Have RQ's code note a failure that no function has raised. Runs no callback."""
        if stopped:
            self.runner._stopped_job_id = self.job.id
        self.runner.handle_job_failure(self.job, self.queue, exc_string=why, execution=self.execution)


def serve(plain: Plain, kit: Kit) -> None:
    """Run a job and end its run."""
    begun = time.monotonic()
    log.plain_started(plain)
    kit.pulse.working(plain.run, plain.rq_job, ENGINE, inf, inf)
    try:
        outcome = _run(plain, kit)
    except HandBack:
        with contextlib.suppress(Stale):
            kit.patiently(lambda: record.hand_back(kit.store, worker=kit.worker, run=plain.run, rq_job=plain.rq_job))
        return
    except Interrupted as why:
        log.plain_gone(plain, type(why).__name__.lower())
        return
    if outcome == "finished":
        kit.pulse.completed += 1
    else:
        kit.pulse.failed += 1
    kit.pulse.settling(plain.run, plain.rq_job, "")
    _end(plain, lambda: kit.patiently(lambda: verbs.end(kit.store, plain, reason="what came of it could not be noted")))
    log.plain_ended(plain, outcome, time.monotonic() - begun)


def _run(plain: Plain, kit: Kit) -> str:
    """Return what came of it. Raises Interrupted when it is not to be run here, or not any more."""
    kit.orders.check(plain.run)
    try:
        attempt = Attempt(kit.worker, kit.store, plain, kit.endure)
        try:
            attempt.read()
        except Exception as error:
            reason = f"this RQ job cannot be read: {error!r}; enqueue it again"
            kit.patiently(lambda: verbs.fail(kit.store, plain, worker=kit.worker, reason=reason))
            return reason
        if why := refusal(plain, attempt.job, attempt.raw, functions(kit.settings.rq_functions)):
            attempt.job.retries_left = None  # to run it again would only fail again; in Redis it stays
            attempt.fail(why)
            return why
        timeout_s = attempt.job.timeout or Queue.DEFAULT_TIMEOUT
        kit.pulse.working(plain.run, plain.rq_job, ENGINE, timeout_s if timeout_s > 0 else inf, inf)
        attempt.perform()
    except Over:
        return "gone"
    except Stale:
        raise Superseded() from None
    return "failed" if attempt.runner.failed else "finished"


def give_up(store: Store, plain: Plain, *, worker: str, reason: str, stopped: bool = False) -> None:
    """Fail a job whose run is dead, in whatever state it is read. Called by a supervisor: trouble with Redis is raised."""
    try:
        attempt = Attempt(worker, store, plain, _raise)
        try:
            attempt.read()
        except Exception:
            verbs.fail(store, plain, worker=worker, reason=reason)
        else:
            attempt.fail(reason, stopped=stopped)
    except Trouble as trouble:
        raise trouble.error from None
    except (Over, Superseded):
        pass
    _end(plain, lambda: verbs.end(store, plain, reason=reason))


class Trouble(BaseException):
    """Carries an error past RQ's code, which would log it and go on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _raise(error: Exception) -> None:
    raise Trouble(error)


def _end(plain: Plain, end: Callable[[], object]) -> None:
    try:
        end()
    except Stale:
        log.plain_gone(plain, "stale")


def functions(listed: str) -> frozenset[str]:
    """Return the names in RQ_FUNCTIONS."""
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def refusal(plain: Plain, job: Job, raw: Mapping[bytes, bytes], listed: frozenset[str]) -> str:
    """Say why a job is not run, and what to do about it; nothing for one that is."""
    if plain.lost > LOSSES:
        return (
            f"{plain.reason}; that was the run number {plain.lost} of it that was lost, so it is not run again: requeue it if it should be"
        )
    try:
        name, instance, args, kwargs = job.serializer.loads(job.data)
    except Exception:  # whatever is no JSON, or nests too deep
        return "this RQ job is not JSON, and nothing else is read here: enqueue it with serializer=JSONSerializer"
    if job._unreadable_meta is not None:
        return "the meta of this RQ job is not JSON, and nothing else is read here: enqueue it with serializer=JSONSerializer"
    if not isinstance(name, str) or instance is not None or not isinstance(args, list) or not isinstance(kwargs, dict):
        return "this RQ job does not call a function by its name: enqueue it as queue.enqueue('package.module.function', …)"
    if name not in listed:
        return f"the function {name} may not be called by RQ jobs here: add it to RQ_FUNCTIONS and start the workers again"
    if given := [said for field, said in _CALLBACKS.items() if raw.get(field)]:
        return f"this RQ job has {' and '.join(given)}, and callbacks are not run here: enqueue it without"
    if raw.get(b"webhooks") not in (None, b"", b"[]"):
        return "this RQ job has webhooks, which are not sent from here: enqueue it without"
    return ""


def oversized(data: bytes) -> bool:
    """Whether `data` takes more than MOST_DATA_BYTES, unpacked as RQ does. Few bytes may be packed from very many."""
    try:
        return bool(len(data) > MOST_DATA_BYTES or len(zlib.decompressobj().decompress(data, MOST_DATA_BYTES + 1)) > MOST_DATA_BYTES)
    except zlib.error:  # not packed
        return False
