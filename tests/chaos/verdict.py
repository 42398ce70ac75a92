"""Hold what is known after the run against what was promised. Every check says what it counted and what is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from jobs.states import JobStatus
from tests.chaos.clients import Accepted
from tests.chaos.ordeal import Evidence

#: Which state may follow which. By hand means: in the transaction of a retry that somebody asked for.
ARROWS = {
    None: {"new", "pending", "ready"},
    "new": {"pending", "ready"},
    "pending": {"ready", "cancelled"},
    "ready": {"running", "cancelled"},
    "delayed": {"ready", "cancelled"},
    "running": {"completed", "joining", "ready", "delayed", "failed", "skipped", "cancelled"},
    "joining": {"completed", "failed", "skipped", "cancelled"},
    "completed": set(),
    "skipped": set(),
    "failed": set(),
    "cancelled": set(),
}
REOPENED = {"pending", "ready", "joining"}
OVER = {"completed", "skipped", "failed", "cancelled"}
RECORDED = re.compile(r"task_recorded job=(\S+) task=(\S+) attempt=(\d+) outcome=(\w+) state=(\w+) ms=\d")


@dataclass(frozen=True, slots=True)
class Check:
    promise: str
    counted: str
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


def judge(evidence: Evidence) -> list[Check]:
    return [check(evidence) for check in CHECKS]


def everything_accepted_is_there(evidence: Evidence) -> Check:
    accepted, there, ever = {one.job for one in evidence.accepted}, set(evidence.statuses), set(evidence.ledger.created)
    faults = [
        *evidence.clients.faults,
        *(f"{job} was accepted and is not there" for job in accepted - there),
        *(f"{job} is there and nobody was told" for job in (there | ever) - accepted),
    ]
    if len(evidence.accepted) != evidence.form.jobs:
        faults.append(f"{len(evidence.accepted)} of {evidence.form.jobs} submissions were accepted")
    return Check(
        "Every accepted submission is there, once, however often it was sent",
        f"{len(accepted)} jobs; {evidence.clients.cut_and_taken + evidence.clients.cut_and_lost} submissions lost their connection "
        f"({evidence.clients.cut_and_taken} after they had been taken), {evidence.clients.repeated} were sent twice",
        tuple(faults),
    )


def everything_ended_as_it_had_to(evidence: Evidence) -> Check:
    faults = [fault for one in evidence.accepted for fault in _ending(one, evidence)]
    if evidence.settled_at is None:
        faults.append(f"not everything had ended after {evidence.form.longest_s:.0f} s")
    count = Counter(evidence.statuses.values())
    return Check(
        "Every job ended as its parameters call for: its state, that of each task and child, their outputs",
        ", ".join(f"{number} {status}" for status, number in count.most_common()),
        tuple(faults),
    )


def _ending(one: Accepted, evidence: Evidence) -> Iterator[str]:
    plan, status = one.plan, evidence.statuses.get(one.job)
    wanted = JobStatus.CANCELLED if one.cancelled else plan.comes_to
    if status is None:
        return
    if status != wanted:
        yield f"{one.job} ({plan.meddling}) is {status}, not {wanted}"
        return
    state = evidence.states[one.job]
    for task in plan.tasks:
        name = task["name"]
        if status == JobStatus.COMPLETED:
            want = "skipped" if name in plan.skipped else "completed"
        elif name == plan.fails:
            want = "failed"
        else:
            if state[name] not in OVER:
                yield f"{one.job}.{name} is {state[name]} although its job is {status}"
            continue
        if state[name] != want:
            yield f"{one.job}.{name} is {state[name]}, not {want}"
        if want == "completed" and evidence.outputs[one.job].get(name) != json.dumps(task["output"]):
            yield f"{one.job}.{name} is completed, and its output is {evidence.outputs[one.job].get(name)}"
        if want == "completed" and int(state[f"{name}:n"]) <= task.get("fail_attempts", 0):
            yield f"{one.job}.{name} is completed after {state[f'{name}:n']} attempts, of which {task['fail_attempts']} fail"
        children = evidence.states.get(f"{one.job}:{name}", {})
        done = sum(children.get(str(n)) == "completed" for n in range(task.get("children", 0)))
        if want == "completed" and done != task.get("children", 0):
            yield f"{one.job}.{name} is completed with {done} of {task['children']} children"


def the_log_is_whole(evidence: Evidence) -> Check:
    """Played to its end, the log leads to what Redis holds: nothing was written that the other checks do not see."""
    steps = evidence.ledger.steps
    held: dict[str, str] = {}
    for key, state in evidence.states.items():
        job, _, parent = key.partition(":")
        held |= {f"{job}-{parent}-{name}" if parent else f"{job}-{name}": value for name, value in state.items() if ":" not in name}
    told = {node: found[-1].state for node, found in steps.items()}
    faults = [f"{node} is {held.get(node)}, the log ends with {told.get(node)}" for node in held.keys() | told.keys()
              if held.get(node) != told.get(node)]  # fmt: skip
    faults += [f"{job} is {status}, the log ends with {evidence.ledger.statuses[job][-1:]}" for job, status in evidence.statuses.items()
               if evidence.ledger.statuses[job][-1:] != [status]]  # fmt: skip
    return Check(
        "The log is complete: played to its end it gives the states that Redis holds",
        f"{evidence.ledger.commands:,} writes in {evidence.ledger.strokes:,} transactions; {len(told):,} tasks and children",
        tuple(faults),
    )


def every_arrow_is_drawn(evidence: Evidence) -> Check:
    faults, count = [], 0
    for before, step in evidence.ledger.arrows():
        count += 1
        state = before.state if before else None
        if step.state in ARROWS[state] or (state == "new" and step.state == "cancelled"):
            continue
        if not (step.by_hand and state in OVER and step.state in REOPENED):
            faults.append(f"{step.node} went from {state} to {step.state}")
    return Check("Every change of a task's state is an arrow of the state machine", f"{count:,} changes", tuple(faults))


def no_outcome_is_committed_twice(evidence: Evidence) -> Check:
    faults, commits, again = [], 0, 0
    for node, steps in evidence.ledger.steps.items():
        done = sum(step.state in ("completed", "skipped", "failed") for step in steps)
        reopened = sum(step.by_hand and step.state in REOPENED and before.state in ("completed", "skipped", "failed")
                       for before, step in pairwise(steps))  # fmt: skip
        commits, again = commits + done, again + reopened
        if done > 1 + reopened:
            faults.append(f"{node} came to an end {done} times and was retried by hand {reopened} times")
        put_out = sum(before.state == "running" and step.state in ("completed", "joining") for before, step in pairwise(steps))
        if node.count("-") == 1 and evidence.ledger.outputs[node] != put_out:  # children have none here
            faults.append(f"{node} committed {evidence.ledger.outputs[node]} outputs in {put_out} runs that ended well")
    faults += [f"run {run} was begun twice" for run in evidence.ledger.begun_again]
    faults += [f"run {run} ended twice, or never began" for run in evidence.ledger.ended_again]
    return Check(
        "No outcome is committed twice: a task comes to its end once, and once more for each retry by hand",
        f"{commits:,} ends of tasks and children, {again} of them retried by hand; {len(evidence.ledger.runs):,} runs",
        tuple(faults),
    )


def only_the_holder_commits(evidence: Evidence) -> Check:
    """Between `running` and what follows stands the end of that very run's lease, in the same transaction."""
    faults, count = [], 0
    for before, step in evidence.ledger.arrows():
        if before and before.state == "running":
            count += 1
            if step.run != before.run:
                faults.append(f"{step.node} went to {step.state} by run {step.run or 'of nobody'}, while {before.run} held it")
    faults += [f"run {run.id} of {run.node} never ended" for run in evidence.ledger.runs.values() if run.ended is None]
    lost = sum(run.lost for run in evidence.ledger.runs.values())
    late = len(re.findall(r" run_gone .*why=", evidence.said))
    return Check(
        "Only the run that holds a task under its lease commits; what a lost run says later is refused",
        f"{count:,} ends of runs, {lost} of them by loss; {late} runs were told that they no longer counted",
        tuple(faults),
    )


def nothing_runs_before_what_it_needs(evidence: Evidence) -> Check:
    faults, count = [], 0
    needs = {f"{one.job}-{task['name']}": [f"{one.job}-{need}" for need in task["needs"]] for one in evidence.accepted
             for task in one.plan.tasks}  # fmt: skip
    now: dict[str, str] = {}
    for step in evidence.ledger.in_order():
        now[step.node] = step.state
        if step.state == "running" and step.node in needs:
            count += 1
            faults += [f"{step.node} began while {need} was {now.get(need)}" for need in needs[step.node]
                       if now.get(need) not in ("completed", "skipped")]  # fmt: skip
    faults += [f"{task} counted its needs down to {left}" for task, left in evidence.ledger.waits_left.items() if left < 0]
    return Check(
        "No task begins before everything it needs is committed, and each commit frees it once", f"{count:,} beginnings", tuple(faults)
    )


def attempts_are_counted(evidence: Evidence) -> Check:
    """An attempt is spent by each run but those handed back."""
    faults, back = [], 0
    begun = Counter(run.node for run in evidence.ledger.runs.values())
    for run in evidence.ledger.runs.values():
        begun[run.node] -= run.given_back
        back += run.given_back
    for key, state in evidence.states.items():
        job, _, parent = key.partition(":")
        for name in (name for name in state if ":" not in name):
            node = f"{job}-{parent}-{name}" if parent else f"{job}-{name}"
            if int(state.get(f"{name}:n", 0)) != begun[node]:
                faults.append(f"{node} was charged {state.get(f'{name}:n', 0)} attempts for {begun[node]} runs")
    return Check("A deploy spends no attempt, everything else one", f"{back} runs handed back", tuple(faults))


def workers_tell_the_same(evidence: Evidence) -> Check:
    """The workers' own logs: each outcome that was acknowledged to one stands in Redis's log, and no two of the same attempt."""
    told = Counter(match[:3] for match in RECORDED.findall(evidence.said) if match[4] in ("completed", "joining"))
    attempts = {(run.node.partition("-")[0], run.node.partition("-")[2].replace("-", "."), str(run.attempt))
                for run in evidence.ledger.runs.values() if run.became in ("completed", "joining")}  # fmt: skip
    faults = [f"{'.'.join(one)} was acknowledged to a worker and is not in the log" for one in told.keys() - attempts]
    faults += [f"{'.'.join(one)} was acknowledged {number} times" for one, number in told.items() if number > 1]
    return Check(
        "Every outcome acknowledged to a worker is in the log, once", f"{len(told):,} acknowledgements in the workers' logs", tuple(faults)
    )


def the_audit_is_clean(evidence: Evidence) -> Check:
    return Check("The audit of everything in Redis finds nothing", f"{len(evidence.statuses)} jobs", tuple(evidence.audit))


def workers_stay_well(evidence: Evidence) -> Check:
    faults = [f"a worker's log has: {text.splitlines()[-1]}" for text in evidence.tracebacks]
    faults += [f"a worker left with code {code}" for code in evidence.left if code]
    faults += [f"a worker ended by itself with code {code}" for code in evidence.unasked]
    faults += [f"{evidence.overdue} workers had not left 30 s after SIGTERM"] * bool(evidence.overdue)
    return Check(
        "Workers end only when killed or told to, within 30 s, and with no error of their own",
        f"{len(evidence.left)} left when told",
        tuple(faults),
    )


CHECKS: tuple[Callable[[Evidence], Check], ...] = (
    everything_accepted_is_there,
    everything_ended_as_it_had_to,
    no_outcome_is_committed_twice,
    only_the_holder_commits,
    every_arrow_is_drawn,
    nothing_runs_before_what_it_needs,
    attempts_are_counted,
    workers_tell_the_same,
    the_log_is_whole,
    the_audit_is_clean,
    workers_stay_well,
)
