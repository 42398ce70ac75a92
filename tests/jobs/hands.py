"""Work through jobs by hand: submit graphs, claim, record, move the time on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from jobs import claim, record, show, submit
from jobs.model import Claimed, Completed, Idle, Outcome, Plain, Submission
from jobs.states import Priority
from jobs.store import Store

START = 1_800_000_000.0  #: 2027-01-15, a time that no test waits for


class Hands:
    """A worker whose every call a test makes itself. `now` moves only when a test moves it."""

    def __init__(self, store: Store, name: str = "host:1:hands", queues: Sequence[str] = ("short", "long")) -> None:
        self.store = store
        self.name = name
        self.queues = queues
        self.now = START
        self.runs = (f"run{n:04}{name[-5:]}" for n in itertools.count())

    def submit(self, *tasks: dict[str, Any], org: str = "acme", priority: str | None = None, **more: Any) -> str:
        submission = Submission(
            "synthetic", {"tasks": list(tasks)}, user="ada", org=org, priority=Priority(priority) if priority else None, admin=True
        )
        return submit.submit(self.store, submission, now=self.now, **more)

    def look(self, run: str | None = None) -> Claimed | Idle:
        return claim.claim(self.store, worker=self.name, queues=self.queues, run=run or next(self.runs), now=self.now)

    def claim(self) -> Claimed:
        found = self.look()
        assert isinstance(found, Claimed), f"nothing to claim, {found}"
        return found

    def record(self, claimed: Claimed, outcome: Outcome | None = None, next_run: str | None = None) -> record.Recorded:
        return record.record(
            self.store,
            claimed=claimed,
            outcome=outcome or Completed(),
            worker=self.name,
            next_run=next_run,
            queues=self.queues,
            now=self.now,
        )

    def claim_some(self, most: int, run: str | None = None) -> list[Claimed]:
        found = claim.claim_some(self.store, worker=self.name, queues=self.queues, run=run or next(self.runs), most=most, now=self.now)
        return found if isinstance(found, list) else []

    def record_some(
        self, ended: Sequence[record.Ended], next_run: str | None = None, most: int = 1
    ) -> tuple[list[record.State], list[Claimed] | Plain | Idle | None]:
        return record.record_some(self.store, ended=ended, worker=self.name, next_run=next_run, queues=self.queues, most=most, now=self.now)

    def work(self, outcome: Outcome | None = None) -> Claimed:
        """Claim one task and record `outcome` (completed unless given)."""
        claimed = self.claim()
        self.record(claimed, outcome)
        return claimed

    def take_turns(self, count: int) -> list[str]:
        """Complete `count` tasks of a second each, one after the other, and say whose each was."""
        turns = []
        for _ in range(count):
            claimed = self.claim()
            self.now += 1
            self.record(claimed)
            turns.append(claimed.org)
        return turns

    def drain(self) -> list[str]:
        """Complete everything that is ready, and say in which order."""
        done = []
        while isinstance(claimed := self.look(), Claimed):
            done.append(claimed.node)
            self.record(claimed)
        return done

    def renew(self, *runs: Claimed) -> claim.Renewed:
        return claim.renew(self.store, worker=self.name, queues=self.queues, runs=[(run.rq_job, run.run) for run in runs], now=self.now)

    def states(self, job: str) -> dict[str, str]:
        return {task.name: str(task.state) for task in show.job(self.store, job).tasks}

    def status(self, job: str) -> str:
        return str(show.job(self.store, job).status)


def chain(*names: str, **fields: Any) -> list[dict[str, Any]]:
    """Tasks that each need the one before."""
    return [{"name": name, "needs": [before] if before else [], **fields} for before, name in zip((None, *names), names, strict=False)]
