"""Hold everything in Redis against what must always be true of it: what a test calls after each step."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from jobs.keys import KEYS
from jobs.states import RQ_STATUS, TaskState
from jobs.store import Store

REGISTRY = {"deferred": "deferred", "scheduled": "scheduled", "finished": "finished", "failed": "failed", "canceled": "canceled"}
UNFINISHED = {"new", "pending", "ready", "delayed", "running", "joining"}
LETTER = {"high": "h", "normal": "n", "low": "l", "background": "b"}


@dataclass
class Node:
    job: str
    task: str
    n: str | None
    queue: str
    state: str
    fields: dict[str, str]
    lane: tuple[str, str, bool, str]  #: queue, priority, chained, org
    type: str

    @property
    def id(self) -> str:
        return f"{self.job}-{self.task}" + (f"-{self.n}" if self.n is not None else "")


@dataclass
class Audit:
    store: Store
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def hash(self, key: str) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.store.redis.hgetall(key).items()}

    def zset(self, key: str) -> dict[str, float]:
        return {member.decode(): score for member, score in self.store.redis.zrange(key, 0, -1, withscores=True)}

    def run(self) -> list[str]:
        """Return what is wrong, a sentence each; an empty list is a sound Redis."""
        jobs = self.zset(self.store.keys.jobs())
        unswept = self.zset(self.store.keys.sweeps())
        nodes: list[Node] = []
        for job in jobs:
            nodes += self.job(job, swept=job not in unswept)
        self.queues(nodes)
        self.registries(nodes)
        self.leases(nodes)
        self.keys(jobs)
        return self.faults

    def job(self, job: str, *, swept: bool) -> list[Node]:
        keys = self.store.keys
        own, lines, state = self.hash(keys.job(job)), self.hash(keys.tasks(job)), self.hash(keys.state(job))
        names = own["order"].split(",")
        status = own["status"]
        indexed = [
            s
            for s in ("pending", "running", "completed", "failed", "cancelled")
            if self.store.redis.zscore(keys.status(s), job) is not None
        ]
        self.expect(indexed == [status], f"{job} is {status} but listed as {indexed}")
        left = [name for name in names if state[name] not in ("completed", "skipped")]
        self.expect(int(own["left"]) == len(left), f"{job} has {len(left)} tasks left, not {own['left']}")
        self.expect((status == "completed") == (not left), f"{job} is {status} with {left} left")
        failed = [name for name in names if state[name] == "failed"]
        self.expect((status == "failed") == bool(failed), f"{job} is {status} with failed {failed}")
        nodes = []
        for name in names:
            line = lines[name].split(" ")
            nodes.append(self.node(own, job, name, None, line, state, state))
            needs = line[6].split(",") if line[6] != "-" else []
            unmet = sum(state[need] not in ("completed", "skipped") for need in needs)
            if state[name] in ("pending", "ready", "running", "delayed", "joining"):
                self.expect(int(state.get(f"{name}:w", 0)) == unmet, f"{job}.{name} waits for {state.get(f'{name}:w')}, {unmet} are unmet")
                self.expect(
                    (state[name] == "pending") == (unmet > 0) or not swept, f"{job}.{name} is {state[name]} with {unmet} unmet needs"
                )
            children = self.children(own, job, name, state, swept=swept)
            nodes += children
            if swept and state[name] == "joining":
                self.expect(any(c.state in UNFINISHED for c in children), f"{job}.{name} joins nothing")
                self.expect(not any(c.state == "cancelled" for c in children), f"{job}.{name} joins cancelled children")
            elif swept:
                self.expect(not any(c.state in UNFINISHED for c in children), f"{job}.{name} is {state[name]} with unfinished children")
        if swept and status not in ("pending", "running"):
            self.expect(not any(node.state in UNFINISHED for node in nodes), f"{job} is {status} with unfinished tasks")
        if swept and status in ("pending", "running"):
            self.expect(not any(state[name] == "cancelled" for name in names), f"{job} is {status} with cancelled tasks")
        return nodes

    def children(self, own: dict[str, str], job: str, name: str, state: dict[str, str], *, swept: bool) -> list[Node]:
        total = int(state.get(f"{name}:ct", 0))
        if not total:
            return []
        line = self.hash(self.store.keys.build("child_tasks", job, name))["*"].split(" ")
        theirs = self.hash(self.store.keys.build("child_state", job, name))
        nodes = [self.node(own, job, name, str(n), line, theirs, state) for n in range(total) if str(n) in theirs]
        count = Counter(node.state for node in nodes)
        self.expect(int(state.get(f"{name}:cc", 0)) == count["completed"], f"{job}.{name} counts {state.get(f'{name}:cc')} of {count}")
        waiting = len(state.get(f"{name}:rv", "").split(",")) if state.get(f"{name}:rv") else 0
        self.expect(not (waiting and swept), f"{job}.{name} has {waiting} children to revive and nobody is to do it")
        self.expect(
            int(state.get(f"{name}:cf", 0)) == count["failed"] - waiting, f"{job}.{name} counts {state.get(f'{name}:cf')} failed of {count}"
        )
        return nodes

    def node(
        self, own: dict[str, str], job: str, name: str, n: str | None, line: list[str], state: dict[str, str], parents: dict[str, str]
    ) -> Node:
        at = n if n is not None else name
        fields = {key.partition(":")[2]: value for key, value in state.items() if key.partition(":")[0] == at and ":" in key}
        lane = (line[1], own["priority"], parents.get(f"{name}:c") == "1", own["org"])
        node = Node(job, name, n, line[1], state[at], fields, lane, own["type"])
        charged, granted = int(fields.get("n", 0)), int(fields.get("g", line[3]))
        self.expect(0 <= charged <= granted, f"{node.id} was charged {charged} of {granted} attempts")
        return node

    def queues(self, nodes: list[Node]) -> None:
        redis, keys = self.store.redis, self.store.keys
        lanes = {key.decode()[len("rq:queue:") :]: redis.lrange(key, 0, -1) for key in redis.scan_iter("rq:queue:*.*.*")}
        listed = {member.decode()[len("rq:queue:") :] for member in redis.smembers("rq:queues")}
        self.expect({name for name in listed if name.count(".") > 1} == set(lanes), f"rq:queues lists {listed}, lanes are {set(lanes)}")
        waiting: dict[tuple[str, str], set[str]] = defaultdict(set)
        for lane in lanes:
            queue, priority, _, org = lane.rsplit(".", 3)
            waiting[queue, priority].add(org)
        for node in nodes:
            queue, priority, chained, org = node.lane
            name = f"{queue}.{priority}.{'chained' if chained else 'fresh'}.{org}"
            if node.state == "ready":
                kind = node.type
                held = redis.lrange(keys.build("held", kind), 0, -1)
                self.expect(node.id.encode() in lanes.get(name, []) or node.id.encode() in held, f"{node.id} is ready but not in {name}")
                if node.id.encode() in lanes.get(name, []):
                    fair = self.hash(keys.build("fair", queue, org))
                    lane = lanes[name]
                    tail = int(fair.get(f"t{LETTER[priority]}{'c' if chained else 'f'}", 0))
                    index = len(lane) - tail + int(node.fields["q"]) - 1
                    self.expect(
                        0 <= index < len(lane) and lane[index] == node.id.encode(),
                        f"{node.id} is told to stand at {index} of {lane}",
                    )
        parked = {
            (queue.decode(), key.decode().rpartition(":")[2])
            for key in redis.scan_iter(f"{keys.prefix}:parked:*")
            for queue in redis.smembers(key)
        }
        for order in ("ready", "turns"):
            for key in redis.scan_iter(f"{keys.prefix}:{order}:*"):
                queue, priority = key.decode().split(":")[2:]
                wanted = {org for org in waiting.get((queue, priority), set()) if (queue, org) not in parked}
                self.expect(set(self.zset(key.decode())) == wanted, f"{key} holds {self.zset(key.decode())}, not {wanted}")
            for (queue, priority), orgs in waiting.items():
                wanted = {org for org in orgs if (queue, org) not in parked}
                there = set(self.zset(keys.build(order, queue, priority)))
                self.expect(there == wanted, f"{queue} {priority}: {wanted} wait, {order} holds {there}")
        for queue in {node.queue for node in nodes}:
            clock = self.hash(keys.build("clock", queue))
            for priority, letter in LETTER.items():
                count = sum(
                    len(ids)
                    for lane, ids in lanes.items()
                    if lane.startswith(f"{queue}.{priority}.") and lane.count(".") == queue.count(".") + 3
                )
                self.expect(int(clock.get(f"w{letter}", 0)) == count, f"{queue} {priority} holds {count}, its clock says {clock}")
        running = Counter((node.queue, node.lane[3]) for node in nodes if node.state == "running")
        for queue in {node.queue for node in nodes}:
            clock = self.hash(keys.build("clock", queue))
            total = sum(count for (where, _), count in running.items() if where == queue)
            self.expect(int(clock.get("n", 0)) == total, f"{queue} runs {total}, its clock says {clock.get('n')}")
        for queue, org in {(node.queue, node.lane[3]) for node in nodes}:
            fair = self.hash(keys.build("fair", queue, org))
            self.expect(int(fair.get("n", 0)) == running[queue, org], f"{org} runs {running[queue, org]} in {queue}, fair says {fair}")
            self.expect((fair.get("k") == "1") == ((queue, org) in parked), f"{org} is parked in {queue}: {fair}, {parked}")
            own = self.hash(keys.org(org))
            if "max_running" in own:
                total = sum(count for (_, whose), count in running.items() if whose == org)
                self.expect(int(own["running"]) == total, f"{org} runs {total}, its limit counts {own}")
            letters = {LETTER[priority] for (where, priority), orgs in waiting.items() if where == queue and org in orgs}
            self.expect(set(fair.get("p", "")) == letters, f"{org} waits in {letters} of {queue}, fair says {fair}")

    def registries(self, nodes: list[Node]) -> None:
        redis = self.store.redis
        members: dict[str, dict[str, set[str]]] = {
            name: defaultdict(set) for name in ("deferred", "scheduled", "finished", "failed", "canceled", "wip")
        }
        for name, by_queue in members.items():
            for key in redis.scan_iter(f"rq:{name}:*"):
                by_queue[key.decode().split(":")[2]] = set(self.zset(key.decode()))
        for node in nodes:
            told = self.hash(f"rq:job:{node.id}")
            want = RQ_STATUS[TaskState(node.state)]
            shown = node.state != "running" or "v" in node.fields
            if node.state == "completed" and not told:
                continue  # RQ's finished jobs expire
            self.expect(not shown or told.get("status") == want, f"{node.id} is {node.state}, RQ says {told.get('status')}")
            self.expect(told.get("origin") == node.queue, f"{node.id} is of {node.queue}, RQ says {told.get('origin')}")
            for name, by_queue in members.items():
                if name == "wip":
                    inside = f"{node.id}:{node.fields.get('r')}" in by_queue[node.queue]
                    self.expect(inside == (node.state == "running" and "v" in node.fields), f"{node.id} is {node.state}, in wip {inside}")
                else:
                    inside = node.id in by_queue[node.queue]
                    self.expect(inside == (want == name), f"{node.id} is {node.state}, in RQ's {name} registry {inside}")
        known = {node.id for node in nodes}
        for name, by_queue in members.items():
            for found in by_queue.values():
                strangers = {member.partition(":")[0] for member in found} - known
                self.expect(not strangers, f"RQ's {name} registry holds {strangers}, which are no tasks")

    def leases(self, nodes: list[Node]) -> None:
        held = {f"{node.id}:{node.fields['r']}" for node in nodes if node.state == "running"}
        leases = set(self.zset(self.store.keys.leases()))
        self.expect(leases == held, f"leases {leases - held} hold nothing, {held - leases} have none")
        delayed = {node.id for node in nodes if node.state == "delayed"}
        self.expect(
            set(self.zset(self.store.keys.delayed())) == delayed, f"delayed holds {self.zset(self.store.keys.delayed())}, not {delayed}"
        )

    def keys(self, jobs: dict[str, float]) -> None:
        """Every key is described, and has an expiry or an owner that is there to delete it."""
        prefix = self.store.keys.prefix
        shapes = [
            (
                re.compile(
                    rf"{prefix}:"
                    + re.sub(r"\\{\w+\\}", "(.+)" if key.template.startswith("worker:") else "([^:]+)", re.escape(key.template))
                ),
                key,
            )
            for key in KEYS.values()
        ]
        for raw in self.store.redis.scan_iter("*"):
            name = raw.decode()
            if not name.startswith("rq:"):
                fits = [key for shape, key in shapes if shape.fullmatch(name)]
                self.expect(bool(fits), f"{name} is not described in jobs/keys.py")
                if fits and "expiry" in fits[0].life and "until" not in fits[0].life and "idle" not in fits[0].life:
                    self.expect(self.store.redis.ttl(name) > 0, f"{name} has no expiry")
            owner = re.match(rf"(?:{prefix}:jobs:|rq:(?:job|results|executions|execution):)([0-9a-f]{{16}})", name)
            if owner:
                self.expect(owner.group(1) in jobs or self.store.redis.ttl(name) > 0, f"{name} outlived its job")


def audit(store: Store) -> list[str]:
    return Audit(store).run()
