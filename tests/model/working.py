"""What runs say, and what becomes of those that say nothing more, in plain Python: what each verb answers and changes.

Times are whole microseconds. A worker is a name; of each the answers of its last claim and its last record are remembered, so that a call
whose answer was lost can be repeated (decision 0004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.model.answers import Late, Memory, Nothing, Refused, Said, Taken, claim_of, run_at
from tests.model.claiming import LEASE, Claiming
from tests.model.graph import Node
from tests.model.policy import SECOND


class Working(Claiming):
    def record(self, now: int, worker: str, id: str, run: str, said: Said, next_run: str, queues: Sequence[str]) -> tuple[str, bool, Any]:
        """Return the task's state, whether the run came too late, and what was claimed for `next_run` ('' claims nothing)."""
        [(state, late)], following = self.record_some(now, worker, [(id, run, said)], next_run, queues, most=1)
        return state, late, following[0] if isinstance(following, list) else following

    def record_some(
        self, now: int, worker: str, ended: Sequence[tuple[str, str, Said]], next_run: str, queues: Sequence[str], most: int
    ) -> tuple[list[tuple[str, bool]], list[Taken] | Nothing | None]:
        """What became of runs that one claim began; of each the task's state and whether it came too late, and what was claimed."""
        self.begin_call()
        following: list[Taken] | Nothing | None = None
        claimed: tuple[str, tuple[str, ...]] | None = None
        first, took, known = ended[0][1], sum(said.took for *_, said in ended), []
        for n, (id, run, said) in enumerate(ended):
            state = self.settle(now, id, run, said, len(ended), took)
            memory = self.memory.get(worker, Memory())
            if n == 0 and state is None and memory.recorded and memory.repeats(first, len(ended)):  # the same call
                known = memory.recorded[1]
                following = (self.again(worker, next_run) or None) if next_run else None
                claimed = memory.claimed if following else None
                break
            node = self.nodes.get(id)
            known.append((state, False) if state else (node.state if node and node.state != "gone" else "cancelled", True))
        if next_run and following is None:
            following = self.take(now, worker, next_run, queues, most)
        if isinstance(following, list):
            claimed = claimed or (next_run, tuple(one.node for one in following))
        self.memory[worker] = Memory(claimed, (first, known))
        return known, following

    def settle(self, now: int, id: str, run: str, said: Said, count: int, took: int) -> str | None:
        """Commit an outcome; None when the run does not hold the task. Of several runs that took so long in all each is charged what it
        took, and of the time for which they were held besides an equal part."""
        node = self.held(id, run)
        if not node:
            return None
        if node.fenced:
            self.cancel_node(node, now)
            return None
        held = now - node.began
        whole = max(min(math.floor(said.took + (held - took) / count), held), 0) if count > 1 else None
        if said.kind == "back":
            self.give_back(node, now, said.delay_us, whole)
            return node.state
        self.end_run(node, now, whole=whole)
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

    def give_back(self, node: Node, now: int, delay_us: float, whole: int | None = None) -> None:
        self.end_run(node, now, whole=whole, back=True)
        node.charged -= 1
        if delay_us > 0:
            self.delay(node, int(now + delay_us))
        else:
            self.make_ready(node, now, front=True)

    def give_back_others(
        self, now: int, claimed: tuple[str, tuple[str, ...]], but: str, then_but: Callable[[str], None] = lambda id: None
    ) -> None:
        """What a claim took, except for one run: what is still held goes back, the last first; nobody worked at it."""
        claim, ids = claimed
        for n, id in reversed(list(enumerate(ids))):
            run = run_at(claim, n)
            node = self.held(id, run)
            if run == but:
                then_but(id)
            elif node and node.fenced:
                self.cancel_node(node, now)
            elif node:
                self.give_back(node, now, 0, whole=0)

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

    def renew(self, now: int, worker: str, queues: Sequence[str], runs: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
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
        claimed = self.memory.get(worker, Memory()).claimed
        if runs and claimed and len(claimed[1]) > 1 and claim_of(runs[0][1]) == claimed[0]:
            self.give_back_others(now, claimed, runs[0][1])  # they would wait for one that lasts
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
        if memory.recorded and memory.recorded[0] == run and not memory.recorded[1][0][1]:
            return memory.recorded[1][0][0]
        claimed = memory.claimed if memory.claimed and memory.claimed[0] == claim_of(run) else None
        several = claimed is not None and len(claimed[1]) > 1
        if not id:
            if not claimed:
                return ""
            if several:
                self.give_back_others(now, claimed, "")
                self.memory[worker] = Memory(None, (run, [("ready", False)]))
                return "ready"
            id = claimed[1][0]
        node = self.held(id, run)
        if node and node.fenced:
            self.cancel_node(node, now)
        node = self.running(id, run)
        self.give_back(node, now, delay_us)
        self.memory[worker] = Memory(claimed if several else None, (run, [(node.state, False)]))
        return node.state

    # -- what was lost

    def lost(self, now: int, worker: str, run: str, reason: str) -> bool:
        """The worker died: take back what `run` held, if anything."""
        self.begin_call()
        claimed = self.memory.get(worker, Memory()).claimed
        if not claimed or claimed[0] != claim_of(run):
            return False
        late: list[Late] = []

        def lose(id: str) -> None:
            if node := self.held(id, run):
                self.lose(node, now, reason)
            else:
                there = self.nodes.get(id)
                late.append(Late(there.state if there and there.state != "gone" else "cancelled"))

        self.give_back_others(now, claimed, run, lose)
        if late:
            raise late[0]
        return True
