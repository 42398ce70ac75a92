"""Claims, in plain Python: which task a worker is given, how its run begins, and what is taken back of lost workers.

Whose turn it is in a queue is in policy.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.answers import Memory, Nothing, Taken, run_at
from tests.model.graph import Node
from tests.model.policy import SECOND, Lane, Turn
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
        answer = self.claim_some(now, worker, run, queues, most=1)
        return answer if isinstance(answer, Nothing) else answer[0]

    def claim_some(self, now: int, worker: str, run: str, queues: Sequence[str], most: int) -> list[Taken] | Nothing:
        self.begin_call()
        if before := self.again(worker, run):
            return before
        answer = self.take(now, worker, run, queues, most)
        if isinstance(answer, list):
            self.memory[worker] = Memory((run, tuple(one.node for one in answer)))
        return answer

    def again(self, worker: str, claim: str) -> list[Taken]:
        """The same call repeated: of what it took, what is still held."""
        claimed = self.memory.get(worker, Memory()).claimed
        if not claimed or claimed[0] != claim:
            return []
        nodes = [(self.nodes.get(id), run_at(claim, n)) for n, id in enumerate(claimed[1])]
        return [self.taken(node) for node, run in nodes if node and node.holds(run)]

    def taken(self, node: Node) -> Taken:
        needed = [node.job.tasks[need] for need in node.needs]
        inputs = tuple((need.task, need.output) for need in needed if need.state == "completed" and need.output is not None)
        return Taken(node.id, node.run, node.charged, node.allowance, node.began, inputs)

    def take(self, now: int, worker: str, run: str, queues: Sequence[str], most: int, *, tidied: bool = False) -> list[Taken] | Nothing:
        self.promote(now)
        unlooked = bool(self.paused) and not self.budget  # whether something lies in an inbox is left to the next call
        dropped = 0
        for queue in queues:  # rule 1
            if f"queue:{queue}" in self.paused:
                continue
            dropped, node, passed = self.serve(queue, worker, run, dropped, now)
            if node:
                found = [self.taken(node)]
                # Each by a turn of its own, none of rule 5; what was tried before is the last or alone.
                while len(found) < most and found[-1].attempt == 1 and self.policy.clock(queue).mean < self.limits.brief:
                    dropped, node, _ = self.serve(queue, worker, run_at(run, len(found)), dropped, now, besides=True)
                    if not node:
                        break
                    found.append(self.taken(node))
                return found
            unlooked = unlooked or (passed and self.policy.waits(queue))
        if not tidied:  # what others lost, or left half done, is to be had now
            swept, reaped = self.sweep_oldest(now), self.take_back(now)
            if swept or reaped:
                return self.take(now, worker, run, queues, most, tidied=True)
        return self.nothing(now, more=unlooked or dropped >= self.limits.tombstones or bool(self.sweeps))

    def serve(self, queue: str, worker: str, run: str, dropped: int, now: int, *, besides: bool = False) -> tuple[int, Node | None, bool]:
        """Begin a run of the queue's fairest task. Return how many tombstones were dropped, the task, and whether an organisation was
        passed over for having too many."""
        passed: str | None = None  #: an organisation that has had its part of what a call may drop
        kept = False  #: for it, a turn by rule 5
        while dropped < self.limits.tombstones and (
            turn := self.policy.next_turn(queue, passed, kept=kept) or self.policy.next_turn(queue, kept=kept)
        ):
            if besides and turn.by_rule_5:
                break
            if self.barred(turn.org):  # rule 6
                self.policy.park(queue, turn.org)
                dropped += 1
                continue
            most = self.limits.tombstones if passed else max(self.limits.first, dropped + 1)
            dropped, node = self.pop(queue, turn, dropped, most, now)
            if node:
                self.policy.begin(queue, turn, now)
                self.begin(node, run, worker, now)
                return dropped, node, False
            if dropped >= most:
                passed, kept = passed or turn.org, kept or turn.by_rule_5
        return dropped, None, passed is not None

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

    def pop(self, queue: str, turn: Turn, dropped: int, most: int, now: int) -> tuple[int, Node | None]:
        """The organisation's next live task; drops tombstones until one is found, its lanes are empty or enough was dropped."""
        priority, org = turn.priority, turn.org
        while dropped < most:
            if turn.chained_only and not self.policy.lanes.get(Lane(queue, priority, True, org)):
                break
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
