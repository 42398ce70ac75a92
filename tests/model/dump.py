"""What is in Redis, as plain values under the names of the model's picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jobs.store import Store
from tests.model.policy import PRIORITIES, SECOND, TENTH

Picture = dict[str, Any]
LETTERS = {priority[0]: priority for priority in PRIORITIES}
REGISTRIES = ("deferred", "scheduled", "finished", "failed", "canceled", "wip")


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
    clocks = {queue: redis_clock(clock) for queue, clock in dump.under(p, "clock").items()}
    return {
        "jobs": {id: redis_job(dump, id) for id in ids},
        "tasks": {node: told for id in ids for node, told in redis_nodes(dump, id)},
        "listed": dump.get("jobs"),
        "statuses": {id: status for status, jobs in dump.under(p, "status").items() for id in jobs},
        "lanes": {lane: ids for lane, ids in dump.under("rq", "queue").items() if "." in lane},
        "places": {" ".join(key.split(":")): orgs for key, orgs in dump.under(p, "ready").items()},
        "turns": {" ".join(key.split(":")): orgs for key, orgs in dump.under(p, "turns").items()},
        "parked": dump.under(p, "parked"),
        "held": dump.under(p, "held"),
        "most_running": {
            org: (int(own["max_running"]), int(own["running"])) for org, own in dump.under(p, "orgs").items() if "max_running" in own
        },
        "shares": dict(redis_shares(dump)),
        "clocks": {queue: clock for queue, clock in clocks.items() if clock != redis_clock({})},
        "waiting": {
            queue: waiting
            for queue, clock in dump.under(p, "clock").items()
            if any(waiting := tuple(int(clock.get(f"w{letter}", 0)) for letter in LETTERS))
        },
        "leases": dump.get("leases"),
        "delayed": dump.get("delayed"),
        "sweeps": dump.get("sweeps"),
        "paused": dump.get("pauses") or set(),
        "rq": {id: (told["status"], told["origin"]) for id, told in dump.under("rq", "job").items()},
        "registries": {f"{name}:{queue}": set(ids) for name in REGISTRIES for queue, ids in dump.under("rq", name).items()},
    }


def redis_clock(clock: dict[str, str]) -> tuple[int, int, int, int, int, str, int]:
    v, furthest, running, claims = (int(clock.get(name, 0)) for name in "vfnt")
    last_turn = PRIORITIES[int(clock["l"]) - 1] if "l" in clock else ""
    return v, furthest, int(clock.get("m", SECOND)), running, claims, last_turn, int(clock.get("d", TENTH - 1))


def redis_shares(dump: Dump) -> Iterator[tuple[str, tuple[int, int, set[str], bool]]]:
    for key, share in dump.under(dump.prefix, "fair").items():
        queue, org = key.split(":")
        v, running, waits = int(share["v"]), int(share["n"]), {LETTERS[letter] for letter in share["p"]}
        if running or waits or v or "k" in share:
            yield f"{queue} {org}", (v, running, waits, share.get("k") == "1")


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
        "error": outputs.get(f"{field}:x", ""),
        "ended": int(told["e"]) if "e" in told else None,
        "output": json.loads(outputs[field]) if field in outputs else None,
    }
