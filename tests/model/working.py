"""The verbs of workers, in plain Python: what each answers and changes.

Times are whole microseconds. A worker is a name; of each the answers of its last claim and its last record are remembered, so that a call
whose answer was lost can be repeated (decision 0004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.graph import Node
from tests.model.policy import SECOND
from tests.model.settle import Late, Limits, Refused, Settling

LOST = "the worker that ran this task was lost: it gave no sign of life until its lease ended"
LEASE = 15 * SECOND
IDLE_S = 5


@dataclass(frozen=True)
class Taken:
    """What a claim answers."""

    node: str  #: its id
    run: str
    attempt: int
    allowance: int
    at: int
    inputs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Nothing:
    wait_s: float


@dataclass
class Memory:
    """A worker's last answers."""

    claimed: tuple[str, str] | None = None  #: run and node
    recorded: tuple[str, str, bool] | None = None  #: run, state, whether it came too late


@dataclass(frozen=True)
class Said:
    """What a run says became of its task: completed, spawn, failed, final, skipped."""

    kind: str
    output: Any = None
    error: str = ""
    delay_us: float = 0
    children: int = 0
    attempts: int = 1
    allowed_failures: int = 0


class Working(Settling):
    def __init__(self, limits: Limits, *, chained_first: bool = False) -> None:
        super().__init__(limits, chained_first=chained_first)
        self.memory: dict[str, Memory] = {}
        self.looked: int | None = None  #: when leases were looked at last
        self.grace: int = 0  #: until when no lease is taken to have ended

    def begin_call(self) -> None:
        self.budget = self.limits.sweep

    # -- claim

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

    # -- what a run says

    def record(self, now: int, worker: str, id: str, run: str, said: Said, next_run: str, queues: Sequence[str]) -> tuple[str, bool, Any]:
        """Return the task's state, whether the run came too late, and what was claimed for `next_run` ('' claims nothing)."""
        self.begin_call()
        following: Taken | Nothing | None = None
        state, late = self.settle(now, id, run, said), False
        if state is None:
            node, memory = self.nodes.get(id), self.memory.get(worker, Memory())
            if memory.recorded and memory.recorded[0] == run:  # the same call repeated
                _, state, late = memory.recorded
                following = self.again(worker, next_run) if next_run else None
            else:
                state, late = node.state if node and node.state != "gone" else "cancelled", True
        if next_run and following is None:
            following = self.take(now, worker, next_run, queues)
        claimed = (next_run, following.node) if isinstance(following, Taken) else None
        self.memory[worker] = Memory(claimed, (run, state, late))
        return state, late, following

    def settle(self, now: int, id: str, run: str, said: Said) -> str | None:
        """Commit an outcome; None when the run does not hold the task."""
        node = self.held(id, run)
        if not node:
            return None
        if node.fenced:
            self.cancel_node(node, now)
            return None
        self.end_run(node, now)
        if said.kind == "completed" or (said.kind == "spawn" and not said.children):
            node.output = said.output
            self.complete(node, now)
            return "completed"
        if said.kind == "spawn":
            self.spawn(node, said, now)
            return node.state
        if said.kind == "skipped":
            self.give_up(node, now, said.error)
            return node.state
        if said.output is not None:
            node.output = said.output
        self.fail(node, now, said.error, final=said.kind == "final", delay_us=said.delay_us, front=False)
        return node.state

    def held(self, id: str, run: str) -> Node | None:
        node = self.nodes.get(id)
        return node if node and node.holds(run) else None

    def spawn(self, node: Node, said: Said, now: int) -> None:
        """Running -> joining, its children all or none."""
        node.state, node.output, node.allowed_failures = "joining", said.output, said.allowed_failures
        node.children = [Node(node.job, node.task, n, node.queue, False, said.attempts) for n in range(said.children)]
        self.nodes.update({child.id: child for child in node.children})
        node.job.split.append(node)
        self.converge(node.job, now)

    def running(self, id: str, run: str) -> Node:
        """The node that the run holds and may work on. Raises Late."""
        node = self.nodes.get(id)
        if not node or not node.holds(run):
            raise Late(node.state if node and node.state != "gone" else "cancelled")
        if node.fenced:
            raise Late("cancelled")
        return node

    def progress(self, id: str, run: str, fraction: float, message: str) -> None:
        node = self.running(id, run)
        node.progress = fraction
        (node if node.n is None else node.parent).message = message

    def append(self, id: str, run: str, offset: int, items: Sequence[Any]) -> int:
        node = self.running(id, run)
        if node.items[offset:] != list(items):
            if len(node.items) != offset:
                raise Refused
            node.items += items
        return len(node.items)

    def renew(self, now: int, worker: str, queues: Sequence[str], runs: Iterable[tuple[str, str]]) -> tuple[int, list[str]]:
        """Return how many runs of others were taken back, and of each run `held`, or the state of what it holds no more."""
        self.begin_call()
        states = []
        for id, run in runs:
            node = self.held(id, run)
            if node and node.fenced:
                self.cancel_node(node, now)
            if node and node.holds(run):
                self.leases[f"{id}:{run}"] = now + LEASE
                self.policy.charge(node.queue, node.job.org, now - (node.began if node.charged_until is None else node.charged_until))
                node.charged_until = now
                states.append("held")
            else:
                there = self.nodes.get(id)
                state = there.state if there and there.state != "gone" else "cancelled"
                states.append("stale" if state == "running" else state)
        reaped = self.take_back(now)
        for (_, queue), ids in self.listed.items():
            if queue in queues:
                for id in [id for id, until in ids.items() if until <= now // SECOND]:
                    del ids[id]
        self.sweep_oldest(now)
        return reaped, states

    def hand_back(self, now: int, worker: str, id: str, run: str, delay_us: float) -> str:
        """Give a task up unharmed; without `id`, whatever the worker claimed for that run."""
        self.begin_call()
        memory = self.memory.get(worker, Memory())
        if memory.recorded and memory.recorded[0] == run and not memory.recorded[2]:
            return memory.recorded[1]
        if not id:
            if not memory.claimed or memory.claimed[0] != run:
                return ""
            id = memory.claimed[1]
        node = self.held(id, run)
        if node and node.fenced:
            self.cancel_node(node, now)
        node = self.running(id, run)
        self.end_run(node, now)
        node.charged -= 1
        if delay_us > 0:
            self.delay(node, int(now + delay_us))
        else:
            self.make_ready(node, now, front=True)
        self.memory[worker] = Memory(None, (run, node.state, False))
        return node.state

    # -- what was lost

    def take_back(self, now: int) -> int:
        """Runs whose lease has ended; none in the grace after nobody looked for longer than a lease (decision 0008)."""
        if self.looked is not None and now - self.looked > LEASE and now - self.grace > 10 * LEASE:
            self.grace = now + LEASE
        self.looked = now
        if now < self.grace:
            return 0
        ended = sorted((end, member) for member, end in self.leases.items() if end <= now)[: self.limits.reaped]
        for _, member in ended:
            self.lose(self.nodes[member.partition(":")[0]], now, LOST)
        return len(ended)

    def lose(self, node: Node, now: int, reason: str) -> None:
        """One attempt is spent; to the front of its lane while some are left."""
        if node.fenced:
            return self.cancel_node(node, now)
        self.end_run(node, now)
        last = node.charged >= node.allowance
        error = f"{reason} (attempt {node.charged} of {node.allowance})" if last else reason
        return self.fail(node, now, error, final=False, delay_us=0, front=True)

    def lost(self, now: int, worker: str, run: str, reason: str) -> bool:
        """The worker died: take back what `run` held, if anything."""
        self.begin_call()
        claimed = self.memory.get(worker, Memory()).claimed
        if not claimed or claimed[0] != run:
            return False
        node = self.held(claimed[1], run)
        if not node:
            there = self.nodes.get(claimed[1])
            raise Late(there.state if there and there.state != "gone" else "cancelled")
        self.lose(node, now, reason)
        return True
