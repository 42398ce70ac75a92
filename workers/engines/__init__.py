"""Find an engine by its name. An engine is one file in this folder; nothing else has to know of it.

An engine's module has `run(context, inputs) -> output`, and may have `STALL_SECONDS`, how long it may give no sign of
life, and `QUOTA`, the name under which the setting QUOTAS limits it (its own unless said). Its libraries are imported
when it is first used: a worker needs only those of the engines it is sent.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.settings import Quota
    from workers.context import Context

STALL_SECONDS = 60.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")

Run = Callable[["Context", Mapping[str, Any]], Any]


class Unavailable(Exception):
    """This worker cannot do the task; another one may. Says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    name: str
    run: Run
    stall_s: float
    quota: Quota | None  #: that QUOTAS gives it


_found: dict[str, Engine] = {}


def loaded(name: str) -> Engine | None:
    """Return the engine called `name` if it was found before."""
    return _found.get(name)


def find(name: str) -> Engine:
    """Return the engine called `name`. Raises Unavailable if this worker has none, or cannot load it."""
    engine = _found.get(name)
    if engine is None:
        engine = _found[name] = _load(name)
    return engine


def _load(name: str) -> Engine:
    if not _NAME.fullmatch(name):
        raise Unavailable(f"{name!r} is not the name of an engine")
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except ImportError as error:
        raise Unavailable(f"engine {name} cannot be loaded here: {error}") from error
    run = getattr(module, "run", None)
    if run is None:
        raise Unavailable(f"workers/engines/{name}.py has no run()")
    from jobs.settings import settings  # only now: the probe, which is in this folder too, has little memory to spare

    quota = settings().quota_of(getattr(module, "QUOTA", name))
    return Engine(name, run, float(getattr(module, "STALL_SECONDS", STALL_SECONDS)), quota)
