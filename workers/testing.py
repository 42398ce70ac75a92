"""Run a job to its end in the calling process: how a test sees a job type and its engines at work, without workers.

    job = submit(store, Submission("wordlist", {"text": "one two"}, user="ada", org="maths"))
    view = run_job(store, job)
    assert view.status is JobStatus.COMPLETED, view.tasks

It claims and records with the verbs that workers use, and engines get a real Context, so retries, children and skipped steps are
what they are in production. What only processes of their own can do is left out: no timeout, no memory limit; an engine that kills
its process kills the test. Nobody waits: backoff is passed over by moving the time on that the scripts are told.

For a Redis of the test's own. What else waits there is worked on in its turn, and what others hold may be taken from them, as its
lease has ended once time has been moved on.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import claim, quota, record, show, types
from jobs.errors import Stale
from jobs.model import Back, Claimed, Idle, JobView, Outcome, Plain
from jobs.settings import Settings
from jobs.states import Duration, TaskState
from jobs.store import Store
from jobs.view import hold_message
from workers import engines
from workers.context import Context
from workers.interrupted import Interrupted, stop
from workers.kit import Kit
from workers.orders import Orders
from workers.outcome import of_error, of_result
from workers.pulse import Pulse

if TYPE_CHECKING:
    from jobs.storage import Storage

WORKER = "test:0:here"
MOST_PASSED_OVER_S = 900.0  #: longer than any backoff: what is not ready by then waits for something else
LATER_S = 30.0  #: before another job's task is offered again that cannot be done here
LEAST_STEP_S = 0.1
NOBODY = -1  #: no descriptor: nobody gives orders


class CannotEnd(Exception):
    """The job cannot come to an end in this process; the sentence says why. What was claimed has been handed back."""


def run_job(store: Store, job: str, *, storage: Storage | None = None, now: float | None = None) -> JobView:
    """Work until `job` has ended, well or not, and return it as it is then.

    Files lie in `storage`, else where the store's settings say. `now` is the time (s) at which to begin, else Redis's.
    Raises CannotEnd when it waits for what does not come: something paused, a quota, an engine that is not here, another's run.
    """
    view, _, at = show.look(store, job)
    with kit(store, storage) as tools:
        return Hand(tools, Clock(at if now is None else now)).work(view)


@contextmanager
def kit(store: Store, storage: Storage | None = None) -> Iterator[Kit]:
    """Yield what contexts are made with in a process that no supervisor watches."""
    pulse = Pulse.create()
    try:
        with tempfile.TemporaryDirectory(prefix="lectern-run-") as scratch:
            made = Kit(store, store.settings, pulse, Orders(NOBODY), WORKER, Path(scratch))
            if storage is not None:
                made.storage = storage
            yield made
    finally:
        pulse.close()


class Clock:
    """A time that goes on by itself, and can be moved on."""

    def __init__(self, begin: float) -> None:
        self._ahead = begin - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def pass_over(self, seconds: float) -> None:
        self._ahead += seconds


class Hand:
    """Does one task after the other, as a horse does."""

    def __init__(self, kit: Kit, clock: Clock) -> None:
        self._kit = kit
        self._store = kit.store
        self._clock = clock
        self._put_off_s: dict[str, float] = {}  # for how long each task was put off by its engine, in all

    def work(self, view: JobView) -> JobView:
        queues = queues_of(view, self._store.settings)
        passed_over_s = 0.0
        while not view.status.ended:
            found = claim.claim(self._store, worker=WORKER, queues=queues, run=secrets.token_hex(8), now=self._clock.now())
            match found:
                case Claimed():
                    self._serve(found, view.id, queues)
                    passed_over_s = 0.0 if found.job == view.id else passed_over_s
                case Plain():
                    record.hand_back(self._store, worker=WORKER, run=found.run, rq_job=found.rq_job, now=self._clock.now())
                    raise CannotEnd(f"RQ job {found.id} waits in front of job {view.id}, and only a worker runs RQ's own jobs")
                case Idle():
                    self._check(view.id, waits=found.wait_s > 0, passed_over_s=passed_over_s)
                    step_s = max(found.wait_s, LEAST_STEP_S)
                    self._clock.pass_over(step_s)
                    passed_over_s += step_s
            view = show.job(self._store, view.id)
        return view

    def _serve(self, claimed: Claimed, job: str, queues: list[str]) -> None:
        """Do a run and record it. Raises CannotEnd when it cannot be done here and is of `job`."""
        context = Context(claimed, self._kit)
        try:
            outcome = self._run(claimed, context)
        except Interrupted:  # cancelled, or taken away: there is nothing to record
            return
        except CannotEnd:
            own = claimed.job == job
            self._hand_back(claimed, delay_s=0.0 if own else LATER_S)
            if own:
                raise
            return
        except BaseException:  # the test is to end: Ctrl-C, a pytest.fail in an engine
            self._hand_back(claimed)
            raise
        finally:
            context.close()
        if isinstance(outcome, Back):
            self._put_off(claimed, outcome, job)
            return
        record.record(self._store, claimed=claimed, outcome=outcome, worker=WORKER, next_run=None, queues=queues, now=self._clock.now())

    def _run(self, claimed: Claimed, context: Context) -> Outcome | Back:
        settings = self._store.settings
        try:
            if not types.understood(claimed.type, claimed.version):
                raise engines.Unavailable(f"job type {claimed.type} version {claimed.version} is not known here")
            engine = engines.find(claimed.engine)
            its = engine.quota
            if its and (wait_s := quota.reserve(self._store, claimed, its, now=self._clock.now())):
                raise CannotEnd(f"{claimed.node} of job {claimed.job} waits {wait_s:.0f} s for a place in the quota of {its.name} (QUOTAS)")
            return of_result(engine.run(context, claimed.inputs), claimed, settings)
        except (engines.Unavailable, ModuleNotFoundError) as error:
            raise CannotEnd(f"{claimed.node} of job {claimed.job} cannot be done in this process: {error}") from error
        except CannotEnd:
            raise
        except Stale as stale:  # an engine's own use of the verbs
            stop(stale)
        except (Exception, SystemExit) as error:
            return of_error(error, claimed, settings)

    def _put_off(self, claimed: Claimed, back: Back, job: str) -> None:
        """Hand a task back for as long as its engine says. Raises CannotEnd when one of `job` says so again and again."""
        self._hand_back(claimed, back.delay_s)
        put_off_s = self._put_off_s[claimed.rq_job] = self._put_off_s.get(claimed.rq_job, 0.0) + max(back.delay_s, 1.0)
        if put_off_s > MOST_PASSED_OVER_S and claimed.job == job:
            raise CannotEnd(f"{claimed.node} of job {claimed.job} was put off for {put_off_s:.0f} s: {back.reason}")

    def _hand_back(self, claimed: Claimed, delay_s: float = 0.0) -> None:
        now = self._clock.now()
        with suppress(Stale):  # cancelled meanwhile
            record.hand_back(self._store, worker=WORKER, run=claimed.run, rq_job=claimed.rq_job, delay_s=delay_s, now=now)

    def _check(self, job: str, *, waits: bool, passed_over_s: float) -> None:
        """Raise CannotEnd if there is no use in passing over more time: nothing of the job can be claimed, and it has not ended."""
        view, standing, _ = show.look(self._store, job, now=self._clock.now())
        assert standing or view.status.ended
        why = f"{passed_over_s:.0f} s later nothing of it could be claimed" if passed_over_s > MOST_PASSED_OVER_S else ""
        elsewhere = next((task for task in view.tasks if task.state is TaskState.RUNNING), None)
        ready = next((task for task in view.tasks if task.state is TaskState.READY), None)
        if standing and standing.paused:
            why = hold_message(view, standing, standing.paused)
        elif elsewhere:
            why = f"{elsewhere.name} is running on {elsewhere.worker}, and not in this process"
        elif ready and waits and standing and standing.limit:
            why = hold_message(view, standing, "limit")
        elif ready and waits:
            why = f"{ready.name} is ready in {ready.queue}, and no claim is given it: RQ's workers may be suspended (rq resume)"
        if why:
            raise CannotEnd(f"job {job} cannot end: {why}")


def queues_of(view: JobView, settings: Settings) -> list[str]:
    """Return the queues in which tasks of a job, and the children they split into, may wait."""
    zones = ["", *settings.bound_zones]
    bound = [f"{zone}.{duration}".lstrip(".") for zone in zones for duration in Duration]
    return list(dict.fromkeys([*(task.queue for task in view.tasks), *bound]))
