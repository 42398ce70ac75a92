"""What runs say, and what becomes of those that say nothing more, in plain Python: what each verb answers and changes.

Times are whole microseconds. A worker is a name; of each the answers of its last claim and its last record are remembered, so that a call
whose answer was lost can be repeated (decision 0004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.model.answers import Late, Memory, Nothing, Refused, Said, Taken
from tests.model.claiming import LEASE, Claiming
from tests.model.graph import Node
from tests.model.policy import SECOND


class Working(Claiming):
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
