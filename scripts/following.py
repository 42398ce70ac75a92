"""Follow jobs to their ends, on a terminal or in a log: how far each is, what it waits for, how long it may take.

What a job made is downloaded into a folder of its own, which was not there before.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts.client import Client, Refused, Unreachable

ENDED = ("completed", "failed", "cancelled")
POLL_S = 2.0
MOST_POLLS_S = 5.0  #: a second, however many jobs are followed


@dataclass
class Followed:
    """A job on its way, with its bar."""

    id: str
    name: str
    folder: Path | None
    bar: tqdm[Any]
    etag: str | None = None
    status: str = "pending"
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  #: what was downloaded of it
    error: str | None = None

    @property
    def over(self) -> bool:
        return self.status in (*ENDED, "refused")


def follow(client: Client, jobs: list[Followed], *, quiet: bool, listed: bool) -> None:
    """Show the progress of `jobs` until all have ended, and download what they made; `listed`: print the name of each file.

    A job that cannot be followed or downloaded is left as "refused". Raises Unreachable.
    """
    while waiting := [job for job in jobs if not job.over]:
        for job in waiting:
            try:
                advance(client, job, quiet=quiet, listed=listed)
            except Unreachable as error:
                raise Unreachable(f"{job.name}: {error}") from error
            except (Refused, OSError) as error:
                job.status, job.error = "refused", str(error)
                complain(error, job.name)
            if job.over:
                job.bar.close()
        if any(not job.over for job in waiting):
            time.sleep(max(POLL_S, len(waiting) / MOST_POLLS_S))


def advance(client: Client, job: Followed, *, quiet: bool, listed: bool) -> None:
    """Ask once how far a job is, and download what it made if it has ended. Raises Refused, OSError."""
    answer = client.status(job.id, etag=job.etag)
    if answer is None:
        return
    status, job.etag = answer
    show(job, status, quiet=quiet)
    if status["status"] in ENDED:
        job.bar.close()
        conclude(client, job, status, listed=listed)
    job.status = status["status"]


def show(job: Followed, status: dict[str, Any], *, quiet: bool) -> None:
    """Bring the bar to where the job is; say each new message on a line of its own where there is no bar."""
    told = standing(status)
    job.bar.n = status["progress"]
    job.bar.set_description_str(f"{job.name}: {told}")
    if status["message"] != job.message and not quiet and not shows_bars(quiet):
        print(f"{job.name}: {status['progress']:5.1f} %  {told}", file=sys.stderr, flush=True)
    job.message, job.warnings = status["message"], status["warnings"]


def standing(status: dict[str, Any]) -> str:
    """Say what is happening, the place in the queue and the time left, as the page does."""
    left = "" if status["status"] in ENDED or status["eta_seconds"] is None else about(status["eta_seconds"])
    place = status["queue_position"]
    if status["held"] or place is None:
        return str(status["message"]) + (f", {left} left" if left else "")
    return ("next in the queue" if place == 1 else f"place {place} in the queue") + (f", done in {left}" if left else "")


def about(seconds: float) -> str:
    """Say an estimate as roughly as it is known: `about 50 s`, `about 12 min`, `about 1 h 25 min`."""
    if seconds < 10:
        return "a few seconds"
    if seconds <= 50:
        return f"about {-(-int(seconds) // 10) * 10} s"
    if seconds < 3570:
        return f"about {max(1, round(seconds / 60))} min"
    hours, minutes = divmod(round(seconds / 300) * 5, 60)
    return f"about {hours} h" + (f" {minutes} min" if minutes else "")


def conclude(client: Client, job: Followed, status: dict[str, Any], *, listed: bool) -> None:
    """Download what an ended job made; say why one did not complete."""
    if status["status"] != "completed":
        print(f"submit: {job.name}: {status['message']}", file=sys.stderr)
    if job.folder is None:
        return
    if not status["artifacts"]:
        remove_empty(job.folder)
    for artifact in status["artifacts"]:
        target = job.folder / Path(artifact["name"]).name
        client.download(artifact["url"], target)
        job.files.append(str(target))
        if listed:
            tqdm.write(str(target))  # above the bars


def out_folders(out: Path | None, names: list[str]) -> list[Path | None]:
    """Return where the results of each go: a folder of its name that is not there yet, so that nothing is overwritten."""
    if out is None:
        return [None] * len(names)
    folders: list[Path | None] = []
    for name in names:
        stem = Path(name).stem
        possible = (out / (stem if number == 1 else f"{stem}-{number}") for number in count(1))
        folders.append(next(folder for folder in possible if folder not in folders and not os.path.lexists(folder)))
    return folders


def make(folder: Path, *, exist_ok: bool = False) -> None:
    """Raises Refused."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise Refused(f"the folder {folder} cannot be made: {error.strerror}") from error


def remove_empty(folder: Path | None) -> None:
    if folder:
        with suppress(OSError):
            folder.rmdir()


def complain(error: Exception | str, name: str | None = None) -> None:
    """Say in one line, above any bars, what was refused and why."""
    tqdm.write(f"submit: {name}: {error}" if name else f"submit: {error}", file=sys.stderr)


def shows_bars(quiet: bool) -> bool:
    """Tell whether there is a terminal to draw bars on."""
    return not quiet and sys.stderr.isatty()
