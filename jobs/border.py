"""What Python knows of RQ's layout; `jobs/lua/rq.lua` knows the rest. Imports nothing of RQ.

Held against RQ's own classes in tests/border.
"""

from __future__ import annotations

import base64
import re
import zlib

QUEUES = "rq:queues"  #: set of the keys of all queues, lanes among them while they hold something


def queue_key(queue: str) -> str:
    return f"rq:queue:{queue}"


def queue_of(key: str) -> str | None:
    """Return the queue of a key in QUEUES: `rq:queue:ingest.short`, or of one of its lanes; None for what is no queue of ours."""
    found = re.match(r"rq:queue:((?:[a-z0-9_]{1,32}\.)?(?:short|long))(?:\.(?:high|normal|low|background)\.|$)", key)
    return found[1] if found else None


def job_key(rq_job: str) -> str:
    return f"rq:job:{rq_job}"


def registry_key(registry: str, queue: str) -> str:
    """Return the key of a registry by the name that RQ's tools have for it."""
    return f"rq:{'wip' if registry == 'started' else registry}:{queue}"


def workers_key(queue: str) -> str:
    """Return the key of the set of workers' own keys that serve a queue; those of killed workers stay in it for a while."""
    return f"rq:workers:{queue}"


def encode_error(text: str) -> str:
    """Return an error as RQ's result streams hold it: base64 of zlib."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def lane(queue: str, priority: str, chained: bool, org: str) -> str:
    """Return the name of the RQ queue in which these tasks wait: `short.normal.fresh.acme`."""
    return f"{queue}.{priority}.{'chained' if chained else 'fresh'}.{org}"


# What jobs.doctor and jobs.fleet read besides.

REGISTRIES = ("deferred", "scheduled", "finished", "failed", "canceled", "wip")
REGISTRY_KEY = re.compile(rf"rq:({'|'.join(REGISTRIES)}):([^:]+)")
LANE_KEY = re.compile(r"rq:queue:([^:]+)\.(high|normal|low|background)\.(?:chained|fresh)\.([a-z0-9_]{1,40})")
#: Keys of one rq_job of ours; RQ's own jobs have other ids.
JOB_KEY = re.compile(r"rq:(?:job|results|executions|execution):([0-9a-f]{16})-.*")
FINISHED_S = 500  #: how long RQ keeps what it knows of a completed task
SUSPENDED = "rq:suspended"  #: there while `rq suspend` holds
WORKERS = "rq:workers"  #: set of the workers' own keys


def worker_key(worker: str) -> str:
    return f"rq:worker:{worker}"


def command_channel(worker: str) -> str:
    """Return where a worker listens for RQ's commands, JSON objects with a `command`."""
    return f"rq:pubsub:{worker}"
