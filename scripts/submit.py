"""Submit recordings to a running Lectern, and follow them to their transcripts: a client of the HTTP API.

    python -m scripts.submit FILE … [--type T] [--param K=V] [--priority P] [--follow] [--out DIR]
    python -m scripts.submit --job ID … [--out DIR]            follow jobs that were submitted before

A file that is refused does not keep the others from their way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts import address
from scripts.client import Client, Refused, Unreachable
from scripts.following import Followed, complain, follow, make, out_folders, remove_empty, shows_bars

TOGETHER = ("quality",)  #: types whose jobs are made of all recordings at once
DEFAULT_URL = "http://127.0.0.1:8000"
EPILOG = """\
Prints the id of each job, and the name of each file that it downloads; with --json a line of JSON for each file or job:
{"file", "id", "url", "status", "message", "warnings", "files"}, or {"file", "error"} for what was refused.

A server that is restarted meanwhile is waited for. Ctrl-C stops following, not the jobs.

ends with  0  everything was accepted, and with --follow, --out or --job: completed
           1  a job failed or was cancelled
           2  something was refused, or Lectern cannot be reached
         130  Ctrl-C
"""


def main(argv: list[str] | None = None) -> int:
    arguments = read_arguments(argv)
    jobs: list[Followed] = []
    try:
        url = arguments.url or os.environ.get("LECTERN_URL") or address.find(arguments.data) or DEFAULT_URL
        client = Client(url, read_token(arguments.token, arguments.data, url), on_wait=complain)
        client.reach()
        if arguments.out:
            make(arguments.out, exist_ok=True)
        refused = name_again(client, arguments, jobs) if arguments.job else submit_all(client, arguments, jobs)
        if watches(arguments):
            follow(client, jobs, quiet=arguments.quiet, listed=not arguments.json)
            if arguments.json:
                for job in jobs:
                    print_json(client, job)
        ended = {job.status for job in jobs}
        if refused or "refused" in ended:
            return 2
        return 1 if ended & {"failed", "cancelled"} else 0
    except Refused as error:
        complain(error)
        advise(jobs)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        advise(jobs)
        return 130


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.submit",
        description="Submit recordings to a running Lectern, follow them, and download what they become.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="recordings; each becomes a job, or with --type quality all one"
    )
    parser.add_argument("--job", nargs="+", default=[], metavar="ID", help="follow these jobs, which were submitted before, instead")
    parser.add_argument("--type", default="transcription", metavar="T", help="job type (%(default)s)")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", type=read_param, help="a parameter; V is JSON, or else text")
    parser.add_argument("--priority", choices=["high", "normal", "low", "background"], metavar="P", help="high, normal, low or background")
    parser.add_argument("--zone", help="workers of this zone only (admins)")
    parser.add_argument("--callback-url", metavar="URL", help="where the server tells, by a signed POST, that a job has ended")
    parser.add_argument(
        "--follow", action="store_true", help="stay and show progress, place in the queue and time left until all have ended"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="download the results into DIR/<name>, or DIR/<name>-2 …; follows")
    parser.add_argument("--url", help=f"where Lectern is (LECTERN_URL; else the one that scripts.serve runs on --data; else {DEFAULT_URL})")
    parser.add_argument("--token", help="your token (LECTERN_TOKEN; else DATA/admin.token)")
    parser.add_argument(
        "--data", type=Path, default=Path("var"), metavar="DIR", help="data folder of the Lectern on this machine (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each file or job, for programs")
    parser.add_argument("--quiet", action="store_true", help="no bars and messages, only ids and what went wrong")
    arguments = parser.parse_args(argv)
    if arguments.files and arguments.job:
        parser.error("name either files or jobs")
    if not arguments.files and not arguments.job and arguments.type in ("transcription", *TOGETHER):
        parser.error("name at least one recording")
    for path in arguments.files:
        if path.is_dir():
            parser.error(f"{path} is a folder; name its files: {path}/*")
        if not path.is_file():
            parser.error(f"no such file: {path}")
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


def read_token(given: str | None, data: Path, url: str) -> str:
    """Return the token given, or LECTERN_TOKEN, or what the first start wrote for the admin. Raises Refused."""
    token = given or os.environ.get("LECTERN_TOKEN")
    if token:
        return token
    kept = data / "admin.token"
    try:
        return kept.read_text().strip()
    except OSError:
        raise Refused(
            f"no token: make one on {url}/account, or ask an admin for one, and give it with --token or LECTERN_TOKEN;"
            f" on the machine that serves, name the folder that holds admin.token with --data ({kept} cannot be read)"
        ) from None


def watches(arguments: argparse.Namespace) -> bool:
    return bool(arguments.follow or arguments.out or arguments.job)


def submit_all(client: Client, arguments: argparse.Namespace, jobs: list[Followed]) -> bool:
    """Submit a job per file, one of all, or one without a file; put them into `jobs`, and return whether any file was refused."""
    fields = {"type": arguments.type, "params": dict(arguments.param), "priority": arguments.priority, "zone": arguments.zone}
    fields["callback_url"] = arguments.callback_url
    asked = {name: value for name, value in fields.items() if value is not None}
    refused = False
    apart = bool(arguments.files) and arguments.type not in TOGETHER
    if arguments.files and not apart:
        uploaded, refused = upload_all(client, arguments)
        asked["params"] = {**asked["params"], "uploads": uploaded}
        if not uploaded:
            return True
    subjects = arguments.files if apart else [Path(arguments.type)]
    for number, (subject, folder) in enumerate(zip(subjects, out_folders(arguments.out, [s.name for s in subjects]), strict=True), 1):
        try:
            if folder:
                make(folder)
            which = f"{number}/{len(subjects)} " if len(subjects) > 1 else ""
            job = send(client, subject, asked, which, quiet=arguments.quiet) if apart else client.submit(asked)
        except (Refused, OSError) as error:
            refused = True
            refuse(arguments, error, subject.name)
            remove_empty(folder)
            if isinstance(error, Unreachable):
                client.reach()  # if it is gone, the other files need not be tried for minutes each
            continue
        jobs.append(begin(arguments, job["id"], subject.name, folder, len(jobs)))
        if not arguments.json:
            tqdm.write(job["id"])  # above the bars
        elif not watches(arguments):
            print_json(client, jobs[-1])
    return refused


def name_again(client: Client, arguments: argparse.Namespace, jobs: list[Followed]) -> bool:
    """Put the jobs that were named into `jobs`; return whether any of them was refused."""
    found: list[tuple[str, str]] = []
    refused = False
    for id in dict.fromkeys(arguments.job):
        try:
            answer = client.status(id)
            assert answer  # no tag was sent
            found.append((id, answer[0]["title"]))
        except Unreachable:
            raise
        except Refused as error:
            refused = True
            refuse(arguments, error, id)
    for (id, name), folder in zip(found, out_folders(arguments.out, [name for _, name in found]), strict=True):
        if folder:
            make(folder)
        jobs.append(begin(arguments, id, name, folder, len(jobs)))
    return refused


def begin(arguments: argparse.Namespace, id: str, name: str, folder: Path | None, place: int) -> Followed:
    watched = watches(arguments) and shows_bars(arguments.quiet)
    shape = "{percentage:3.0f}%|{bar:24}| {desc}"
    bar = tqdm(total=100, desc=name, position=place, bar_format=shape, dynamic_ncols=True, disable=not watched)
    return Followed(id, name, folder, bar)


def upload_all(client: Client, arguments: argparse.Namespace) -> tuple[list[str], bool]:
    """Upload every file; return the ids of those that were taken, and whether any was refused. Raises Unreachable."""
    uploaded: list[str] = []
    refused = False
    for number, file in enumerate(arguments.files, 1):
        try:
            with sending(file, f"{number}/{len(arguments.files)} ", quiet=arguments.quiet) as bar:
                uploaded.append(client.upload(file, on_sent=bar.update))
        except (Refused, OSError) as error:
            if isinstance(error, Unreachable):
                raise
            refused = True
            refuse(arguments, error, file.name)
    return uploaded, refused


def send(client: Client, file: Path, asked: dict[str, Any], which: str, *, quiet: bool) -> dict[str, Any]:
    with sending(file, which, quiet=quiet) as bar:
        return client.submit_file(file, asked, on_sent=bar.update)


def sending(file: Path, which: str, *, quiet: bool) -> tqdm[Any]:
    total = file.stat().st_size
    return tqdm(total=total, desc=f"upload {which}{file.name}", unit="B", unit_scale=True, leave=False, disable=not shows_bars(quiet))


def refuse(arguments: argparse.Namespace, error: Exception, name: str) -> None:
    complain(error, name)
    if arguments.json:
        print(json.dumps({"file": name, "error": str(error)}, ensure_ascii=False), flush=True)


def print_json(client: Client, job: Followed) -> None:
    told: dict[str, Any] = {
        "file": job.name,
        "id": job.id,
        "url": f"{client.url}/jobs/{job.id}",
        "status": job.status,
        "message": job.message,
    }
    told |= {"warnings": job.warnings, "files": job.files} | ({"error": job.error} if job.error else {})
    print(json.dumps(told, ensure_ascii=False), flush=True)


def advise(jobs: list[Followed]) -> None:
    """Say that what was accepted goes on, and how to follow it again."""
    for job in jobs:
        job.bar.close()
    alive = [job.id for job in jobs if not job.over]
    if alive:
        go_on = "1 job goes on; follow it" if len(alive) == 1 else f"{len(alive)} jobs go on; follow them"
        complain(f"{go_on} again with: python -m scripts.submit --job {' '.join(alive)}")
    elif not jobs:
        complain("nothing was submitted")


if __name__ == "__main__":
    sys.exit(main())
