"""The files that docs/adding-a-job-type.md has one write, taken from the page as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from jobs import types
from workers import engines

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-job-type.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"# ([\w/]+\.py)\n")


def blocks(language: str) -> list[str]:
    """Return the blocks of code of one language, in their order."""
    return [code for kind, code in BLOCK.findall(PAGE.read_text()) if kind == language]


def write(folder: Path) -> list[Path]:
    """Write each file that the page names into `folder`, under the path it gives; return them."""
    written = []
    for code in blocks("python"):
        named = NAMED.match(code)
        assert named, f"a block of Python begins with the path of its file:\n{code}"
        path = folder / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        written.append(path)
    return written


def install(folder: Path) -> None:
    """Have this process find the types and engines in `folder` as if they lay beside the others."""
    for package, name in ((types, "jobs/types"), (engines, "workers/engines")):
        package.__path__.append(str(folder / name))
    types.names.cache_clear()


def remove(folder: Path) -> None:
    for package, name in ((types, "jobs/types"), (engines, "workers/engines")):
        package.__path__.remove(str(folder / name))
    for cache in (types.names, types.find, types.understood):
        cache.cache_clear()
