"""Submit recordings to a running Lectern, and follow them to their transcripts: a client of the HTTP API.

    python -m scripts.submit FILE … [--type T] [--param K=V] [--priority P] [--follow] [--out DIR]

Ends with 0 when everything was accepted (with --follow or --out: completed), 1 when a job failed or was cancelled,
2 when something was refused or Lectern cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts.client import Client, Refused

ENDED = ("completed", "failed", "cancelled")
POLL_S = 2.0


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
        jobs = submit_all(client, arguments)
        if not (arguments.follow or arguments.out):
            return 0
        return 0 if follow(client, jobs, quiet=arguments.quiet) else 1
    except Refused as refused:
        print(f"submit: {refused}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nsubmit: no longer following; what was accepted goes on", file=sys.stderr)
        return 130


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.submit", description="Submit recordings to a running Lectern.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings; each becomes a job")
    parser.add_argument("--type", default="transcription", metavar="T", help="job type (%(default)s)")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", type=read_param, help="a parameter; V is JSON, or else text")
    parser.add_argument("--priority", choices=["high", "normal", "low", "background"], metavar="P", help="high, normal, low or background")
    parser.add_argument("--zone", help="workers of this zone only (admins)")
    parser.add_argument("--follow", action="store_true", help="stay and show the progress until all have ended")
    parser.add_argument("--out", type=Path, metavar="DIR", help="download the results into DIR, of several files into DIR/<name>; follows")
    parser.add_argument(
        "--url", default=os.environ.get("LECTERN_URL") or "http://127.0.0.1:8000", help="where Lectern is (LECTERN_URL; %(default)s)"
    )
    parser.add_argument("--token", help="your token (LECTERN_TOKEN; else DATA/admin.token)")
    parser.add_argument(
        "--data", type=Path, default=Path("var"), metavar="DIR", help="data folder to read the admin's token from (%(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="no bars and messages, only ids and what went wrong")
    arguments = parser.parse_args(argv)
    if not arguments.files and arguments.type == "transcription":
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


def submit_all(client: Client, arguments: argparse.Namespace) -> list[Followed]:
    """Submit a job per file, or one without a file, and print its id."""
    fields = {"type": arguments.type, "params": dict(arguments.param), "priority": arguments.priority, "zone": arguments.zone}
    asked = {name: value for name, value in fields.items() if value is not None}
    watched = bool(arguments.follow or arguments.out) and shows_bars(arguments.quiet)
    jobs: list[Followed] = []
    for file, folder in zip(arguments.files or [None], out_folders(arguments.out, arguments.files), strict=True):
        name = file.name if file else arguments.type
        job = client.submit(asked) if file is None else send(client, file, asked, quiet=arguments.quiet)
        print(job["id"], flush=True)
        bar = tqdm(total=100, desc=name, position=len(jobs), bar_format="{percentage:3.0f}%|{bar:30}| {desc}", disable=not watched)
        jobs.append(Followed(job["id"], name, folder, bar))
    return jobs


def send(client: Client, file: Path, asked: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    with tqdm(
        total=file.stat().st_size, desc=f"upload {file.name}", unit="B", unit_scale=True, leave=False, disable=not shows_bars(quiet)
    ) as bar:
        return client.submit_file(file, asked, on_sent=bar.update)


def out_folders(out: Path | None, files: list[Path]) -> list[Path | None]:
    """Return where each file's results go: DIR itself for one, a folder of its own name for each of several."""
    if out is None or len(files) < 2:
        return [out] * max(1, len(files))
    seen: Counter[str] = Counter()
    folders: list[Path | None] = []
    for file in files:
        seen[file.stem] += 1
        folders.append(out / (file.stem if seen[file.stem] == 1 else f"{file.stem}-{seen[file.stem]}"))
    return folders


def follow(client: Client, jobs: list[Followed], *, quiet: bool) -> bool:
    """Show the progress of `jobs` until all have ended, download what they made; tell whether all completed."""
    waiting = list(jobs)
    while waiting:
        for job in list(waiting):
            answer = client.status(job.id, etag=job.etag)
            if answer is None:
                continue
            status, job.etag = answer
            show(job, status, quiet=quiet)
            if job.status in ENDED:
                waiting.remove(job)
                job.bar.close()
                conclude(client, job, status)
        if waiting:
            time.sleep(POLL_S)
    return all(job.status == "completed" for job in jobs)


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
    job.folder.mkdir(parents=True, exist_ok=True)
    for artifact in status["artifacts"]:
        target = job.folder / Path(artifact["name"]).name
        client.download(artifact["url"], target)
        print(target, flush=True)


def shows_bars(quiet: bool) -> bool:
    """Tell whether there is a terminal to draw bars on."""
    return not quiet and sys.stderr.isatty()


if __name__ == "__main__":
    sys.exit(main())
