"""The same picture twice: what the model says, and what is in Redis. Plain values under the same names, so that they can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jobs.store import Store
from tests.model.graph import Job, Node
from tests.model.policy import PRIORITIES, Clock
from tests.model.verbs import Model

Picture = dict[str, Any]
LETTERS = {priority[0]: priority for priority in PRIORITIES}
REGISTRIES = ("deferred", "scheduled", "finished", "failed", "canceled", "wip")


def picture_of_model(model: Model) -> Picture:
    policy = model.policy
    shown = [job for job in model.jobs.values() if job.status != "deleted"]
    return {
        "jobs": {job.id: model_job(job) for job in model.jobs.values()},
        "tasks": {node.id: model_node(node) for job in model.jobs.values() for node in job.nodes()},
        "listed": {job.id: job.created for job in shown},
        "statuses": {job.id: job.status for job in shown},
        "lanes": {str(lane): list(ids) for lane, ids in policy.lanes.items()},
        "places": {f"{queue} {priority}": orgs for (queue, priority), orgs in policy.places.items() if orgs},
        "shares": {
            f"{queue} {org}": (share.v, share.running, share.waits)
            for (queue, org), share in policy.shares.items()
            if share.running or share.waits or share.v > policy.clock(queue).v  # else there is nothing to remember
        },
        "clocks": {
            queue: (clock.v, clock.furthest, clock.mean, clock.running) for queue, clock in policy.clocks.items() if clock != Clock()
        },
        "leases": model.leases,
        "delayed": model.delayed,
        "sweeps": model.sweeps,
        "paused": model.paused,
        "rq": {node.id: (node.rq_status, node.queue) for job in model.jobs.values() for node in job.nodes() if node.rq_status},
        "registries": dict(model_registries(model)),
    }


def model_job(job: Job) -> Picture:
    if job.status == "deleted":
        return {"status": "deleted"}
    return {
        "status": job.status,
        "cause": job.cause,
        "left": job.left,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "late": job.late,
        "split": [task.task for task in job.split],
    }


def model_node(node: Node) -> Picture:
    if node.job.status == "deleted":
        return {"state": node.state}
    told = {
        "state": node.state,
        "chained": node.chained,
        "unmet": node.unmet,
        "charged": node.charged,
        "allowance": node.allowance,
        "held": (node.run, node.worker, node.began, node.charged_until) if node.state == "running" else None,
        "progress": node.progress,
        "message": node.message,
        "error": node.error,
        "ended": node.ended,
        "output": node.output,
    }
    if node.n is not None:
        return {**told, "items": node.items}
    count = (len(node.children), node.completed_children, len(node.failed_children), node.allowed_failures if node.children else 0)
    return {**told, "cause": node.cause, "children": count, "to_revive": sorted(node.to_revive)}


def model_registries(model: Model) -> Iterator[tuple[str, set[str]]]:
    found: dict[str, set[str]] = {f"{name}:{queue}": set(ids) for (name, queue), ids in model.listed.items()}
    for node in model.nodes.values():
        if node.rq_status in ("deferred", "scheduled"):
            found.setdefault(f"{node.rq_status}:{node.queue}", set()).add(node.id)
        elif node.rq_status == "started":
            found.setdefault(f"wip:{node.queue}", set()).add(f"{node.id}:{node.run}")
    yield from ((name, ids) for name, ids in found.items() if ids)


# -- Redis


class Dump:
    """All keys of a Redis with their values, read in two round trips."""

    def __init__(self, store: Store) -> None:
        redis = store.redis
        self.prefix = store.keys.prefix
        names = sorted(key.decode() for key in redis.keys("*"))
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.type(name)
                pipe.ttl(name)
            told = pipe.execute()
            for name, kind in zip(names, told[::2], strict=True):
                match kind:
                    case b"hash":
                        pipe.hgetall(name)
                    case b"zset":
                        pipe.zrange(name, 0, -1, withscores=True)
                    case b"list":
                        pipe.lrange(name, 0, -1)
                    case b"set":
                        pipe.smembers(name)
                    case b"string":
                        pipe.get(name)
                    case _:
                        pipe.xlen(name)
            values = pipe.execute()
        self.keys = {name: plain(value) for name, value in zip(names, values, strict=True)}
        self.expires = {name for name, ttl in zip(names, told[1::2], strict=True) if ttl >= 0}

    def get(self, *parts: str) -> Any:
        return self.keys.get(":".join((self.prefix, *parts)), {})

    def under(self, *parts: str) -> dict[str, Any]:
        start = ":".join((*parts, ""))
        return {name.removeprefix(start): value for name, value in self.keys.items() if name.startswith(start)}


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {name.decode(): each.decode() for name, each in value.items()}
    if isinstance(value, set):
        return {each.decode() for each in value}
    if isinstance(value, list) and value and isinstance(value[0], (tuple, list)):
        return {member.decode(): int(score) if score < 2**63 else score for member, score in value}
    if isinstance(value, list):
        return [each.decode() for each in value]
    return value


def picture_of_redis(dump: Dump) -> Picture:
    p = dump.prefix
    ids = sorted({name.split(":")[0] for name in dump.under(p, "jobs")})
    clocks = {
        queue: tuple(int(clock.get(f, d)) for f, d in zip("vfmn", ("0", "0", "1000000", "0"), strict=True))
        for queue, clock in dump.under(p, "clock").items()
    }
    return {
        "jobs": {id: redis_job(dump, id) for id in ids},
        "tasks": {node: told for id in ids for node, told in redis_nodes(dump, id)},
        "listed": dump.get("jobs"),
        "statuses": {id: status for status, jobs in dump.under(p, "status").items() for id in jobs},
        "lanes": {lane: ids for lane, ids in dump.under("rq", "queue").items() if "." in lane},
        "places": {" ".join(key.split(":")): orgs for key, orgs in dump.under(p, "ready").items()},
        "shares": dict(redis_shares(dump, clocks)),
        "clocks": clocks,
        "leases": dump.get("leases"),
        "delayed": dump.get("delayed"),
        "sweeps": dump.get("sweeps"),
        "paused": dump.get("pauses") or set(),
        "rq": {id: (told["status"], told["origin"]) for id, told in dump.under("rq", "job").items()},
        "registries": {f"{name}:{queue}": set(ids) for name in REGISTRIES for queue, ids in dump.under("rq", name).items()},
    }


def redis_shares(dump: Dump, clocks: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, tuple[int, int, set[str]]]]:
    for key, share in dump.under(dump.prefix, "fair").items():
        queue, org = key.split(":")
        v, running, waits = int(share["v"]), int(share["n"]), {LETTERS[letter] for letter in share["p"]}
        if running or waits or v > clocks.get(queue, (0,))[0]:
            yield f"{queue} {org}", (v, running, waits)


def redis_job(dump: Dump, id: str) -> Picture:
    own = dump.get("jobs", id)
    if own["status"] == "deleted":
        return {"status": "deleted"}
    return {
        "status": own["status"],
        "cause": own.get("cause", ""),
        "left": int(own["left"]),
        "created": int(own["created"]),
        "started": int(own["started"]) if "started" in own else None,
        "ended": int(own["ended"]) if "ended" in own else None,
        "late": own.get("late") == "1",
        "split": own["kids"].split(",") if "kids" in own else [],
    }


def redis_nodes(dump: Dump, id: str) -> Iterator[tuple[str, Picture]]:
    own, lines, state = dump.get("jobs", id), dump.get("jobs", id, "tasks"), dump.get("jobs", id, "state")
    outputs = dump.get("jobs", id, "outputs")
    for name in own["order"].split(","):
        told = redis_node(own, name, state, lines[name], outputs)
        total = int(state.get(f"{name}:ct", 0))
        if own["status"] != "deleted":
            failed = state[f"{name}:fl"].split(",") if f"{name}:fl" in state else []
            counts = (total, *(int(state.get(f"{name}:{letters}", 0)) for letters in ("cc", "cf", "ca")))
            told |= {"cause": state.get(f"{name}:z", ""), "children": counts}
            told["to_revive"] = sorted(int(n) for n in state[f"{name}:rv"].split(",")) if f"{name}:rv" in state else []
            assert len(failed) == counts[2], f"{id}-{name} counts {counts[2]} failed children of {failed}"
        yield f"{id}-{name}", told
        theirs, outs = dump.get("jobs", id, "state", name), dump.get("jobs", id, "outputs", name)
        for n in map(str, range(total)):
            told = redis_node(own, n, {n: "new", **theirs}, dump.get("jobs", id, "tasks", name)["*"], outs)
            if own["status"] != "deleted":
                told["items"] = [json.loads(item) for item in dump.get("jobs", id, "children", name, n) or []]
            yield f"{id}-{name}-{n}", told
        if total and own["status"] != "deleted":
            summed = sum(float(theirs.get(f"{n}:p", 0)) for n in range(total))
            assert abs(summed - float(state.get(f"{name}:cp", 0))) < 1e-6, f"{id}-{name} sums its children's progress wrong"


def redis_node(own: dict[str, str], field: str, state: dict[str, str], line: str, outputs: dict[str, str]) -> Picture:
    if own["status"] == "deleted":
        return {"state": state[field]}
    told = {name.partition(":")[2]: value for name, value in state.items() if name.startswith(f"{field}:")}
    held = (told.get("r"), told.get("k"), int(told.get("b", 0)), int(told["v"]) if "v" in told else None)
    return {
        "state": state[field],
        "chained": told.get("c") == "1",
        "unmet": int(told.get("w", 0)),
        "charged": int(told.get("n", 0)),
        "allowance": int(told.get("g", line.split(" ")[3])),
        "held": held if state[field] == "running" else None,
        "progress": float(told.get("p", 0)),
        "message": told.get("m", ""),
        "error": told.get("x", ""),
        "ended": int(told["e"]) if "e" in told else None,
        "output": json.loads(outputs[field]) if field in outputs else None,
    }


def differences(expected: Picture, found: Picture) -> list[str]:
    """Say where they differ, a line each; an empty list is equality."""
    lines = []
    for part in expected:
        if expected[part] == found[part]:
            continue
        if not isinstance(expected[part], dict):
            lines.append(f"{part}: the model says {expected[part]}, Redis {found[part]}")
            continue
        for key in sorted({*expected[part], *found[part]}):
            one, other = expected[part].get(key), found[part].get(key)
            if one != other and isinstance(one, dict) and isinstance(other, dict):
                one, other = (
                    {name: value for name, value in side.items() if side[name] != against.get(name)}
                    for side, against in ((one, other), (other, one))
                )
            if one != other:
                lines.append(f"{part} {key}: the model says {one}, Redis {other}")
    return lines
