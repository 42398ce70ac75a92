"""Everything that workers log, worded in one place: an event, then its fields."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.model import Claimed, Plain

horse = logging.getLogger("workers.horse")
supervisor = logging.getLogger("workers.supervisor")
scheduler = logging.getLogger("workers.scheduler")
rq = logging.getLogger("workers.rq")  #: what RQ's own code says while it runs a plain job
rq.setLevel(logging.WARNING)


def configure(level: str) -> None:
    """Log to stderr, in UTC, at `level` and above."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class TaskLog(logging.LoggerAdapter[logging.Logger]):
    """What an engine logs, bound to its job, task and run."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        bound = self.extra or {}
        return f"{msg} job={bound['job']} task={bound['task']} run={bound['run']}", kwargs


def of_task(claimed: Claimed) -> TaskLog:
    return TaskLog(logging.getLogger(f"workers.engines.{claimed.engine}"), {"job": claimed.job, "task": claimed.node, "run": claimed.run})


# the horse


def task_started(claimed: Claimed) -> None:
    horse.info("task_started job=%s task=%s attempt=%d engine=%s", claimed.job, claimed.node, claimed.attempt, claimed.engine)


def task_recorded(claimed: Claimed, outcome: str, state: str, seconds: float) -> None:
    horse.info(
        "task_recorded job=%s task=%s attempt=%d outcome=%s state=%s ms=%d",
        claimed.job, claimed.node, claimed.attempt, outcome, state, seconds * 1000,
    )  # fmt: skip


def task_failed(claimed: Claimed, error: str) -> None:
    horse.warning("task_failed job=%s task=%s attempt=%d error=%r", claimed.job, claimed.node, claimed.attempt, error.split("\n", 1)[0])
    horse.debug("%s", error)


def task_handed_back(claimed: Claimed, reason: str, delay_s: float) -> None:
    level = logging.WARNING if delay_s else logging.INFO
    horse.log(level, "task_handed_back job=%s task=%s delay_s=%g reason=%r", claimed.job, claimed.node, delay_s, reason)


def run_gone(claimed: Claimed, why: str) -> None:
    horse.info("run_gone job=%s task=%s run=%s why=%s", claimed.job, claimed.node, claimed.run, why)


def plain_started(plain: Plain) -> None:
    horse.info("plain_started rq_job=%s queue=%s lost=%d", plain.id, plain.queue, plain.lost)


def plain_failed(rq_job: str, error: BaseException | None) -> None:
    horse.warning("plain_failed rq_job=%s error=%r", rq_job, f"{type(error).__name__}: {error}")


def plain_ended(plain: Plain, outcome: str, seconds: float) -> None:
    level = logging.INFO if outcome == "finished" else logging.WARNING
    horse.log(level, "plain_ended rq_job=%s outcome=%r ms=%d", plain.id, outcome, seconds * 1000)


def plain_gone(plain: Plain, why: str) -> None:
    horse.info("plain_gone rq_job=%s run=%s why=%s", plain.id, plain.run, why)


def horse_leaves(why: str, tasks: int) -> None:
    horse.info("horse_leaves why=%s tasks=%d", why, tasks)


def supervisor_hangs(unseen_s: float) -> None:
    horse.warning("supervisor_hangs unseen_s=%.1f claims=none", unseen_s)


# both


def redis_trouble(who: logging.Logger, error: BaseException, failures: int, delay_s: float) -> None:
    level = logging.WARNING if failures == 1 else logging.DEBUG
    who.log(level, "redis_trouble error=%r failures=%d again_in_s=%.1f", f"{type(error).__name__}: {error}", failures, delay_s)


def redis_back(who: logging.Logger) -> None:
    who.warning("redis_back")


# the supervisor


def worker_started(name: str, queues: list[str]) -> None:
    supervisor.info("worker_started worker=%s queues=%s", name, ",".join(queues))


def worker_left(name: str) -> None:
    supervisor.info("worker_left worker=%s", name)


def horse_spawned(pid: int) -> None:
    supervisor.info("horse_spawned pid=%d", pid)


def horse_not_spawned(error: BaseException) -> None:
    supervisor.error("horse_not_spawned error=%r", str(error))


def horse_ended(pid: int, how: str, expected: bool) -> None:
    supervisor.log(logging.INFO if expected else logging.WARNING, "horse_ended pid=%d how=%r", pid, how)


def horse_killed(pid: int, why: str) -> None:
    supervisor.warning("horse_killed pid=%d why=%r", pid, why)


def run_left(rq_job: str, run: str, reason: str, unharmed: bool) -> None:
    supervisor.warning("run_%s rq_job=%s run=%s reason=%r", "handed_back" if unharmed else "lost", rq_job or "unknown", run, reason)


def run_stops(run: str, why: str) -> None:
    supervisor.info("run_stops run=%s why=%s", run, why)


def command_received(command: object) -> None:
    supervisor.info("command_received %r", command)


def command_ignored(command: object, why: str) -> None:
    supervisor.warning("command_ignored %r why=%r", command, why)


def not_sampled(error: BaseException) -> None:
    supervisor.info("not_sampled error=%r", str(error))


def misconfigured(error: BaseException) -> None:
    supervisor.error("misconfigured error=%r", str(error))


# the scheduler


def scheduler_started(name: str) -> None:
    scheduler.info("scheduler_started name=%s", name)


def scheduler_leads() -> None:
    scheduler.info("scheduler_leads")


def scheduler_deposed() -> None:
    scheduler.warning("scheduler_deposed: its lease ended before it was renewed; another one leads")


def scheduler_left() -> None:
    scheduler.info("scheduler_left")


def scheduler_failed(error: Exception) -> None:
    scheduler.error("scheduler_failed error=%r", f"{type(error).__name__}: {error}", exc_info=error)


def entry_started(entry: str, due: float, upcoming: float | None, on_time: bool) -> None:
    event, following = "entry_started" if on_time else "entry_too_late", "never" if upcoming is None else f"{upcoming:.0f}"
    scheduler.info("%s entry=%s due=%.0f next=%s", event, entry, due, following)


def entry_failed(entry: str, error: Exception) -> None:
    scheduler.error("entry_failed entry=%s error=%r", entry, f"{type(error).__name__}: {error}")
