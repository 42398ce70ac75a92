"""The rules of people: submit, cancel, retry, delete, pause."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from jobs import control, orgs, submit
from jobs.model import Submission
from jobs.states import Priority
from tests.model.policy import PRIORITIES, SECOND
from tests.model.stage import MANY, ORGS, PAUSED, Stage, again, patience, picks

NAMES = "abcdef"
SUBMITTING = [ORGS[0], *ORGS]  #: some lanes fill
USUAL = ["normal", "normal", *PRIORITIES]
WEIGHTS = [1.0, 2.0, 3.0, 0.5]


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
    @rule(org=st.sampled_from(SUBMITTING), priority=st.sampled_from([None, *USUAL]), patience=patience, again=again)
    def submit_transcription(self, org: str, priority: str | None, patience: int, again: bool) -> None:
        params = {"upload": f"{next(self.numbers):032x}"}
        chosen = Priority(priority) if priority else None
        submission = Submission("transcription", params, user="ada", org=org, priority=chosen, admin=True)
        self.submit_as(f"{next(self.numbers):016x}", submission, "", patience, again)

    @rule(
        tasks=graphs(),
        org=st.sampled_from(SUBMITTING),
        priority=st.sampled_from(USUAL),
        key=st.sampled_from(["", "", "k1", "k2"]),
        in_s=st.sampled_from([0, 0, 0, 1, 2, -1]),
        patience=patience,
        again=again,
    )
    def submit(self, tasks: list[dict[str, Any]], org: str, priority: str, key: str, in_s: int, patience: int, again: bool) -> None:
        run_at = self.now + in_s if in_s else None
        submission = Submission("synthetic", {"tasks": tasks}, user="ada", org=org, priority=Priority(priority), admin=True, run_at=run_at)
        self.submit_as(f"{next(self.numbers):016x}", submission, key, patience, again)

    @rule(graphs=st.lists(graphs(), min_size=2, max_size=5), org=st.sampled_from(SUBMITTING), priority=st.sampled_from(USUAL))
    def submit_some(self, graphs: list[list[dict[str, Any]]], org: str, priority: str) -> None:
        for tasks in graphs:
            self.submit(tasks, org, priority, "", 0, MANY, False)

    @precondition(lambda self: self.submitted)
    @rule(pick=picks, new=st.booleans())
    def submit_again(self, pick: int, new: bool) -> None:
        """The first answer was lost: with the same id, or with the same key and another one."""
        submission, key, id = self.submitted[pick % len(self.submitted)]
        if new or id in self.model.jobs:
            self.submit_as(f"{next(self.numbers):016x}" if new else id, submission, key, MANY, again=True)

    def submit_as(self, id: str, submission: Submission, key: str, patience: int, again: bool) -> None:
        kind, stored, graph = submit.expand(submission, self.twin.store.settings)
        self.twin.store.patience = patience
        made: list[str] = []

        def real() -> str:
            return submit.submit(self.twin.store, submission, idempotency_key=key or None, job=id, now=self.now)

        def modelled() -> None:
            asked = (stored, submission.priority, submission.run_at)
            made.append("")
            made[0], more = self.model.submit(
                self.twin.now,
                id,
                graph.tasks,
                type=submission.type,
                user="ada",
                org=submission.org,
                priority=str(submission.priority or kind.PRIORITY),
                key=key,
                asked=asked,
                run_at=round((submission.run_at or 0) * SECOND),
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
    @rule(
        pick=picks,
        nodes=st.lists(picks, min_size=1, max_size=3),
        unknown=st.sampled_from([False] * 9 + [True]),
        stale=st.sampled_from([False] * 9 + [True]),
        patience=patience,
        again=again,
    )
    def revise(self, pick: int, nodes: list[int], unknown: bool, stale: bool, patience: int, again: bool) -> None:
        completed = [job for job in self.jobs if self.model.jobs[job].status == "completed"] or self.jobs
        job = completed[pick % len(completed)]
        tasks = sorted(self.model.jobs[job].tasks)
        names = [*(tasks[node % len(tasks)] for node in nodes), *(["none_such"] if unknown else [])]
        corrections = f"jobs/{job}/corrections/{next(self.numbers)}.json"
        former = "jobs/x/corrections/0.json" if stale else self.model.jobs[job].corrections
        self.twin.store.patience = patience

        def real() -> None:
            control.revise(self.twin.store, job, corrections, names, former=former or None, now=self.now)

        answer, _ = self.twin.call(
            real, lambda: self.twin.sweeping(job, lambda: self.model.revise(self.twin.now, job, names, corrections, former), patience)
        )
        if again:
            self.twin.repeated(real, answer)
        assert control.corrections(self.twin.store, job) == (self.model.jobs[job].corrections or None)

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

    @rule(what=st.sampled_from(PAUSED), on=st.sampled_from([True, False, False]), patience=patience, again=again)
    def pause(self, what: tuple[control.Paused, str], on: bool, patience: int, again: bool) -> None:
        kind, name = what
        self.twin.store.patience = patience

        def real() -> bool:
            return (control.pause if on else control.resume)(self.twin.store, name, kind, now=self.now)

        def modelled() -> bool:
            if on:
                return self.model.pause(kind, name)
            changed, more = self.model.resume(self.twin.now, kind, name)
            self.twin.sweeping(f"type:{name}", lambda: more, patience)
            return changed

        answer, expected = self.twin.call(real, modelled)
        assert answer == expected
        if again and not self.model.sweeps:
            self.twin.unchanged(real)

    @rule(
        org=st.sampled_from(ORGS),
        weight=st.sampled_from([None, None, 1.0, 2.0, 0.5, 3.0]),
        most=st.sampled_from([None, 0, 1, 2]),
        again=again,
    )
    def tune(self, org: str, weight: float | None, most: int | None, again: bool) -> None:
        def real() -> orgs.Org:
            return orgs.set(self.twin.store, org, weight=weight, max_running=most, now=self.now)

        answer, _ = self.twin.call(real, lambda: self.model.tune(self.twin.now, org, weight, most))
        expected = (self.model.policy.weight(org), self.model.most_running.get(org, 0), f"org:{org}" in self.model.paused)
        assert answer == orgs.Org(org, *expected)
        if again:
            self.twin.repeated(real, answer)
