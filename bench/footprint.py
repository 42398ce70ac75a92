"""What Redis holds: bytes in all, bytes by kind of key, and what is left when RQ's entries have expired."""

from __future__ import annotations

import collections
import re
import time
from collections.abc import Iterable
from typing import Any

from bench.processes import wait_for
from jobs import claim
from jobs.border import FINISHED_S
from jobs.store import Store

AT_ONCE = 1000
QUEUES = ("short", "long")
#: What stands for a job, an execution or a result in a key's name.
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}")
TASK = re.compile(r"(?<=<id>)-[a-z](?:-(\d+))?$")

Kinds = collections.Counter[str]


def used(store: Store) -> int:
    return int(store.redis.info("memory")["used_memory"])


def by_kind(store: Store) -> Kinds:
    """Return the bytes of the keys of each kind, by `MEMORY USAGE`."""
    found: Kinds = collections.Counter()
    for keys in some(store.redis.scan_iter(count=AT_ONCE)):
        with store.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.memory_usage(key, samples=0)
            for key, size in zip(keys, pipe.execute(), strict=True):
                found[kind(key.decode())] += size or 0
    return found


def kind(key: str) -> str:
    """Return a key's name with `<id>` for each job's."""
    return TASK.sub(lambda task: "-<task>-<n>" if task[1] else "-<task>", IDS.sub("<id>", key))


def expire(store: Store) -> None:
    """Have it later than RQ keeps what has finished: its entries expire now, and our own cleaning takes them out of the registry."""
    left = []
    for keys in some(store.redis.scan_iter("rq:job:*", count=AT_ONCE)):
        with store.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.ttl(key)
            left += [key for key, ttl in zip(keys, pipe.execute(), strict=True) if 0 <= ttl <= FINISHED_S]
    for keys in some(left):
        with store.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.pexpire(key, 1)
            pipe.execute()
    wait_for(lambda: -there(store, left), 0)
    claim.renew(store, worker="bench:1:cleaner", queues=QUEUES, runs=[], now=time.time() + FINISHED_S + 60)
    if kept := sum(store.redis.zcard(f"rq:finished:{queue}") for queue in QUEUES):
        raise RuntimeError(f"{kept} entries are still among RQ's finished jobs")


def there(store: Store, keys: list[Any]) -> int:
    """Return how many of these keys there are. What has expired Redis drops when it is asked for it, else within seconds."""
    return sum(int(store.redis.exists(*batch)) for batch in some(keys))


def some(keys: Iterable[Any]) -> Iterable[list[Any]]:
    batch: list[Any] = []
    for key in keys:
        batch.append(key)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
