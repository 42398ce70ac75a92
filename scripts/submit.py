"""Submit recordings to a running Lectern, and follow them to their transcripts: a client of the HTTP API.

    python -m scripts.submit FILE … [--type T] [--param K=V] [--priority P] [--follow] [--out DIR]

Ends with 0 when everything was accepted (with --follow or --out: completed), 1 when a job failed or was cancelled,
2 when something was refused or Lectern cannot be reached. A file that is refused does not keep the others from their way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts.client import Client, Refused, Unreachable

ENDED = ("completed", "failed", "cancelled")
POLL_S = 2.0
TOGETHER = ("quality",)  #: types whose jobs are made of all recordings at once


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


def main(argv: list[str] | None = None) -> int:
    arguments = read_arguments(argv)
    try:
        client = Client(arguments.url, read_token(arguments.token, arguments.data))
        client.reach()
        if arguments.out:
            make(arguments.out, exist_ok=True)
        jobs, refused = submit_all(client, arguments)
        if arguments.follow or arguments.out:
            follow(client, jobs, quiet=arguments.quiet)
        ended = {job.status for job in jobs}
        if refused or "refused" in ended:
            return 2
        return 1 if ended & {"failed", "cancelled"} else 0
    except Refused as error:
        complain(error)
        return 2
    except KeyboardInterrupt:
        print("\nsubmit: no longer following; what was accepted goes on", file=sys.stderr)
        return 130


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.submit", description="Submit recordings to a running Lectern.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="recordings; each becomes a job, or with --type quality all one"
    )
    parser.add_argument("--type", default="transcription", metavar="T", help="job type (%(default)s)")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", type=read_param, help="a parameter; V is JSON, or else text")
    parser.add_argument("--priority", choices=["high", "normal", "low", "background"], metavar="P", help="high, normal, low or background")
    parser.add_argument("--zone", help="workers of this zone only (admins)")
    parser.add_argument("--follow", action="store_true", help="stay and show the progress until all have ended")
    parser.add_argument("--out", type=Path, metavar="DIR", help="download the results into DIR/<name>, or DIR/<name>-2 …; follows")
    parser.add_argument(
        "--url", default=os.environ.get("LECTERN_URL") or "http://127.0.0.1:8000", help="where Lectern is (LECTERN_URL; %(default)s)"
    )
    parser.add_argument("--token", help="your token (LECTERN_TOKEN; else DATA/admin.token)")
    parser.add_argument(
        "--data", type=Path, default=Path("var"), metavar="DIR", help="data folder to read the admin's token from (%(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="no bars and messages, only ids and what went wrong")
    arguments = parser.parse_args(argv)
    if not arguments.files and arguments.type in ("transcription", *TOGETHER):
        parser.error("name at least one recording")
    missing = [str(path) for path in arguments.files if not path.is_file()]
    if missing:
        parser.error(f"no such file: {', '.join(missing)}")
    return arguments


def read_param(text: str) -> tuple[str, Any]:
    """Read `word_timestamps=true` or `language=en`: JSON where it is JSON, else the text itself."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not K=V")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def read_token(given: str | None, data: Path) -> str:
    """Return the token given, or LECTERN_TOKEN, or what the first start wrote for the admin. Raises Refused."""
    token = given or os.environ.get("LECTERN_TOKEN")
    if token:
        return token
    kept = data / "admin.token"
    try:
        return kept.read_text().strip()
    except OSError:
        raise Refused(
            f"no token: give --token or LECTERN_TOKEN, or --data with the folder that holds admin.token ({kept} cannot be read)"
        ) from None


def submit_all(client: Client, arguments: argparse.Namespace) -> tuple[list[Followed], bool]:
    """Submit a job per file, one of all, or one without a file, and print its id; return the jobs, and whether any file was refused."""
    fields = {"type": arguments.type, "params": dict(arguments.param), "priority": arguments.priority, "zone": arguments.zone}
    asked = {name: value for name, value in fields.items() if value is not None}
    watched = bool(arguments.follow or arguments.out) and shows_bars(arguments.quiet)
    jobs: list[Followed] = []
    refused = False
    apart = bool(arguments.files) and arguments.type not in TOGETHER
    if arguments.files and not apart:
        uploaded, refused = upload_all(client, arguments)
        asked["params"] = {**asked["params"], "uploads": uploaded}
        if not uploaded:
            return [], True
    subjects = arguments.files if apart else [Path(arguments.type)]
    for subject, folder in zip(subjects, out_folders(arguments.out, subjects), strict=True):
        name = subject.name
        try:
            if folder:
                make(folder)
            job = send(client, subject, asked, quiet=arguments.quiet) if apart else client.submit(asked)
        except (Refused, OSError) as error:
            refused = True
            complain(error, name)
            remove_empty(folder)
            if isinstance(error, Unreachable):
                client.reach()  # if it is gone, the other files need not be tried for a minute each
            continue
        print(job["id"], flush=True)
        bar = tqdm(total=100, desc=name, position=len(jobs), bar_format="{percentage:3.0f}%|{bar:30}| {desc}", disable=not watched)
        jobs.append(Followed(job["id"], name, folder, bar))
    return jobs, refused


def upload_all(client: Client, arguments: argparse.Namespace) -> tuple[list[str], bool]:
    """Upload every file; return the ids of those that were taken, and whether any was refused. Raises Unreachable."""
    uploaded: list[str] = []
    refused = False
    for file in arguments.files:
        try:
            with sending(file, quiet=arguments.quiet) as bar:
                uploaded.append(client.upload(file, on_sent=bar.update))
        except (Refused, OSError) as error:
            if isinstance(error, Unreachable):
                raise
            refused = True
            complain(error, file.name)
    return uploaded, refused


def send(client: Client, file: Path, asked: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    with sending(file, quiet=quiet) as bar:
        return client.submit_file(file, asked, on_sent=bar.update)


def sending(file: Path, *, quiet: bool) -> tqdm[Any]:
    total = file.stat().st_size
    return tqdm(total=total, desc=f"upload {file.name}", unit="B", unit_scale=True, leave=False, disable=not shows_bars(quiet))


def out_folders(out: Path | None, files: list[Path]) -> list[Path | None]:
    """Return where each file's results go: a folder of its name that is not there yet, so that nothing is overwritten."""
    if out is None:
        return [None] * len(files)
    folders: list[Path | None] = []
    for file in files:
        possible = (out / (file.stem if number == 1 else f"{file.stem}-{number}") for number in count(1))
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


def complain(error: Exception, name: str | None = None) -> None:
    """Say in one line, above any bars, what was refused and why."""
    tqdm.write(f"submit: {name}: {error}" if name else f"submit: {error}", file=sys.stderr)


def follow(client: Client, jobs: list[Followed], *, quiet: bool) -> None:
    """Show the progress of `jobs` until all have ended, and download what they made.

    A job that cannot be followed or downloaded is left as "refused". Raises Unreachable.
    """
    waiting = list(jobs)
    while waiting:
        for job in list(waiting):
            try:
                advance(client, job, quiet=quiet)
            except Unreachable as error:
                raise Unreachable(f"{job.name}: {error}") from error
            except (Refused, OSError) as error:
                job.status = "refused"
                complain(error, job.name)
            if job.status in (*ENDED, "refused"):
                waiting.remove(job)
                job.bar.close()
        if waiting:
            time.sleep(POLL_S)


def advance(client: Client, job: Followed, *, quiet: bool) -> None:
    """Ask once how far a job is, and download what it made if it has ended. Raises Refused, OSError."""
    answer = client.status(job.id, etag=job.etag)
    if answer is None:
        return
    status, job.etag = answer
    show(job, status, quiet=quiet)
    if job.status in ENDED:
        job.bar.close()
        conclude(client, job, status)


def show(job: Followed, status: dict[str, Any], *, quiet: bool) -> None:
    """Bring the bar to where the job is; say each new message on a line of its own where there is no bar."""
    job.bar.n = status["progress"]
    job.bar.set_description_str(f"{job.name}: {status['message']}")
    if status["message"] != job.message and not quiet and not shows_bars(quiet):
        print(f"{job.name}: {status['progress']:5.1f} %  {status['message']}", file=sys.stderr, flush=True)
    job.status, job.message = status["status"], status["message"]


def conclude(client: Client, job: Followed, status: dict[str, Any]) -> None:
    """Download what an ended job made; say why one did not complete."""
    if job.status != "completed":
        print(f"submit: {job.name}: {status['message']}", file=sys.stderr)
    if job.folder is None:
        return
    if not status["artifacts"]:
        remove_empty(job.folder)
    for artifact in status["artifacts"]:
        target = job.folder / Path(artifact["name"]).name
        client.download(artifact["url"], target)
        print(target, flush=True)


def shows_bars(quiet: bool) -> bool:
    """Tell whether there is a terminal to draw bars on."""
    return not quiet and sys.stderr.isatty()


if __name__ == "__main__":
    sys.exit(main())
