"""What follows when a node changes: lanes, leases, the graph, the job, what RQ's registries list. The arrows of DESIGN.md, in plain Python.

A bulk change is a fence (the job's status, the parent's state) and a convergence: nodes are brought to the side of the fence on which they
belong in the graph's order, then the children of each task, at most `sweep` a call (decision 0001).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tests.model.graph import GONE, NEW, UNFINISHED, Job, Node
from tests.model.policy import SECOND, Policy

FINISHED_S = 500  #: how long RQ lists what has finished
RETENTION_S = 30 * 86_400  #: how long RQ lists what has failed or was cancelled


#: RQ's registries of what has ended.
LISTED = {"completed": "finished", "skipped": "failed", "failed": "failed", "cancelled": "canceled"}


@dataclass(frozen=True)
class Limits:
    """How much one call may do."""

    sweep: int = 200
    tombstones: int = 50
    first: int = 25  #: of them of one organisation, before another is looked at
    promoted: int = 20
    reaped: int = 20
    brief: int = 1000  #: µs: where runs take less in the mean, a claim may take several tasks


NORMAL = Limits()


class Settling:
    def __init__(self, limits: Limits, *, chained_first: bool = False) -> None:
        self.limits = limits
        self.policy = Policy(chained_first=chained_first)
        self.paused: set[str] = set()
        self.most_running: dict[str, int] = {}  #: of an organisation, in all queues together
        self.set_aside: dict[str, list[str]] = defaultdict(list)  #: ready tasks of paused types that claims have met
        self.jobs: dict[str, Job] = {}  #: deleted ones until nothing is left of them
        self.nodes: dict[str, Node] = {}
        self.leases: dict[str, int] = {}  #: by node and run, when they end
        self.delayed: dict[str, int] = {}  #: by node, when it is due
        self.sweeps: dict[str, int] = {}  #: jobs with more to bring in line, and since when
        self.listed: dict[tuple[str, str], dict[str, int]] = {}  #: RQ's finished, failed and canceled registries, until when
        self.budget = limits.sweep  #: of this call

    # -- one node

    def make_ready(self, node: Node, now: int, *, front: bool = False) -> None:
        node.state = "ready"
        self.policy.push(node.lane, node.id, now, front=front)

    def delay(self, node: Node, due: int) -> None:
        node.state = "delayed"
        self.delayed[node.id] = due

    def end_run(self, node: Node, now: int, *, lapsed: bool = False, whole: int | None = None, back: bool = False) -> None:
        """Whatever its outcome: the lease is gone, its time is charged; when its lease has lapsed, until its last renewal.

        `whole` is its own part of the time for which the runs of one claim were held.
        """
        self.leases.pop(f"{node.id}:{node.run}", None)
        charged = node.began if node.charged_until is None else node.charged_until
        seen = charged if lapsed else now
        whole = seen - node.began if whole is None else whole
        self.policy.end(node.queue, node.job.org, whole if node.charged_until is None else seen - charged, None if back else whole)
        node.charged_until = None
        if self.most_running.get(node.job.org):
            self.unpark(node.job.org, now)

    # -- rule 6

    def running_of(self, org: str) -> int:
        return sum(share.running for (_, whose), share in self.policy.shares.items() if whose == org)

    def barred(self, org: str) -> bool:
        """It is paused, or has as many tasks running as it may."""
        most = self.most_running.get(org, 0)
        return f"org:{org}" in self.paused or (most > 0 and self.running_of(org) >= most)

    def unpark(self, org: str, now: int) -> None:
        """Whether it may run now the next claim finds out."""
        for queue in self.policy.parked(org):
            self.policy.unpark(queue, org, now)

    def put_back(self, kind: str, now: int) -> bool:
        """What was set aside of a type that was paused goes to the front of its lanes, the last first; tell whether more is left."""
        ids, paused = self.set_aside[kind], f"type:{kind}" in self.paused
        while ids and not paused and self.spend():
            node = self.nodes.get(ids.pop())
            if node and node.state == "ready" and node.fenced:
                self.cancel_node(node, now)
            elif node and node.state == "ready":
                self.policy.push(node.lane, node.id, now, front=True)
        if ids and not paused:
            self.sweeps[f"type:{kind}"] = now
            return True
        self.sweeps.pop(f"type:{kind}", None)
        return False

    # -- outcomes

    def complete(self, node: Node, now: int) -> None:
        """Running or joining -> completed."""
        node.state, node.ended, node.error = "completed", now, ""
        self.list(node, "finished", now, FINISHED_S)
        if node.n is None:
            self.advance(node, now)
        else:
            node.progress = 1.0
            self.join(node.parent, now)

    def join(self, parent: Node, now: int) -> None:
        """A child has ended for good: the parent may be done."""
        if parent.state == "joining" and parent.completed_children + len(parent.failed_children) >= len(parent.children):
            self.complete(parent, now)

    def fail(self, node: Node, now: int, error: str, *, final: bool, delay_us: float, front: bool) -> None:
        """Running -> ready or delayed while attempts are left; else it is given up."""
        if final or node.charged >= node.allowance:
            return self.give_up(node, now, error)
        node.error = error
        if delay_us > 0:
            self.delay(node, int(now + delay_us))
        else:
            self.make_ready(node, now, front=front)
        return None

    def give_up(self, node: Node, now: int, error: str) -> None:
        """Running or joining -> skipped when optional, else failed; and what follows for the parent or the job."""
        node.state = "skipped" if node.optional else "failed"
        node.ended, node.error = now, error
        self.list(node, "failed", now, RETENTION_S)
        if node.n is not None:
            parent = node.parent
            if len(parent.failed_children) > parent.allowed_failures:
                self.give_up(parent, now, f"part {node.n} failed: {error}")  # its siblings are cancelled, its attempts are its own
            else:
                self.join(parent, now)
        elif node.state == "skipped":
            self.advance(node, now)
            if node.children:
                self.converge(node.job, now)
        else:
            self.end_job(node.job, "failed", now, node.task)
            self.converge(node.job, now)

    def advance(self, node: Node, now: int) -> None:
        """A task has ended well: what it was the last need of is ready; and the job may be completed."""
        for name in node.dependents:
            task = node.job.tasks[name]
            if node.chained or (node.state == "completed" and node.long):
                task.chained = True
            if task.state == "pending" and not task.unmet:
                if self.budget > 0:
                    self.budget -= 1
                    self.make_ready(task, now)
                else:
                    node.job.late = True
                    self.sweeps[node.job.id] = now
        if not node.job.left:
            self.end_job(node.job, "completed", now, "")

    def end_job(self, job: Job, status: str, now: int, cause: str) -> None:
        job.status, job.ended, job.cause = status, now, cause

    def cancel_node(self, node: Node, now: int) -> None:
        """Any unfinished state -> cancelled, because of what ended the job, or of the parent."""
        if node.state == "running":
            self.end_run(node, now)
        self.delayed.pop(node.id, None)
        node.state, node.ended = "cancelled", now
        node.cause = node.job.cause
        self.list(node, "canceled", now, RETENTION_S)

    def revive(self, node: Node, now: int) -> None:
        """Cancelled, failed, skipped or completed -> ready, pending or joining, with a fresh allowance of attempts."""
        if node.known:
            self.unlist(node)
        node.known = True
        node.ended, node.error, node.cause, node.message = None, "", "", ""
        node.granted = node.charged + node.attempts
        if node.children:
            node.state = "joining"
        elif node.unmet:
            node.state = "pending"
        else:
            self.make_ready(node, now)

    # -- what RQ lists

    def list(self, node: Node, registry: str, now: int, more_s: int) -> None:
        self.listed.setdefault((registry, node.queue), {})[node.id] = now // SECOND + more_s

    def unlist(self, node: Node) -> None:
        if node.state in LISTED:
            self.listed.get((LISTED[node.state], node.queue), {}).pop(node.id, None)

    # -- many nodes

    def converge(self, job: Job, now: int) -> bool:
        """Bring nodes of a job in line with their fence, at most what is left of the call's budget; tell whether more are left."""
        more = self.converge_tasks(job, now)
        for task in job.split:
            more = more or self.converge_children(task, now)
        if more:
            self.sweeps[job.id] = now
        else:
            self.sweeps.pop(job.id, None)
        return more

    def converge_tasks(self, job: Job, now: int) -> bool:
        for task in job.tasks.values():
            late = job.alive and job.late and task.state == "pending" and not task.unmet
            if late or task.state in ((NEW, "cancelled") if job.alive else UNFINISHED):
                if not self.spend():
                    return True
                if late:
                    self.make_ready(task, now)
                else:
                    self.bring(task, now, live=job.alive)
        if job.alive:
            job.late = False
        return False

    def converge_children(self, parent: Node, now: int) -> bool:
        joining = parent.job.alive and parent.state == "joining"
        while joining and parent.to_revive:
            if not self.spend():
                return True
            self.revive(parent.children[parent.to_revive.pop(0)], now)
        for child in parent.children:
            if child.state in ((NEW, "cancelled") if joining else UNFINISHED):
                if not self.spend():
                    return True
                self.bring(child, now, live=joining)
        return False

    def bring(self, node: Node, now: int, *, live: bool) -> None:
        """One node to the side of its fence on which it belongs."""
        if live and node.state == "cancelled":
            return self.revive(node, now)
        if node.state == NEW:
            node.known = True
            node.state = "pending"
            if live and not node.unmet:
                if node.job.run_at > now:
                    self.delay(node, node.job.run_at)
                else:
                    self.make_ready(node, now)
        if not live:
            self.cancel_node(node, now)
        return None

    def erase(self, job: Job, now: int) -> bool:
        """Forget a deleted job, at most what is left of the call's budget of nodes; tell whether another call is needed."""
        children = [child for parent in job.split for child in parent.children]
        for node in (*children, *job.tasks.values()):
            if node.state != GONE and self.spend():
                if node.state == "running":
                    self.end_run(node, now)
                self.delayed.pop(node.id, None)
                self.unlist(node)
                node.state = GONE
                node.items = []
        if not self.budget:
            self.sweeps[job.id] = now
            return True
        for node in job.nodes():
            del self.nodes[node.id]
        del self.jobs[job.id]
        self.sweeps.pop(job.id, None)
        return False

    def sweep_job(self, id: str, now: int) -> bool:
        if id.startswith("type:"):
            return self.put_back(id.removeprefix("type:"), now)
        job = self.jobs[id]
        return self.erase(job, now) if job.status == "deleted" else self.converge(job, now)

    def sweep_oldest(self, now: int) -> bool:
        """The job that has waited longest for it; tell whether there was one."""
        if not self.sweeps:
            return False
        self.sweep_job(min(self.sweeps, key=lambda id: (self.sweeps[id], id)), now)
        return True

    def spend(self) -> bool:
        """Take one node from the call's budget; false when none is left."""
        if not self.budget:
            return False
        self.budget -= 1
        return True
