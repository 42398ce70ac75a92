"""Stand between a horse and Redis: renew what it holds, record what it left behind, show both in RQ, obey, leave in order.

One thread, a look every half second; a signal, a notice of Redis or the horse's end wakes it at once. Trouble with Redis never
keeps it from minding its horse for longer than one call's timeout.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq.worker import WorkerStatus

from jobs import claim, control, record, replies
from jobs.errors import Conflict, NotFound, Overloaded, Stale
from jobs.model import PLAIN_MARK, Plain
from jobs.store import Store, check
from workers import log, plain, scratch
from workers.listed import Listed
from workers.minder import Loss, Minder
from workers.notices import Notices
from workers.orders import Why
from workers.outcome import TIMED_OUT
from workers.patience import Patience
from workers.sampler import Sampler
from workers.stable import Stable

TICK_S = 0.5
SHOW_AFTER_S = 0.4  #: with a look every half second RQ shows a run within a second; shorter ones it need not show
LAST_WORDS_S = 5.0  #: for Redis to learn what the last horse held; the lease tells it otherwise
SECOND_SIGNAL_S = 1.0  #: signals closer than this are one: a pool and its terminal both send it


class Supervisor(Listed):
    def __init__(self, stable: Stable, client: Redis) -> None:
        super().__init__(stable.worker, stable.queues, client)
        self._stable = stable
        self._store = Store(client)
        self._settings = self._store.settings
        self._minder = Minder(stable, self._settings.drain_seconds)
        self._patience = Patience()
        self._sampler = Sampler(self._store)
        self._enlisted = self._suspended = self._cold = False
        self._redis_at = self._renew_at = 0.0
        self._renewed = ""
        self._stopped = ""  #: the run of a plain RQ job that stop-job has ended
        self._tasks = 0
        self._leaving_at: float | None = None

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Supervise until told to leave. Raises Misconfigured when this Redis cannot be used."""
        scratch.sweep()
        log.worker_started(self.name, self.queue_names())
        try:
            with self._woken_by_signals() as woken:
                while not self._finished(time.monotonic()):
                    self._tick(time.monotonic())
                    if not self._finished(time.monotonic()):
                        doze(woken, self.notices)
        finally:
            self._leave()
        return True

    def request_stop(self, signum: int, frame: object) -> None:
        """Leave; asked again, leave at once. Called by signals: sets flags, does nothing else."""
        now = time.monotonic()
        if self._leaving_at is None:
            self._leaving_at = now
        elif now - self._leaving_at > SECOND_SIGNAL_S:
            self._cold = True

    def _tick(self, now: float) -> None:
        if self._leaving_at is not None:
            self._minder.drain(now)
            if self._cold:
                self._minder.kill("the worker leaves at once")
        self._minder.mind(now)
        self._minder.forget(now, self._settings.lease_seconds)
        if now < self._redis_at:
            return
        try:
            self._converse(now)
        except (RedisError, Overloaded) as error:
            delay_s = min(self._patience.lose(), self._settings.renew_seconds)  # what can be said, renewals first, has to be said in time
            log.redis_trouble(log.supervisor, error, self._patience.failures, delay_s)
            self._redis_at = time.monotonic() + delay_s
            self.deafen()
        else:
            if self._patience.regain():
                log.redis_back(log.supervisor)

    def _converse(self, now: float) -> None:
        """Everything that needs Redis. Cut short by any trouble with it, and taken up again at a later look."""
        if not self._enlisted:
            check(self._store.redis)
            self.enlist()
            self._enlisted = True
            self._minder.mind(now)  # the first horse waits for this
        if self._minder.losses:
            while self._minder.losses:
                self._settle(self._minder.losses[0])
                self._minder.losses.pop(0)
            self._minder.mind(now)  # the next horse was kept waiting for this
        for command in self.commands(now):
            self._obey(command)
        self._renew(now)
        self._heed()
        completed, failed, busy_s = self._minder.tally()
        self.show(self._state_at(completed + failed))
        self.beat(now, completed, failed, busy_s)
        self._sampler.note(now)

    def _settle(self, loss: Loss) -> None:
        """Record what a dead horse has left. A run that held nothing, or holds nothing any more, needs nothing."""
        log.run_left(loss.rq_job, loss.run, loss.reason, loss.unharmed)
        with contextlib.suppress(Stale):
            if loss.unharmed:
                record.hand_back(self._store, worker=self.name, run=loss.run)
            elif loss.rq_job.startswith(PLAIN_MARK) and (loss.run == self._stopped or loss.reason.startswith(TIMED_OUT)):
                lost = Plain(loss.run, loss.rq_job.removeprefix(PLAIN_MARK), self.queue_names()[0], 0, "", 0.0)
                stopped = loss.run == self._stopped
                plain.give_up(self._store, lost, worker=self.name, reason=plain.STOPPED if stopped else loss.reason, stopped=stopped)
            else:
                record.lost(self._store, worker=self.name, run=loss.run, reason=loss.reason)

    def _renew(self, now: float) -> None:
        """Keep the horse's run, show it in RQ, learn whether it still counts; reap for others."""
        lasting = self._minder.lasting(now, SHOW_AFTER_S)
        run = lasting[1] if lasting else ""
        if now < self._renew_at and run in ("", self._renewed):
            return
        runs = [lasting] if lasting else []
        renewed = claim.renew(self._store, worker=self.name, queues=self.queue_names(), runs=runs)
        self._renew_at = now + self._settings.renew_seconds
        self._renewed = run
        if run in renewed.stale:
            self._minder.stop(run, Why.CANCELLED if run in renewed.cancelled else Why.STALE, now)

    def _heed(self) -> None:
        """Learn what RQ's tools have done to a key of theirs: suspended all workers, or pushed to an inbox, for which nobody rang."""
        found = self.notices.found() if self.notices else None
        if found is not None:
            self._suspended = found > 0 and self.suspended()
            if found:
                claim.knock(self._store, self.queue_names())

    def _state_at(self, tasks: int) -> str:
        """A worker is busy while a run lasts, or when it did any since the last look."""
        moved, self._tasks = tasks != self._tasks, tasks
        if self._minder.beat.run or moved:
            return WorkerStatus.BUSY.value
        return WorkerStatus.SUSPENDED.value if self._suspended else WorkerStatus.IDLE.value

    def _obey(self, command: dict[str, Any]) -> None:
        """Do what one of RQ's tools asks for. RQ's own handlers look at its own bookkeeping, which is not kept here."""
        log.command_received(command)
        beat = self._minder.beat
        match command.get("command"):
            case "shutdown":
                self.request_stop(signal.SIGINT, None)
            case "kill-horse":
                self._minder.kill("worker was killed by the command kill-horse")
            case "stop-job" if beat.rq_job and command.get("job_id") == beat.rq_job.removeprefix(PLAIN_MARK):
                self._cancel(beat.rq_job, command)
            case "stop-execution" if beat.run and command.get("execution_id") == beat.run:
                self._cancel(beat.rq_job, command)
            case _:
                log.command_ignored(command, "not known, or not about what this worker does now")

    def _cancel(self, rq_job: str, command: dict[str, Any]) -> None:
        if rq_job.startswith(PLAIN_MARK):
            self._stopped = self._minder.beat.run
            self._minder.kill("its job was stopped")
            return
        try:
            control.cancel(self._store, replies.rq_job_parts(rq_job.encode())[0])
        except (Conflict, NotFound) as error:
            log.command_ignored(command, str(error))
        self._renew_at = 0.0  # learn of it now, not at the next renewal

    def _finished(self, now: float) -> bool:
        if self._leaving_at is None or self._minder.has_horse:
            return False
        return not self._minder.losses or now - self._leaving_at > self._settings.drain_seconds + LAST_WORDS_S

    def _leave(self) -> None:
        self._minder.kill("the worker failed")  # there still is one only after an error of our own: its lease ends
        if self._enlisted:
            with contextlib.suppress(RedisError):
                self.delist()
        self._stable.close()
        log.worker_left(self.name)

    @contextlib.contextmanager
    def _woken_by_signals(self) -> Iterator[socket.socket]:
        """Yield a socket that can be read from once a signal has come."""
        read_end, write_end = socket.socketpair()
        read_end.setblocking(False)
        write_end.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.request_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to wake: the minder looks
        before = signal.set_wakeup_fd(write_end.fileno(), warn_on_full_buffer=False)
        try:
            yield read_end
        finally:
            signal.set_wakeup_fd(before)
            read_end.close()
            write_end.close()


def doze(woken: socket.socket, notices: Notices | None) -> None:
    """Wait until the next look is due, or a signal or a notice of Redis comes."""
    heard: list[socket.socket | Notices] = [woken, notices] if notices else [woken]
    if woken in select.select(heard, [], [], TICK_S)[0]:
        with contextlib.suppress(BlockingIOError):
            woken.recv(4096)
