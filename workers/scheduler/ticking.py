"""Start what is due: each tick of each schedule once, whatever dies in between, and none keeps the others waiting.

The entries are rq-scheduler's: an rq_job with `cron_string` or `interval` in its meta, its next time in one sorted set. So its API and
its tools see ours and add their own. What is due is taken off, or put to its next time, in one transaction with what it starts, under a
watch of the lease: two schedulers that both believe to lead cannot both do it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from crontab import CronTab
from redis.client import Pipeline
from redis.exceptions import RedisError, WatchError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from jobs.store import Store
from workers import log
from workers.scheduler import schedules
from workers.scheduler.leader import Deposed, Leader
from workers.scheduler.schedules import SCHEDULES, Schedule

OURS = "lectern.schedule"  #: the function of our own entries, which no worker calls
AT_ONCE = 100  #: entries that a pass starts at most
TRIES = 5  #: others add entries meanwhile
AGAIN_S = 60  #: after an entry could not be started


class JsonJob(Job):
    """rq-scheduler passes no serializer on, and RQ's own is pickle."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:
        super().__init__(id, connection, JSONSerializer)


class Ticking(Scheduler):  # type: ignore[misc]  # it ships no types
    job_class = JsonJob

    def __init__(self, store: Store, leader: Leader, *, interval_s: float, clock: Callable[[], float] = time.time) -> None:
        super().__init__("short", connection=store.redis, job_class=JsonJob, interval=interval_s)
        self._store = store
        self._leader = leader
        self._clock = clock

    def register(self, wanted: tuple[Schedule, ...] = SCHEDULES) -> None:
        """Make our own entries what this version has: new ones, changed ones, none that is not there any more."""
        for schedule in wanted:
            id = entry_of(schedule.name)
            known = self._read(id)
            if known and known.meta.get("cron_string") == schedule.cron and self.connection.zscore(self.scheduled_jobs_key, id) is not None:
                continue
            entry = JsonJob.create(OURS, args=[schedule.name], id=id, connection=self.connection, result_ttl=-1)
            entry.origin, entry.meta = self.queue_name, {"cron_string": schedule.cron}
            entry.save()
            self.connection.zadd(self.scheduled_jobs_key, {id: next_of_cron(schedule.cron, self._clock())})
        kept = {entry_of(schedule.name) for schedule in wanted}
        for member in self.connection.zrange(self.scheduled_jobs_key, 0, -1):
            if (id := member.decode()).startswith(entry_of("")) and id not in kept and self._is_ours(id):
                self.connection.zrem(self.scheduled_jobs_key, id)
                self.connection.delete(Job.key_for(id))

    def start_due(self) -> int:
        """Start what is due now, the oldest first; return how many. What cannot be started is told and tried again.

        Raises Deposed, RedisError.
        """
        started = 0
        due = self.connection.zrangebyscore(self.scheduled_jobs_key, "-inf", self._clock(), start=0, num=AT_ONCE, withscores=True)
        for member, score in due:
            id = member.decode()
            try:
                started += self._start(id, score)
            except (Deposed, RedisError):
                raise
            except Exception as error:  # whatever is wrong with one, the others have their time too
                log.entry_failed(id, error)
                self.connection.zadd(self.scheduled_jobs_key, {id: self._clock() + AGAIN_S}, xx=True)
        return started

    def next_due(self) -> float | None:
        """Return when the next entry is due, in seconds since the epoch."""
        first = self.connection.zrange(self.scheduled_jobs_key, 0, 0, withscores=True)
        return float(first[0][1]) if first else None

    def _start(self, id: str, due: float) -> bool:
        for _ in range(TRIES):
            try:
                with self.connection.pipeline() as pipe:
                    self._leader.require(pipe)
                    pipe.watch(self.scheduled_jobs_key)
                    if pipe.zscore(self.scheduled_jobs_key, id) != due:
                        return False  # it was cancelled, put to another time, or started
                    return self._start_watched(pipe, id, due)
            except WatchError:
                continue
        return False  # at the next pass

    def _start_watched(self, pipe: Pipeline, id: str, due: float) -> bool:
        entry = self._read(id)
        if entry is None:  # it expired, or one of RQ's tools has deleted it
            pipe.multi()
            pipe.zrem(self.scheduled_jobs_key, id)
            pipe.execute()
            return False
        upcoming = self._upcoming(entry, due)
        schedule = schedules.find(str(entry.args[0])) if entry.func_name == OURS else None
        tick = last_of_cron(schedule.cron, self._clock()) if schedule else due
        on_time = not schedule or self._clock() - tick <= schedule.late_s
        if schedule and on_time:  # before the transaction: a tick that is started twice is the same job
            schedules.start(self._store, schedule, round(tick))
        pipe.multi()
        if entry.func_name != OURS:
            self._enqueue(pipe, entry, due, last=upcoming is None)
        if upcoming is None:
            pipe.zrem(self.scheduled_jobs_key, id)
        else:
            pipe.zadd(self.scheduled_jobs_key, {id: upcoming})
        pipe.execute()
        log.entry_started(id, tick, upcoming, on_time)
        return on_time

    def _enqueue(self, pipe: Pipeline, entry: Job, due: float, *, last: bool) -> None:
        """Push a plain RQ job to its queue. One that comes again gets an id of its own each time: the one before may still run."""
        if "interval" in entry.meta or "cron_string" in entry.meta:
            if last:
                pipe.delete(entry.key)
            elif (repeat := entry.meta.get("repeat")) is not None:
                pipe.hset(entry.key, "meta", json.dumps({**entry.meta, "repeat": int(repeat) - 1}).encode())
            entry.id = f"{entry.id}-{round(due)}"
            entry.result_ttl = None
        self.get_queue_for_job(entry).enqueue_job(entry, pipeline=pipe, at_front=bool(entry.enqueue_at_front))

    def _upcoming(self, entry: Job, due: float) -> float | None:
        """Return when an entry comes again, after now: what was missed meanwhile is made up for by this one time."""
        repeat, now = entry.meta.get("repeat"), self._clock()
        if repeat is not None and int(repeat) <= 1:
            return None
        if interval := entry.meta.get("interval"):
            return due + (int((now - due) // int(interval)) + 1) * int(interval)
        if cron := entry.meta.get("cron_string"):
            return next_of_cron(cron, now, local=bool(entry.meta.get("use_local_timezone")))
        return None

    def _is_ours(self, id: str) -> bool:
        """Whether an entry that is named like ours calls what ours call: somebody may have one called `lectern-backup`."""
        try:
            entry = self._read(id)
            return entry is not None and entry.func_name == OURS
        except Exception:  # it cannot be read, so it is none of ours
            return False

    def _read(self, id: str) -> Job | None:
        try:
            return JsonJob.fetch(id, connection=self.connection)
        except NoSuchJobError:
            return None


def entry_of(name: str) -> str:
    return f"lectern-{name}"


def next_of_cron(cron: str, now: float, *, local: bool = False) -> float:
    """Return the next time of a cron line after `now`, in seconds since the epoch."""
    at = datetime.fromtimestamp(now) if local else datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    return now + float(CronTab(cron).next(now=at, default_utc=not local))


def last_of_cron(cron: str, now: float) -> float:
    """Return the last time of a cron line up to `now`, in UTC."""
    after = now + 1  # `previous` is of before
    return after + float(CronTab(cron).previous(now=datetime.fromtimestamp(after, UTC).replace(tzinfo=None), default_utc=True))
