"""What Python knows of RQ's layout; `jobs/lua/rq.lua` knows the rest. Imports nothing of RQ.

Held against RQ's own classes in tests/border.
"""

from __future__ import annotations

import base64
import zlib


def queue_key(queue: str) -> str:
    return f"rq:queue:{queue}"


def encode_error(text: str) -> str:
    """Return an error as RQ's result streams hold it: base64 of zlib."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def lane(queue: str, priority: str, chained: bool, org: str) -> str:
    """Return the name of the RQ queue in which these tasks wait: `short.normal.fresh.acme`."""
    return f"{queue}.{priority}.{'chained' if chained else 'fresh'}.{org}"
