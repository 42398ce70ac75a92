"""What is measured, a file a case. A case's module has `measure(bench) -> Measured`, and its docstring says what is compared."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from bench.bench import Bench
from bench.figures import Measured

#: In the order of the page.
NAMES = (
    "noop", "graph", "models", "round_trips", "submit", "memory", "claims", "others", "wakeup", "idle", "start", "recovery", "status",
    "transcription", "two_workers", "hot_path",
)  # fmt: skip
#: What a glance looks at: all that has a goal.
QUICK_NAMES = tuple(name for name in NAMES if name not in ("two_workers", "hot_path"))


def find(name: str) -> Callable[[Bench], Measured]:
    """Return what measures the case called `name`; its libraries are imported now."""
    return cast(Callable[[Bench], Measured], importlib.import_module(f"{__name__}.{name}").measure)
