"""How good it is, not how fast: a file for each kind of figure. `python -m bench.quality` measures them and writes docs/quality.md.

Such a file has `TITLE`, the heading of its section, `measure() -> list[tuple[str, str, str]]` (what, figure, how measured), and if
something else is to be said of it `NOTES`, sentences. Files without a `TITLE` are there for the others.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple


class Figure(NamedTuple):
    what: str
    figure: str
    how: str


class Section(NamedTuple):
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


def names() -> list[str]:
    """Return the names of the files that measure something; all of them are imported for that."""
    return [name for name in files() if hasattr(find(name), "TITLE")]


def files() -> list[str]:
    return [found.name for found in pkgutil.iter_modules(__path__) if found.name != "__main__"]


def find(name: str) -> ModuleType:
    """Return the module called `name`; its libraries are imported now."""
    return importlib.import_module(f"{__name__}.{name}")


def measured(name: str) -> Section:
    """Measure what the file called `name` does."""
    module = find(name)
    return Section(module.TITLE, [Figure(*figure) for figure in module.measure()], getattr(module, "NOTES", ()))
