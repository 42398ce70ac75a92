"""The rules of people: submit, cancel, retry, delete, pause."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from jobs import control, submit
from jobs.model import Submission
from jobs.states import Priority
from tests.model.policy import PRIORITIES
from tests.model.stage import MANY, ORGS, QUEUES, Stage, again, patience, picks

NAMES = "abcdef"


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, len(NAMES)))
    return [
        {
            "name": NAMES[i],
            "needs": sorted(draw(st.sets(st.sampled_from(NAMES[:i]), max_size=2))) if i else [],
            "duration": draw(st.sampled_from(["short", "long"])),
            "zone": draw(st.sampled_from(["", "", "", "z9"])),
            "optional": draw(st.booleans()),
            "attempts": draw(st.integers(1, 3)),
            "backoff_seconds": draw(st.sampled_from([0, 0.5, 5])),
        }
        for i in range(count)
    ]


class People(Stage):
    @rule(
        tasks=graphs(),
        org=st.sampled_from(ORGS),
        priority=st.sampled_from(PRIORITIES),
        key=st.sampled_from(["", "", "k1", "k2"]),
        patience=patience,
        again=again,
    )
    def submit(self, tasks: list[dict[str, Any]], org: str, priority: str, key: str, patience: int, again: bool) -> None:
        submission = Submission("synthetic", {"tasks": tasks}, user="ada", org=org, priority=Priority(priority), admin=True)
        self.submit_as(f"{next(self.numbers):016x}", submission, key, patience, again)

    @precondition(lambda self: self.submitted)
    @rule(pick=picks, new=st.booleans())
    def submit_again(self, pick: int, new: bool) -> None:
        """The first answer was lost: with the same id, or with the same key and another one."""
        submission, key, id = self.submitted[pick % len(self.submitted)]
        if new or id in self.model.jobs:
            self.submit_as(f"{next(self.numbers):016x}" if new else id, submission, key, MANY, again=True)

    def submit_as(self, id: str, submission: Submission, key: str, patience: int, again: bool) -> None:
        _, stored, graph = submit.expand(submission, max_tasks=1000)
        self.twin.store.patience = patience
        made: list[str] = []

        def real() -> str:
            return submit.submit(self.twin.store, submission, idempotency_key=key or None, job=id, now=self.now)

        def modelled() -> None:
            asked = (stored, submission.priority)
            made.append("")
            made[0], more = self.model.submit(
                self.twin.now, id, graph.tasks, user="ada", org=submission.org, priority=str(submission.priority), key=key, asked=asked
            )
            self.twin.sweeping(made[0], lambda: more, patience)

        answer, _ = self.twin.call(real, modelled)
        if not isinstance(answer, str):
            return
        assert answer == made[0]
        self.submitted.append((submission, key, id))
        if answer not in self.jobs and self.model.jobs[answer].status != "deleted":
            self.jobs.append(answer)
        if again:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, patience=patience, again=again)
    def cancel(self, pick: int, patience: int, again: bool) -> None:
        job = self.jobs[pick % len(self.jobs)]
        self.twin.store.patience = patience

        def real() -> None:
            control.cancel(self.twin.store, job, now=self.now)

        answer, _ = self.twin.call(real, lambda: self.twin.sweeping(job, lambda: self.model.cancel(self.twin.now, job), patience))
        if again and job not in self.model.sweeps:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, whole=st.booleans(), node=picks, patience=patience, again=again)
    def retry(self, pick: int, whole: bool, node: int, patience: int, again: bool) -> None:
        job = self.jobs[pick % len(self.jobs)]
        nodes = [] if whole else [one.name for one in self.model.jobs[job].nodes()]
        name = "" if whole else nodes[node % len(nodes)]
        call = f"call{next(self.numbers)}"
        self.twin.store.patience = patience

        def real() -> None:
            control.retry_task(self.twin.store, job, name, call=call, now=self.now)

        answer, _ = self.twin.call(
            real, lambda: self.twin.sweeping(job, lambda: self.model.retry(self.twin.now, job, name, call), patience)
        )
        if again:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, patience=patience, again=again)
    def delete(self, pick: int, patience: int, again: bool) -> None:
        job = self.jobs.pop(pick % len(self.jobs))
        self.twin.store.patience = patience

        def real() -> tuple[str, ...]:
            return control.delete(self.twin.store, job, now=self.now)

        self.twin.call(real, lambda: self.twin.sweeping(job, lambda: self.model.delete(self.twin.now, job), patience))
        if again and job not in self.model.jobs:
            self.twin.unchanged(real)

    @rule(queue=st.sampled_from(QUEUES), on=st.booleans(), again=again)
    def pause(self, queue: str, on: bool, again: bool) -> None:
        verb, modelled = (control.pause, self.model.pause) if on else (control.resume, self.model.resume)
        answer, expected = self.twin.call(lambda: verb(self.twin.store, queue), lambda: modelled(f"queue:{queue}"))
        assert answer == expected
        if again:
            self.twin.unchanged(lambda: verb(self.twin.store, queue))
