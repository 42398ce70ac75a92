"""Where the Lectern of a data folder is, as its serve wrote it down."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

FILE = "serve.json"


def publish(data: Path, url: str) -> None:
    """Write down that this process serves `data` at `url`, whole or not at all."""
    draft = data / f".{FILE}.{os.getpid()}"
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    draft.replace(data / FILE)


def withdraw(data: Path) -> None:
    (data / FILE).unlink(missing_ok=True)


def find(data: Path) -> str | None:
    """Return the address of the Lectern that runs on `data`, None when none is written down or who wrote it is gone."""
    try:
        told = json.loads((data / FILE).read_text())
        url, pid = str(told["url"]), int(told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with suppress(ProcessLookupError):
        with suppress(PermissionError):  # it lives, as somebody else
            os.kill(pid, 0)
        return url
    return None
