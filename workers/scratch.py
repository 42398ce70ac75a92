"""Empty folders for runs: made when first asked for, removed after the run, after its horse, or by the next worker here."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path


def _prefix() -> str:
    """By host too: containers may share a folder for temporary files, but not the ids of processes."""
    return f"lectern-scratch-{socket.gethostname()[:100]}-"  # names of files end at 255


def make_root() -> Path:
    """Make the folder that holds the scratch of this process's horses."""
    return Path(tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-"))


def make(root: Path) -> Path:
    """Make an empty folder for one run."""
    return Path(tempfile.mkdtemp(dir=root))


def empty(root: Path) -> None:
    """Remove what a dead horse left in `root`."""
    for folder in root.iterdir():
        remove(folder)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove what workers that were killed have left on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        pid = folder.name.removeprefix(_prefix()).split("-")[0]
        if pid.isdigit() and not _lives(int(pid)):
            remove(folder)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
