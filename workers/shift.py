"""A horse's working life: claim, run the engine, record and claim, until told to leave.

Where runs are brief a claim brings several tasks (docs/decisions/0026-several-brief-tasks-a-claim.md): they are done one after the
other and recorded together. What it does not expect it dies of: the supervisor then records its run as lost and starts another horse.
"""

from __future__ import annotations

import logging
import os
import secrets
import time

from jobs import claim, quota, record, types
from jobs.errors import Stale
from jobs.model import Back, Claimed, Failed, Idle, Outcome, Plain
from jobs.record import Ended
from jobs.settings import Quota
from workers import engines, log
from workers.context import Context
from workers.interrupted import HandBack, Interrupted, TimedOut, stop
from workers.kit import Kit
from workers.outcome import of_error, of_result, timed_out

UNAVAILABLE_DELAY_S = 30.0  #: before a task is offered again whose engine this worker does not have
LEAST_WAIT_S = 0.05  #: so that nothing overdue makes an idle horse spin; a bell ends a wait at once in any case
UNWATCHED_STEP_S = 0.1
HELD_S = 0.005  #: what a claim brought and was not begun after so long is handed back: others may be free to do it
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_EVERY_S = 1.0


class Shift:
    def __init__(self, kit: Kit, queues: list[str], supervisor_pid: int) -> None:
        self._kit = kit
        self._queues = queues
        self._supervisor_pid = supervisor_pid
        self.tasks = 0
        self._memory_at = 0.0
        self._tells = log.horse.isEnabledFor(logging.INFO)

    def work(self) -> str:
        """Work until told to leave, or worn out. Return why it ended."""
        answer: list[Claimed] | Plain | Idle | None = None
        while True:
            if isinstance(answer, list):
                answer = self._serve(answer)
            elif isinstance(answer, Plain):
                self._serve_plain(answer)
                answer = None
            elif isinstance(answer, Idle) and answer.wait_s > 0:
                self._listen(answer.wait_s)
                answer = None
            elif why := self._leaves():
                break
            elif self._unwatched():
                self._wait_for_supervisor()
            else:
                answer = self._claim()
        self._kit.pulse.gone()
        return why

    def _claim(self) -> list[Claimed] | Plain | Idle:
        run = secrets.token_hex(8)
        kit = self._kit
        kit.pulse.claiming(run)
        most = self._most()
        return kit.patiently(lambda: claim.claim_some(kit.store, worker=kit.worker, queues=self._queues, run=run, most=most), kit.give_up)

    def _most(self) -> int:
        """How many brief tasks the next claim may bring."""
        settings = self._kit.settings
        left = settings.max_tasks_per_horse - self.tasks if settings.max_tasks_per_horse else settings.max_tasks_per_claim
        return max(1, min(left, settings.max_tasks_per_claim))

    def _listen(self, wait_s: float) -> None:
        """Wait for work, at most `wait_s`."""
        kit = self._kit
        kit.pulse.idle()
        least_s = max(wait_s, LEAST_WAIT_S)
        waited = kit.orders.wait(lambda: kit.patiently(lambda: claim.wait(kit.store.redis, kit.store, self._queues, least_s), kit.give_up))
        kit.orders.forget()
        if not waited:
            kit.hang_up()

    def _serve(self, tasks: list[Claimed]) -> list[Claimed] | Plain | Idle | None:
        """Do what a claim brought, and settle it. Return the answer to the next claim if there was one."""
        ended: list[Ended] = []
        begun = before = time.monotonic()
        for n, claimed in enumerate(tasks):
            if n and (self._kit.orders.draining or before - begun > HELD_S):
                ended += [Ended(task, Back("others took long")) for task in tasks[n:]]
                break
            outcome = self._do(claimed)
            now = time.monotonic()
            if outcome is not None:
                ended.append(Ended(claimed, outcome, now - before))
            before = now
        done = [one for one in ended if not isinstance(one.outcome, Back)]
        back = [one for one in reversed(ended) if isinstance(one.outcome, Back)]  # each goes in front: the first is to end up there
        return self._record([*done, *back]) if ended else None

    def _do(self, claimed: Claimed) -> Outcome | Back | None:
        """Do a run. Return what came of it; nothing if it does not count any more."""
        if self._tells:
            log.task_started(claimed)
        context = Context(claimed, self._kit)
        try:
            return self._run(claimed, context)
        except Interrupted as why:
            log.run_gone(claimed, type(why).__name__.lower())
            return None
        finally:
            context.close()
            self.tasks += 1

    def _serve_plain(self, plain: Plain) -> None:
        from workers.plain import serve  # only now: it takes RQ, which our own tasks do without

        serve(plain, self._kit)
        self._kit.orders.forget()
        self.tasks += 1

    def _run(self, claimed: Claimed, context: Context) -> Outcome | Back:
        """Return what the engine came to. Raises Interrupted when the run no longer counts. The one catch-all."""
        kit = self._kit
        try:
            if not types.understood(claimed.type, claimed.version):
                return Back(f"job type {claimed.type} version {claimed.version} is not known here", UNAVAILABLE_DELAY_S)
            engine = engines.loaded(claimed.engine) or self._load(claimed)
            kit.pulse.working(claimed.run, claimed.rq_job, claimed.engine, claimed.timeout_s, engine.stall_s)
            kit.orders.check(claimed.run)
            if engine.quota and (wait_s := self._reserve(claimed, engine.quota)):
                return Back(f"no place left in the quota of {engine.quota.name}", wait_s)
            result = kit.orders.engage(claimed.run, lambda: engine.run(context, claimed.inputs))
            return of_result(result, claimed, kit.settings)
        except engines.Unavailable as unavailable:
            return Back(str(unavailable), UNAVAILABLE_DELAY_S)
        except HandBack:
            return Back("the worker leaves")
        except TimedOut:
            kit.hang_up()
            return self._failed(claimed, Failed(timed_out(claimed.timeout_s)))
        except Interrupted:
            raise
        except Stale as stale:  # an engine's own use of the verbs
            stop(stale)
        except ModuleNotFoundError as error:  # a library that the engine imports when first used
            return Back(f"engine {claimed.engine} cannot be loaded here: {error}", UNAVAILABLE_DELAY_S)
        except BaseException as error:
            outcome = of_error(error, claimed, kit.settings)
            return self._failed(claimed, outcome) if isinstance(outcome, Failed) else outcome

    def _load(self, claimed: Claimed) -> engines.Engine:
        """Import an engine for its first run. That may take longer than a lease: say so, so that it is renewed."""
        self._kit.pulse.working(claimed.run, claimed.rq_job, claimed.engine, claimed.timeout_s, engines.STALL_SECONDS)
        return engines.find(claimed.engine)

    def _reserve(self, claimed: Claimed, its: Quota) -> float:
        """Take a place in the engine's quota; return the seconds to wait for one, 0 when it was taken."""
        return self._kit.patiently(lambda: quota.reserve(self._kit.store, claimed, its), lambda: self._kit.orders.check(claimed.run))

    def _failed(self, claimed: Claimed, failed: Failed) -> Failed:
        log.task_failed(claimed, failed.error)
        return failed

    def _record(self, ended: list[Ended]) -> list[Claimed] | Plain | Idle | None:
        """Record what came of the runs and claim the next tasks, in one call."""
        kit = self._kit
        next_run = None if self._leaves() or self._unwatched() else secrets.token_hex(8)
        last = next((one.claimed for one in reversed(ended) if not isinstance(one.outcome, Back)), ended[-1].claimed)
        for one in ended:
            if isinstance(one.outcome, Failed):
                kit.pulse.failed += 1
            elif not isinstance(one.outcome, Back):
                kit.pulse.completed += 1
        kit.pulse.settling(last.run, last.rq_job, next_run or "")
        most = self._most()
        known, following = kit.patiently(
            lambda: record.record_some(kit.store, ended=ended, worker=kit.worker, next_run=next_run, queues=self._queues, most=most)
        )
        for one, (state, stale) in zip(ended, known, strict=True):
            if stale:
                log.run_gone(one.claimed, state)
            elif isinstance(one.outcome, Back):
                log.task_handed_back(one.claimed, one.outcome.reason, one.outcome.delay_s)
            elif self._tells:
                log.task_recorded(one.claimed, type(one.outcome).__name__.lower(), state, one.took_s)
        kit.orders.forget()
        return following

    def _unwatched(self) -> bool:
        """Whether the supervisor hangs: nobody would renew what is claimed now."""
        return self._kit.pulse.unseen_s() > self._kit.settings.lease_seconds

    def _wait_for_supervisor(self) -> None:
        """Claim nothing until the supervisor looks again; when it ends, so does this horse."""
        kit = self._kit
        kit.pulse.idle()
        log.supervisor_hangs(kit.pulse.unseen_s())
        while self._unwatched() and not self._leaves():
            kit.pulse.sign()
            time.sleep(UNWATCHED_STEP_S)

    def _leaves(self) -> str:
        """Why the horse is to claim no more; empty if it is not."""
        if os.getppid() != self._supervisor_pid:
            return "its supervisor is gone"
        if self._kit.orders.draining:
            return "drains"
        settings = self._kit.settings
        if settings.max_tasks_per_horse and self.tasks >= settings.max_tasks_per_horse:
            return f"did MAX_TASKS_PER_HORSE={settings.max_tasks_per_horse} tasks"
        # After a task at least: a limit below what a fresh horse takes must not keep everything waiting.
        if settings.max_horse_megabytes and self.tasks and time.monotonic() >= self._memory_at:
            self._memory_at = time.monotonic() + _MEMORY_EVERY_S
            if resident_megabytes() > settings.max_horse_megabytes:
                return f"holds more than MAX_HORSE_MEGABYTES={settings.max_horse_megabytes}"
        return ""


def resident_megabytes() -> float:
    """Memory of this process in RAM; 0 where it cannot be told."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES / 1e6
    except OSError:
        return 0.0
