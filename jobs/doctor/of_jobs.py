"""What must be true of a job by itself: its counts, its lists, its tasks and their children. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from jobs.doctor.fault import Fault, Subject
from jobs.doctor.read import JobSeen, Kids, number
from jobs.states import JobStatus, Priority, TaskState

DONE = {TaskState.COMPLETED, TaskState.SKIPPED}
UNFINISHED = {"new", TaskState.PENDING, TaskState.READY, TaskState.DELAYED, TaskState.RUNNING, TaskState.JOINING}
ON_ITS_WAY = UNFINISHED - {"new"}
STATES = {"new", *TaskState}
ALIVE = {JobStatus.PENDING, JobStatus.RUNNING}
LINE_PARTS = 8  #: engine queue optional attempts backoff timeout needs dependents


def faults(job: JobSeen) -> Iterator[Fault]:
    """Yield what is wrong with a job; one that is gone, or wholly deleted, is sound."""
    if job.status == "":
        return
    if job.status == "deleted":
        if job.swept:
            yield found("job-erased", job, f"job {job.id} is being deleted, and nobody goes on with it")
        return
    if said := unreadable(job):
        yield found("job-readable", job, f"job {job.id} cannot be read: {said}")
        return
    yield from of_lists(job)
    yield from of_status(job)
    for name in job.lines or {}:
        yield from of_needs(job, name)
        yield from of_children(job, name)


def found(rule: str, job: JobSeen, says: str) -> Fault:
    return Fault(rule, Subject("job", (job.id,)), says)


def unreadable(job: JobSeen) -> str:
    """Say what of a job's own keys is missing or no value of ours, '' when nothing is."""
    lines, state = job.lines or {}, job.state or {}
    if job.status not in set(JobStatus):
        return f"its status is {job.status!r}"
    if not (lines and job.user and job.org and job.priority in set(Priority) and job.created.isdigit() and job.left.lstrip("-").isdigit()):
        return "its tasks, user, organisation, priority, time or count are missing"
    for name, line in lines.items():
        if len(line.split(" ")) != LINE_PARTS:
            return f"task {name} has no line"
        if state.get(name) not in STATES:
            return f"task {name} is {state.get(name)!r}"
        if state[name] == TaskState.RUNNING and not state.get(f"{name}:r"):
            return f"task {name} runs without a run"
        if number(state.get(f"{name}:ct")) != job.total(name):
            return f"task {name} has children that the job does not name"
    for name, kids in (job.kids or {}).items():
        if len(kids.line.split(" ")) != LINE_PARTS:
            return f"the children of task {name} have no line"
        for n in range(job.total(name)):
            its = kids.state.get(str(n), "new")
            if its not in STATES or (its == TaskState.RUNNING and not kids.state.get(f"{n}:r")):
                return f"child {name}.{n} is {its!r}, or runs without a run"
    return ""


def of_lists(job: JobSeen) -> Iterator[Fault]:
    missing = [name for name, inside in zip(("jobs", f"user {job.user}", f"org {job.org}"), job.lists, strict=True) if not inside]
    if missing:
        yield found("job-listed", job, f"job {job.id} is not listed under {', '.join(missing)}")
    if job.statuses != (job.status,):
        yield found("job-status", job, f"job {job.id} is {job.status}, but listed as {', '.join(job.statuses) or 'nothing'}")


def of_status(job: JobSeen) -> Iterator[Fault]:
    state, lines = job.state or {}, job.lines or {}
    left = [name for name in lines if state[name] not in DONE]
    failed = [name for name in lines if state[name] == TaskState.FAILED]
    if int(job.left) != len(left):
        yield found("job-left", job, f"job {job.id} counts {job.left} tasks left, {len(left)} are")
    if job.status == JobStatus.COMPLETED and left:
        yield found("job-completed", job, f"job {job.id} is completed with {some(left)} left")
    if job.status != JobStatus.COMPLETED and not left:
        yield found("job-done", job, f"job {job.id} is {job.status} with nothing left to do")
    if (job.status == JobStatus.FAILED) != bool(failed):
        yield found("job-failed", job, f"job {job.id} is {job.status} with {some(failed) if failed else 'no task'} failed")
    if not job.swept:
        return
    if job.status in ALIVE:
        cancelled = [name for name in lines if state[name] == TaskState.CANCELLED]
        if cancelled:
            yield found("job-alive", job, f"job {job.id} is {job.status}, but {some(cancelled)} will never run: cancelled")
        new = [name for name in lines if state[name] == "new"]
        if new:
            yield found("job-alive", job, f"job {job.id} is {job.status}, but {some(new)} was never put in line")
        return
    unfinished = [name for name in lines if state[name] in UNFINISHED]
    unfinished += [f"{name}.{n}" for name, kids in (job.kids or {}).items() for n, its in children(job, name, kids) if its in ON_ITS_WAY]
    if unfinished:
        yield found("job-ended", job, f"job {job.id} is {job.status}, but {some(unfinished)} is not finished")


def of_needs(job: JobSeen, name: str) -> Iterator[Fault]:
    state, line = job.state or {}, (job.lines or {})[name]
    if state[name] not in ON_ITS_WAY:
        return
    listed = line.split(" ")[6]
    unmet = sum(state.get(need) not in DONE for need in listed.split(",")) if listed != "-" else 0
    counted = number(state.get(f"{name}:w"))
    if counted != unmet:
        yield found("task-needs", job, f"task {job.id}.{name} counts {counted} tasks it waits for, {unmet} are")
    if job.swept and (state[name] == TaskState.PENDING) != (unmet > 0):
        yield found("task-pending", job, f"task {job.id}.{name} is {state[name]} with {unmet} tasks to wait for")


def of_children(job: JobSeen, name: str) -> Iterator[Fault]:
    state, own = job.state or {}, (job.state or {})[name]
    if not job.total(name):
        if job.swept and own == TaskState.JOINING:
            yield found("parent-joins", job, f"task {job.id}.{name} joins no children")
        return
    its = [state for _, state in children(job, name, (job.kids or {})[name])]
    count = Counter(its)
    revived = len([n for n in state.get(f"{name}:rv", "").split(",") if n])
    counted = number(state.get(f"{name}:cc")), number(state.get(f"{name}:cf"))
    if counted != (count["completed"], count["failed"] - revived):
        yield found(
            "children-counts",
            job,
            f"task {job.id}.{name} counts {counted[0]} completed and {counted[1]} failed children, "
            f"{count['completed']} and {count['failed'] - revived} are",
        )
    if not job.swept:
        return
    if revived:
        yield found("children-revived", job, f"task {job.id}.{name} has {revived} children to revive, and nobody does it")
    unfinished = sum(state in UNFINISHED for state in its)
    if own == TaskState.JOINING and (not unfinished or count["cancelled"]):
        yield found("parent-joins", job, f"task {job.id}.{name} joins {unfinished} unfinished and {count['cancelled']} cancelled children")
    if own != TaskState.JOINING and sum(state in ON_ITS_WAY for state in its):
        yield found("parent-ended", job, f"task {job.id}.{name} is {own}, but {unfinished} of its children are not finished")


def children(job: JobSeen, name: str, kids: Kids) -> Iterator[tuple[int, str]]:
    """Yield number and state of each child; `new` is one that RQ does not know yet."""
    for n in range(job.total(name)):
        yield n, kids.state.get(str(n), "new")


def some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
