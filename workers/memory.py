"""Tell whether the kernel kills for want of memory where this process lives: in its control group."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills() -> int | None:
    """How many processes of this control group the kernel has killed because memory ran out; None where that is not told."""
    for file in _files():
        try:
            found = _COUNT.search(file.read_text())
        except OSError:
            continue
        if found:
            return int(found.group(1))
    return None


@cache
def _files() -> tuple[Path, ...]:
    """Where the count may be: control groups of version 2, then of version 1; as seen from outside of a container and from within."""
    try:
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return ()
    found = []
    for _, controllers, path in lines:
        if not controllers:
            found += [_ROOT / path.strip("/") / "memory.events", _ROOT / "memory.events"]
        elif controllers == "memory":
            found += [_ROOT / "memory" / path.strip("/") / "memory.oom_control", _ROOT / "memory" / "memory.oom_control"]
    return tuple(found)
