"""Show the whole of Lectern once: start it, transcribe the sample, print transcript and notes, say where the ZIP lies, end it.

    python -m scripts.demo [--out build/demo]      (what `make demo` runs)

Everything happens in that folder, on an embedded Redis and with the model in models/demo, whatever is set on this machine; nothing
is asked of any other. Every step is done that can be done so.
Ends with 0 when the transcript is as good as it should be; leaves no process behind, not on Ctrl-C either.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.settings import Settings
from scripts import embedded, leash
from scripts.words import reference, word_error_rate, words

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "lecture.ogg"
MODEL = ROOT / "models" / "demo"
STEPS = {"word_timestamps": "true", "speaker_detection": "diarize", "detect_emotions": "true", "notes": "true"}
MADE = ("transcript.*", "notes.*", "flashcards.*", "package.zip")  #: what an earlier demo may have left
MOST_WRONG = 0.03  #: of the words; the model alone makes no mistake on this sample
START_S = 120.0
JOB_S = 900.0


class Failed(Exception):
    """The demo did not show what it should; the message is a sentence."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description="Transcribe the sample on an installation of its own.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo", metavar="DIR", help="folder to make anew (build/demo)")
    out = parser.parse_args(argv).out.absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    try:
        with embedded.hold(out / "demo.lock"):
            show(out)
    except (Failed, embedded.Busy) as failed:
        print(f"demo: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def show(out: Path) -> None:
    """Raises Failed."""
    left = [file for made in MADE for file in out.glob(made)]
    for earlier in (out / "demo-data", out / "serve.log", *left, out / SAMPLE.stem):
        shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink(missing_ok=True)
    say(f"Starting Lectern on an embedded Redis; all it writes goes to {shown(out)}")
    with serving(out / "demo-data", out / "serve.log") as url:
        say(f"Transcribing {shown(SAMPLE)} at {url} with the model in {shown(MODEL)}")
        began = time.monotonic()
        transcribe(url, out)
        took_s = time.monotonic() - began
    transcript = json.loads((out / "transcript.json").read_text())
    heard = " ".join(segment["text"] for segment in transcript["segments"])
    wrong = word_error_rate(reference(SAMPLE.with_suffix(".json")), words(heard))
    say("", (out / "transcript.txt").read_text(), *notes_in_words(read_notes(out)), "")
    say(f"Done in {took_s:.0f} s, with a word error rate of {wrong:.1%} against {shown(SAMPLE.with_suffix('.json'))}")
    say(f"The package, {files_in(out / 'package.zip')} files, lies in {shown(out / 'package.zip')}")
    if wrong > MOST_WRONG:
        raise Failed(f"more than {MOST_WRONG:.0%} of the words are wrong")


@contextmanager
def serving(data: Path, log: Path) -> Iterator[str]:
    """Serve on a free port for as long as the block lasts; yield where. Raises Failed."""
    command = [sys.executable, leash.__file__, str(os.getpid()), sys.executable, "-m", "scripts.serve", "--port", "0", "--data", str(data)]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=log.parent,  # where no `.env` of this machine lies
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for us alone, and we end what we started
        )
    try:
        yield await_ready(process, log)
    finally:
        process.terminate()
        process.wait()


def environment() -> dict[str, str]:
    """Return an environment without any setting of this machine, for Lectern and for its client."""
    kept = {
        name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields and not name.startswith("LECTERN_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "JOB_BACKEND": "embedded", "WHISPER_MODEL": str(MODEL)}


def await_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        ended = process.poll() is not None
        said = log.read_text()
        if "Lectern is ready: " in said:
            return said.split("Lectern is ready: ")[1].split()[0]
        if ended:
            raise Failed(f"Lectern could not be started:\n{said}")
        time.sleep(0.1)
    raise Failed(f"Lectern was not ready after {START_S:.0f} s:\n{log.read_text()}")


def transcribe(url: str, out: Path) -> None:
    """Submit the sample, show how far it is, download what comes of it: as anybody would, by the command line."""
    data = out / "demo-data"
    where = ["--url", url, "--data", str(data)]
    asked = [f"--param={name}={value}" for name, value in STEPS.items()]
    command = [sys.executable, "-m", "scripts.submit", str(SAMPLE), *asked, "--follow", "--out", str(out), *where]
    try:
        code = subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, timeout=JOB_S, check=False).returncode
    except subprocess.TimeoutExpired:
        raise Failed(f"the transcript was not there after {JOB_S:.0f} s; see {data / 'logs'}") from None
    if code != 0:
        raise Failed(f"there is no transcript; see {data / 'logs'}")
    for made in (out / SAMPLE.stem).iterdir():
        made.replace(out / made.name)
    (out / SAMPLE.stem).rmdir()


def read_notes(out: Path) -> dict[str, Any]:
    """Raises Failed."""
    try:
        notes: dict[str, Any] = json.loads((out / "notes.json").read_text())
    except FileNotFoundError:
        raise Failed(f"there are no notes; see {out / 'demo-data' / 'logs'}") from None
    return notes


def notes_in_words(notes: dict[str, Any]) -> list[str]:
    """Return title, summary and outline, and how many there are of the rest."""
    chapters = [f"  {minutes(chapter['start'])}  {chapter['title']}" for chapter in notes["outline"]]
    rest = {"terms": "key terms", "questions": "questions", "flashcards": "flashcards", "quiz": "quiz questions"}
    counted = ", ".join(f"{len(notes[part])} {called}" for part, called in rest.items())
    return [
        f"Notes ({notes['engine']}): {notes['title']['text']}",
        "",
        *(f"  {item['text']}" for item in notes["summary"]),
        "",
        *chapters,
        "",
        f"  and {counted}",
    ]


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def files_in(package: Path) -> int:
    """Return how many files a ZIP holds. Raises Failed if one of them does not match its checksum."""
    with zipfile.ZipFile(package) as opened:
        if broken := opened.testzip():
            raise Failed(f"{broken} in {package} is broken")
        return len(opened.namelist())


def shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
