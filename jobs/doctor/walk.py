"""Go through everything once, page by page, and note what deserves a second look. Changes nothing.

What is read in one call is true together; what is read in several may have changed in between, so that nothing here is a
fault yet. Keeps about 200 bytes a task.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from jobs import border
from jobs.doctor import of_jobs, of_keys, of_shares, of_tasks, read
from jobs.doctor.fault import Subject
from jobs.states import Priority, TaskState
from jobs.store import Store

KEYS_A_CALL = 500
MEMBERS_A_CALL = 500
OURS = re.compile(r"[0-9a-f]{16}-.*")


class Walk:
    def __init__(self, store: Store, now: float | None = None) -> None:
        self.store = store
        self.now = now  #: None is by Redis's own clock
        self.shapes = of_keys.Shapes(store.keys.prefix)
        self.suspects: dict[Subject, None] = {}
        self.looked: Counter[str] = Counter()
        self.orgs: dict[str, list[str]] = {}  #: by queue
        self.unleased: list[str] = []  #: tasks that run without a lease
        self._jobs: dict[str, tuple[str, str]] = {}  #: user and organisation
        self._queues: dict[str, str] = {}  #: by task
        self._held: set[str] = set()  #: ready tasks of paused types
        self._expected: dict[str, set[str]] = {"leases": set(), "delayed": set()}
        self._shares: set[tuple[str, str]] = set()
        self._clocks: set[str] = set()  #: queues
        self._types: set[str] = set()  #: job types of which tasks are held
        self._sets: list[tuple[str, str]] = []  #: key and name (as drop.lua takes it) of each set of ids

    def everything(self) -> None:
        self._jobs = dict.fromkeys(self._members(self.store.keys.jobs()), ("", ""))
        self._read_keys()
        self._read_held()
        self._read_jobs()
        self._read_sets()
        self._read_shares()
        self._read_depths()
        for pause in self.store.redis.sscan_iter(self.store.keys.build("pauses"), count=MEMBERS_A_CALL):
            self._suspect("pause", pause.decode())

    def _suspect(self, kind: str, *names: str) -> None:
        self.suspects[Subject(kind, names)] = None

    def _members(self, key: str) -> Iterator[str]:
        for member, _ in self.store.redis.zscan_iter(key, count=MEMBERS_A_CALL):
            yield member.decode()

    def _read_keys(self) -> None:
        keys, known = self.store.keys, set(self._jobs)
        self._sets = [(keys.leases(), "leases"), (keys.delayed(), "delayed"), (keys.jobs(), "jobs")]
        for some in read.batches(self.store.redis.scan_iter(count=KEYS_A_CALL), KEYS_A_CALL):
            names = [key.decode(errors="replace") for key in some]
            self.looked["keys"] += len(names)
            self.suspects.update(dict.fromkeys(of_keys.suspects(self.store, self.shapes, names, known)))
            for name in names:
                self._note(name)
        for listed in self.store.redis.sscan_iter(border.QUEUES, count=MEMBERS_A_CALL):
            self._note(listed.decode())

    def _note(self, key: str) -> None:
        """Remember which organisations, queues and sets of ids a key tells of."""
        if lane := border.LANE_KEY.fullmatch(key):
            self._shares.add((lane[1], lane[3]))
        elif registry := border.REGISTRY_KEY.fullmatch(key):
            self._sets.append((key, f"registry {registry[1]} {registry[2]}"))
        elif not key.startswith("rq:"):
            name, parts = self.shapes.read(key)
            if name == "fair":
                self._shares.add((parts[0], parts[1]))
            elif name in ("ready", "turns"):
                self._shares.update((parts[0], org) for org in self._members(key))
            elif name == "parked":
                self._shares.update((queue.decode(), parts[0]) for queue in self.store.redis.smembers(key))
            elif name == "clock":
                self._clocks.add(parts[0])
            elif name == "plain":
                self._suspect("plain", parts[0])
            elif name == "held":
                self._types.add(parts[0])
            elif name in ("user_jobs", "org_jobs", "status"):
                self._sets.append((key, f"{name.removesuffix('_jobs')} {parts[0]}"))

    def _read_held(self) -> None:
        for kind in self._types:
            self._suspect("held", kind)
            key, at = self.store.keys.build("held", kind), 0
            while some := self.store.redis.lrange(key, at, at + MEMBERS_A_CALL - 1):
                self._held.update(task.decode() for task in some)
                at += MEMBERS_A_CALL

    def _read_jobs(self) -> None:
        waiting: list[str] = []
        for job in read.jobs(self.store, list(self._jobs)):
            self.looked["jobs"] += 1
            self._jobs[job.id] = (job.user, job.org)
            faults = list(of_jobs.faults(job))
            if faults:
                self._suspect("job", job.id)
            if job.status in ("", "deleted"):
                self._suspect("member", "jobs", job.id)
            elif not any(fault.rule == "job-readable" for fault in faults):
                waiting += job.nodes()
            if len(waiting) >= read.TASKS_A_CALL:
                self._read_tasks(waiting)
                waiting = []
        self._read_tasks(waiting)

    def _read_tasks(self, ids: list[str]) -> None:
        for task in read.tasks(self.store, ids, self.now):
            self.looked["tasks"] += 1
            if any(of_tasks.faults(task, retention_s=self.store.settings.retention_days * 86_400)):
                self._suspect("task", task.id)
            if not task.state:
                continue
            self._queues[task.id] = task.queue
            self._shares.add((task.queue, task.org))
            if task.state == TaskState.READY:
                if task.stands == "-" and task.id not in self._held:
                    self._suspect("task", task.id)
            elif task.state == TaskState.DELAYED:
                self._expected["delayed"].add(task.id)
            elif task.state == TaskState.RUNNING:
                self._expected["leases"].add(f"{task.id}:{task.run}")
                if not task.leased:
                    self.unleased.append(task.id)

    def _read_sets(self) -> None:
        for key, name in self._sets:
            kind, _, about = name.partition(" ")
            for member in self._members(key):
                self.looked["members"] += 1
                if not self._belongs(kind, about, member):
                    self._suspect("member", name, member)

    def _belongs(self, kind: str, about: str, member: str) -> bool:
        match kind:
            case "leases" | "delayed":
                return member in self._expected[kind]
            case "registry":
                task = member.partition(":")[0]
                if not OURS.fullmatch(task) and task.partition("-")[0] not in self._jobs:
                    return True  # a plain job of RQ's
                return self._queues.get(task) == about.partition(" ")[2]
            case "user":
                return self._jobs.get(member, ("", ""))[0] == about
            case "org":
                return self._jobs.get(member, ("", ""))[1] == about
            case _:
                return member in self._jobs

    def _read_shares(self) -> None:
        for share in read.shares(self.store, sorted(self._shares), self.unleased):
            self.looked["shares"] += 1
            if any(of_shares.faults(share)):
                self._suspect("share", share.queue, share.org)

    def _read_depths(self) -> None:
        for queue in sorted(self._clocks | {queue for queue, _ in self._shares}):
            self.orgs[queue] = sorted(org for of, org in self._shares if of == queue)
            for priority in Priority:
                found, told = read.depth(self.store, queue, priority, self.orgs[queue])
                if found != told:
                    self._suspect("depth", queue, priority)
