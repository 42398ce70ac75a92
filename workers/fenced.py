"""A Redis client for RQ's own code: its transactions commit only while the run holds its job, and live through trouble with Redis.

RQ writes what came of a job in one transaction, in which it also takes the run out of its registry of started jobs. So a run
that still stands there has no outcome yet, and one that does not is over: committed by a call whose reply was lost, or
cancelled or deleted by one of RQ's tools. A late run, whose lease ended, finds another one's name on the job and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from jobs.model import Plain
from jobs.store import Store
from workers.interrupted import Superseded
from workers.patience import passes


class Over(BaseException):
    """There is nothing to commit any more."""


class Fence:
    """What the transactions of one run share. `endure` waits out an error that passes, or raises what is no `Exception`."""

    def __init__(self, store: Store, plain: Plain, endure: Callable[[Exception], None]) -> None:
        self.endure = endure
        self.key = store.keys.plain(plain.id)
        self._run = plain.run.encode()
        self._member = f"{plain.id}:{plain.run}"
        self.committed = False  #: what follows the outcome, as enqueueing dependents, needs no fence

    def check(self, pipe: FencedPipeline) -> None:
        """Raise Superseded or Over unless the run holds its job. On a pipeline that watches."""
        run, origin = pipe.immediate_execute_command("HMGET", self.key, "run", "origin")
        if run != self._run:
            raise Superseded()
        if pipe.immediate_execute_command("ZSCORE", f"rq:wip:{origin.decode()}", self._member) is None:
            raise Over()


class FencedPipeline(Pipeline):
    """A transaction that checks its fence. Begun again after trouble: RQ's code does so itself where it watches."""

    def __init__(self, client: Fenced, fence: Fence) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, True, None)
        self._fence = fence
        self.has_outcome = False

    def reset(self) -> None:  # type: ignore[override]
        super().reset()
        self.has_outcome = False

    def watch(self, *names: Any) -> Any:
        answer = super().watch(self._fence.key, *names)  # type: ignore[no-untyped-call]
        if not self._fence.committed:
            self._fence.check(self)
        return answer

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except Exception as error:
            raise self._again(error) from error

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if self.watching:
            return self._commit(raise_on_error)
        stack, scripts, has_outcome = self.command_stack, self.scripts, self.has_outcome
        while True:
            try:
                self.command_stack = []
                self.watch()
                self.multi()
                self.command_stack, self.scripts, self.has_outcome = list(stack), set(scripts), has_outcome
                return self._commit(raise_on_error)
            except WatchError:
                continue

    def _commit(self, raise_on_error: bool) -> list[Any]:
        has_outcome = self.has_outcome
        try:
            answers = super().execute(raise_on_error)
        except Exception as error:
            raise self._again(error) from error
        self._fence.committed = self._fence.committed or has_outcome
        return answers

    def _again(self, error: Exception) -> Exception:
        """Return what has the transaction begun anew, after trouble that passes; else the error itself."""
        if isinstance(error, WatchError) or not passes(error):
            return error
        self.reset()
        self._fence.endure(error)
        return WatchError("begun again after trouble with Redis")


class Fenced(Redis):
    """Shares the connections of the store."""

    def __init__(self, store: Store, fence: Fence) -> None:
        super().__init__(connection_pool=store.redis.connection_pool)
        self._fence = fence

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        return FencedPipeline(self, self._fence) if transaction else super().pipeline(transaction, shard_hint)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        while True:
            try:
                return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except Exception as error:
                if not passes(error):
                    raise
                self._fence.endure(error)
