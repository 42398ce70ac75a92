"""What Python knows of RQ's layout; `jobs/lua/rq.lua` knows the rest. Imports nothing of RQ.

Held against RQ's own classes in tests/border.
"""

from __future__ import annotations

import base64
import re
import zlib

QUEUES = "rq:queues"  #: the set of the queues, lanes included, that RQ's tools list
REGISTRIES = ("deferred", "scheduled", "finished", "failed", "canceled", "wip")
REGISTRY_KEY = re.compile(rf"rq:({'|'.join(REGISTRIES)}):([^:]+)")
LANE_KEY = re.compile(r"rq:queue:([^:]+)\.(high|normal|low|background)\.(?:chained|fresh)\.([a-z0-9_]{1,40})")
#: Keys of one rq_job; RQ's own jobs have other ids.
JOB_KEY = re.compile(r"rq:(?:job|results|executions|execution):([0-9a-f]{16})-.*")
FINISHED_S = 500  #: how long RQ keeps what it knows of a completed task


def queue_key(queue: str) -> str:
    return f"rq:queue:{queue}"


def encode_error(text: str) -> str:
    """Return an error as RQ's result streams hold it: base64 of zlib."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def lane(queue: str, priority: str, chained: bool, org: str) -> str:
    """Return the name of the RQ queue in which these tasks wait: `short.normal.fresh.acme`."""
    return f"{queue}.{priority}.{'chained' if chained else 'fresh'}.{org}"
