"""A state machine that does whatever may be done, to Redis and to the model alike, and holds them against each other after each step."""

from __future__ import annotations

import re
import sys

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from jobs import claim, show
from jobs.model import Completed, Idle
from tests.model.dump import Dump
from tests.model.people import People
from tests.model.policy import SECOND
from tests.model.stage import MANY, ORGS, PAUSED, picks
from tests.model.workers import Workers

#: One a queue or an organisation, or one at all: jobs/keys.py.
FOR_EVER = re.compile(r"app:(clock:|bell:|orgs$|orgs:\w+$|reaped$|speeds$|patrol$)|rq:queues$")


class Machine(People, Workers):
    @rule(us=st.sampled_from([1, 6 * SECOND, 16 * SECOND, 20 * SECOND, 200 * SECOND, 700 * SECOND]))
    def wait(self, us: int) -> None:
        self.pass_time(us)

    @rule()
    def reap(self) -> None:
        answer, expected = self.twin.call(lambda: claim.reap(self.twin.store, self.now), lambda: self.model.reap(self.twin.now))
        assert answer == expected

    @precondition(lambda self: self.model.sweeps)
    @rule(pick=picks)
    def sweep(self, pick: int) -> None:
        jobs = sorted(self.model.sweeps)
        job = jobs[pick % len(jobs)]
        answer, expected = self.twin.call(
            lambda: self.twin.store.run("sweep", self.twin.now, job)[0], lambda: self.model.sweep(self.twin.now, job)
        )
        assert answer == expected

    @precondition(lambda self: any(until <= self.now for ids in self.model.listed.values() for until in ids.values()))
    @rule()
    def expire(self) -> None:
        """RQ's entries of what ended long ago are gone."""
        for node in list(self.model.nodes.values()):
            listed = self.model.listed.get(("finished", node.queue), {})
            if node.state == "completed" and listed.get(node.id, self.now) <= self.now:
                node.known = False
                listed.pop(node.id, None)
                self.twin.store.redis.delete(f"rq:job:{node.id}")
                self.twin.store.redis.zrem(f"rq:finished:{node.queue}", node.id)

    def teardown(self) -> None:
        """Whatever has happened: working on ends every job, and deleting them leaves nothing behind."""
        if sys.exc_info()[0]:  # it ends with a failure already
            return
        for what in PAUSED:
            self.pause(what, False, MANY, False)
        for org in ORGS:
            self.tune(org, None, 0, False)
        for _ in range(400):
            if all(not job.alive for job in self.model.jobs.values()) and not self.model.sweeps:
                break
            self.pass_time(20 * SECOND)
            for who, worker in self.workers.items():
                worker.turn_to(None)
                self.renew(who, 0, False, False, False)
                self.claim(who, 0, False)
                while worker.held:
                    self.pass_time(1000)
                    self.record_run(worker, worker.held, Completed(), goes_on=True)
            self.twin.compare()
        assert [job.id for job in self.model.jobs.values() if job.alive] == []
        self.sound()
        for job in list(self.jobs):
            assert show.job(self.twin.store, job).status.ended
            self.delete(self.jobs.index(job), MANY, False)
        for who, worker in self.workers.items():
            for _ in range(400):  # tombstones
                self.claim(who, 0, False)
                if not (isinstance(worker.last, Idle) and worker.last.wait_s == 0):
                    break
        self.twin.compare()
        left = Dump(self.twin.store)
        assert [key for key in left.keys.keys() - left.expires if not FOR_EVER.match(key)] == []
