"""What every command has: how it is added, which Redis it speaks to, how it tells what it found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jobs.settings import settings
from jobs.store import Store, connect
from scripts import embedded

#: Returns the exit code; none is 0.
Command = Callable[[Store, argparse.Namespace], int | None]


def shared_arguments() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data", type=Path, default=Path(settings().data_dir), metavar="DIR", help="data folder of an embedded Redis (%(default)s)"
    )
    shared.add_argument("--json", action="store_true", help="answer in JSON")
    return shared


def command(group: Any, shared: argparse.ArgumentParser, name: str, run: Command, help_text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = group.add_parser(name, help=help_text, description=help_text, parents=[shared])
    made.set_defaults(command=run)
    return made


def noun(things: Any, name: str, help_text: str) -> Any:
    """Add a noun, and return what its commands are added to."""
    return things.add_parser(name, help=help_text, description=help_text).add_subparsers(metavar="COMMAND", required=True)


def open_store(arguments: argparse.Namespace) -> Store:
    """Connect to REDIS_URL, or to the embedded Redis of the data folder. Raises Misconfigured."""
    return Store(connect(settings().redis_url if has_redis_of_its_own() else embedded.url(arguments.data)))


def has_redis_of_its_own() -> bool:
    """Tell whether the installation keeps its state elsewhere than in the data folder."""
    return settings().job_backend != "embedded" and bool(settings().redis_url)


def tell(arguments: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2) if arguments.json else text)


def rows(lines: Iterable[Iterable[object]], *head: str) -> str:
    """Lay out a table: columns as wide as they need."""
    table = [head, *(tuple(str(cell) for cell in line) for line in lines)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table)


def counted(count: int, what: str) -> str:
    """Say a number of things: `1 job`, `2,000 jobs`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Say a time for people: `42 s`, `7 min`, `3.5 h`."""
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
