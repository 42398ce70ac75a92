"""A job type and an engine that only benchmarks need, found as if they were among the project's own."""

from __future__ import annotations

from pathlib import Path

from jobs import types
from workers import engines

_HERE = Path(__file__).parent


def install() -> None:
    """Let this process find what is in `bench/types` and `bench/engines`. To be called before the first job type is looked for."""
    for package, folder in ((types, "types"), (engines, "engines")):
        if (path := str(_HERE / folder)) not in package.__path__:
            package.__path__.append(path)
    types.names.cache_clear()
