"""Take more memory than there is: beyond a limit of its own (`beyond: limit`), or `megabytes` for the kernel to judge."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any

ROOM = 64 << 20


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    if context.claimed.payload.get("beyond") != "limit":
        taken = bytearray(context.claimed.payload["megabytes"] << 20)
        for page in range(0, len(taken), 4096):
            taken[page] = 1
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, before[1]))
    try:
        bytearray(2 * ROOM)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
