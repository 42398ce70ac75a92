"""Claims, in plain Python: which task a worker is given, how its run begins, and what is taken back of lost workers.

Whose turn it is in a queue is in policy.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.answers import Memory, Nothing, Taken
from tests.model.graph import Node
from tests.model.policy import SECOND
from tests.model.settle import Limits, Settling

LEASE = 15 * SECOND
IDLE_S = 5
LOST = "the worker that ran this task was lost: it gave no sign of life until its lease ended"


class Claiming(Settling):
    def __init__(self, limits: Limits, *, chained_first: bool = False) -> None:
        super().__init__(limits, chained_first=chained_first)
        self.memory: dict[str, Memory] = {}
        self.looked: int | None = None  #: when leases were looked at last
        self.grace: int = 0  #: until when no lease is taken to have ended

    def begin_call(self) -> None:
        self.budget = self.limits.sweep

    def claim(self, now: int, worker: str, run: str, queues: Sequence[str]) -> Taken | Nothing:
        self.begin_call()
        if before := self.again(worker, run):
            return before
        answer = self.take(now, worker, run, queues)
        if isinstance(answer, Taken):
            self.memory[worker] = Memory((run, answer.node))
        return answer

    def again(self, worker: str, run: str) -> Taken | None:
        """The same call repeated, while what it took is still held: the same answer."""
        claimed = self.memory.get(worker, Memory()).claimed
        node = self.nodes.get(claimed[1]) if claimed and claimed[0] == run else None
        return self.taken(node) if node and node.holds(run) else None

    def taken(self, node: Node) -> Taken:
        needed = [node.job.tasks[need] for need in node.needs]
        inputs = tuple((need.task, need.output) for need in needed if need.state == "completed" and need.output is not None)
        return Taken(node.id, node.run, node.charged, node.allowance, node.began, inputs)

    def take(self, now: int, worker: str, run: str, queues: Sequence[str], *, tidied: bool = False) -> Taken | Nothing:
        self.promote(now)
        dropped = 0
        for queue in queues:  # rule 1
            if f"queue:{queue}" in self.paused:
                continue
            while dropped < self.limits.tombstones and (turn := self.policy.next_turn(queue)):
                if self.barred(turn.org):  # rule 6
                    self.policy.park(queue, turn.org)
                    dropped += 1
                    continue
                dropped, node = self.pop(queue, turn.priority, turn.org, dropped, now)
                if node:
                    self.policy.begin(queue, turn, now)
                    self.begin(node, run, worker, now)
                    return self.taken(node)
        if not tidied:  # what others lost, or left half done, is to be had now
            swept, reaped = self.sweep_oldest(now), self.take_back(now)
            if swept or reaped:
                return self.take(now, worker, run, queues, tidied=True)
        return self.nothing(now, more=dropped >= self.limits.tombstones or bool(self.sweeps))

    def promote(self, now: int) -> None:
        """Delayed -> ready, those due first."""
        due = sorted((at, id) for id, at in self.delayed.items() if at <= now)
        for _, id in due[: self.limits.promoted]:
            del self.delayed[id]
            node = self.nodes[id]
            if node.fenced:
                self.cancel_node(node, now)
            else:
                self.make_ready(node, now)

    def pop(self, queue: str, priority: str, org: str, dropped: int, now: int) -> tuple[int, Node | None]:
        """The organisation's next live task; drops tombstones until one is found, its lanes are empty or the call has dropped enough."""
        while dropped < self.limits.tombstones:
            node = self.nodes.get(self.policy.pop(queue, priority, org))
            if node and node.state == "ready" and node.fenced:
                self.cancel_node(node, now)
            elif node and node.state == "ready":
                if f"type:{node.job.type}" not in self.paused:
                    return dropped, node
                self.set_aside[node.job.type].append(node.id)
            dropped += 1
            if not self.policy.holds(queue, priority, org):
                self.policy.stop_waiting(queue, priority, org)
                break
        return dropped, None

    def begin(self, node: Node, run: str, worker: str, now: int) -> None:
        """Ready -> running."""
        job = node.job
        node.state, node.run, node.worker, node.began = "running", run, worker, now
        node.charged += 1
        self.leases[f"{node.id}:{run}"] = now + LEASE
        if job.status == "pending":
            job.status, job.started = "running", now

    def nothing(self, now: int, *, more: bool) -> Nothing:
        next_times = [min(times.values()) for times in (self.delayed, self.leases) if times]
        waits = [max((at - now) / SECOND, 0.01) for at in next_times]
        return Nothing(float(f"{min([0.0 if more else IDLE_S, *waits]):.3f}"))

    # -- what lost workers held

    def take_back(self, now: int) -> int:
        """Runs whose lease has ended; none in the grace after nobody looked for longer than a lease (decision 0008)."""
        if self.looked is not None and now - self.looked > LEASE and now - self.grace > 10 * LEASE:
            self.grace = now + LEASE
        self.looked = now
        if now < self.grace:
            return 0
        ended = sorted((end, member) for member, end in self.leases.items() if end <= now)[: self.limits.reaped]
        for _, member in ended:
            self.lose(self.nodes[member.partition(":")[0]], now, LOST, lapsed=True)
        return len(ended)

    def lose(self, node: Node, now: int, reason: str, *, lapsed: bool = False) -> None:
        """One attempt is spent; to the front of its lane while some are left."""
        if node.fenced:
            return self.cancel_node(node, now)
        self.end_run(node, now, lapsed=lapsed)
        last = node.charged >= node.allowance
        error = f"{reason} (attempt {node.charged} of {node.allowance})" if last else reason
        return self.fail(node, now, error, final=False, delay_us=0, front=True)
