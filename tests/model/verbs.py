"""All verbs, in plain Python: the reference that the scripts are held against. Here those of people: submit, cancel, retry, delete, pause.

Each call changes at most `limits.sweep` nodes of a job and tells whether calls of sweep are needed for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.model import TaskSpec
from tests.model.answers import Missing, Refused
from tests.model.graph import Job, Node
from tests.model.settle import Limits
from tests.model.working import Working

MOST_AGAIN = 2000  #: needs of all tasks that a skipped one takes along


class Model(Working):
    def __init__(self, limits: Limits, *, chained_first: bool = False) -> None:
        super().__init__(limits, chained_first=chained_first)
        self.keys: dict[tuple[str, str], tuple[str, Any]] = {}  #: idempotency: by user and key, the job and what was asked

    def submit(
        self,
        now: int,
        id: str,
        specs: Sequence[TaskSpec],
        *,
        type: str,
        user: str,
        org: str,
        priority: str,
        key: str = "",
        asked: Any = None,
        run_at: int = 0,
    ) -> tuple[str, bool]:
        """Return the job's id, and whether calls of sweep are needed."""
        self.begin_call()
        if id in self.jobs:
            return id, False
        made, before = self.keys.get((user, key), ("", None))
        if key and made in self.jobs and self.jobs[made].status != "deleted":
            if before != asked:
                raise Refused
            return made, False
        if key:
            self.keys[user, key] = (id, asked)
        job = self.jobs[id] = Job(id, type, org, user, priority, now, run_at=run_at)
        for spec in specs:
            dependents = tuple(other.name for other in specs if spec.name in other.needs)
            job.tasks[spec.name] = Node(job, spec.name, None, spec.queue, spec.optional, spec.attempts, spec.needs, dependents)
        self.nodes.update({node.id: node for node in job.nodes()})
        return id, self.converge(job, now)

    # -- what people do to a job

    def there(self, id: str) -> Job:
        if id not in self.jobs or self.jobs[id].status == "deleted":
            raise Missing
        return self.jobs[id]

    def cancel(self, now: int, id: str) -> bool:
        self.begin_call()
        job = self.there(id)
        if job.status != "cancelled":
            if not job.alive:
                raise Refused
            self.end_job(job, "cancelled", now, "@cancel")
        return self.converge(job, now)

    def retry(self, now: int, id: str, name: str, call: str) -> bool:
        """Retry what ended the job (`name` is ''), a task or a child, and what was cancelled because of it."""
        self.begin_call()
        job = self.there(id)
        if job.retried == call:
            return False
        if not name and not (job.status == "cancelled" or job.status == "failed"):
            raise Refused
        if not name and job.status == "failed":
            name = job.cause
        if name:
            self.retry_node(job, self.to_retry(job, name), now)
        else:
            self.reopen(job)
        job.retried = call
        return self.converge(job, now)

    def to_retry(self, job: Job, name: str) -> Node:
        """The node that a retry of `name` is about: of a child whose parent does not join any more, the parent; of what was cancelled
        because another task failed, that one."""
        node = self.nodes.get(f"{job.id}-{name.replace('.', '-')}")
        if not node:
            raise Missing
        if node.fenced and node.n is not None:
            node = node.parent
        if job.status == "failed" and node.stands == "cancelled":
            node = job.tasks[job.cause]
        return node

    def retry_node(self, job: Job, node: Node, now: int) -> None:
        if node.stands == "cancelled":
            self.reopen(job)
        elif node.state == "failed":
            self.reopen(job)
            if node.n is not None and node.n in node.parent.to_revive:
                node.parent.to_revive.remove(node.n)
            node.to_revive += node.failed_children  # for convergence to revive with the cancelled ones
            self.revive(node, now)
        elif node.state == "skipped" and job.status == "completed":
            self.retry_skipped(job, node, now)
        else:
            raise Refused

    def retry_skipped(self, job: Job, node: Node, now: int) -> None:
        """What depends on it ran without it, and runs again with it (decision 0005)."""
        self.run_again(job, [node], now)

    def run_again(self, job: Job, again: list[Node], now: int) -> None:
        count = needs = 0
        for task in again:
            again += [job.tasks[name] for name in task.dependents if job.tasks[name] not in again]
            if task.children and self.converge_children(task, now):
                raise Refused
            count, needs = count + 1 + len(task.children), needs + max(len(task.needs), 1)
            if count > self.budget or needs > MOST_AGAIN:
                raise Refused
        self.budget -= count
        self.reopen(job)
        for task in again:
            self.forget_children(job, task)
            self.unlist(task)
            task.state = "pending"  # all of them, before any is looked at: none is ready while one it needs runs again
        for task in again:
            self.revive(task, now)

    def forget_children(self, job: Job, task: Node) -> None:
        for child in task.children:
            self.unlist(child)
            del self.nodes[child.id]
        if task.children:
            job.split.remove(task)
        task.children, task.to_revive, task.allowed_failures = [], [], 0

    def revise(self, now: int, id: str, names: Sequence[str], corrections: str, former: str) -> bool:
        """Tasks of a completed job run again, and what depends on them."""
        self.begin_call()
        job = self.there(id)
        if job.corrections == corrections:
            return False
        if job.status != "completed" or job.corrections != former:
            raise Refused
        if any(name not in job.tasks for name in names):
            raise Missing
        self.run_again(job, [job.tasks[name] for name in dict.fromkeys(names)], now)
        job.corrections = corrections
        return self.converge(job, now)

    def reopen(self, job: Job) -> None:
        if not job.alive:
            job.status, job.cause, job.ended, job.run_at = "running", "", None, 0

    def delete(self, now: int, id: str) -> bool:
        self.begin_call()
        if id not in self.jobs:
            raise Missing
        self.jobs[id].status = "deleted"
        return self.erase(self.jobs[id], now)

    def sweep(self, now: int, id: str) -> bool:
        self.begin_call()
        return self.sweep_job(id, now) if id in self.jobs or id in self.sweeps else False

    # -- rule 6

    def pause(self, kind: str, name: str) -> bool:
        """Return whether that changed something."""
        changed = f"{kind}:{name}" not in self.paused
        self.paused.add(f"{kind}:{name}")
        return changed

    def resume(self, now: int, kind: str, name: str) -> tuple[bool, bool]:
        """Return whether that changed something, and whether calls of sweep are needed."""
        self.begin_call()
        changed, more = f"{kind}:{name}" in self.paused, False
        self.paused.discard(f"{kind}:{name}")
        if kind == "org":
            self.unpark(name, now)
        if kind == "type":
            more = self.put_back(name, now)
        return changed, more

    def tune(self, now: int, org: str, weight: float | None, most_running: int | None) -> None:
        """A weight counts from the next charge on, a limit from the next claim on."""
        if weight is not None:
            self.policy.weights[org] = weight
        if most_running is not None:
            self.most_running[org] = most_running
            self.unpark(org, now)

    def reap(self, now: int) -> int:
        self.begin_call()
        return self.take_back(now)
