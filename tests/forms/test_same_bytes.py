"""The same transcript and notes give the same bytes, today and another day, in this process and another."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from workers.forms import anki, markdown, notes, plaintext, subtitles, table, transcript, webpage, word

ROOT = Path(__file__).parents[2]

#: Two years on, and with other hashes of text: what depends on a clock or on the order of a set shows.
ANOTHER_DAY = """
import json, sys, time, datetime, zipfile
real = time.time
time.time = lambda: real() + 2 * 365 * 86400
localtime = time.localtime
time.localtime = lambda at=None: localtime(time.time() if at is None else at)
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)
datetime.datetime = Later
from tests.forms.test_same_bytes import sums
print(json.dumps(sums(*json.load(sys.stdin))))
"""


def sums(told: dict[str, Any], found: dict[str, Any], starts: list[float]) -> dict[str, str]:
    """Return the SHA-256 of each form."""
    segments = told["segments"]
    pages = {"transcript": transcript.page(told), "notes": notes.page(found, starts)}
    made: dict[str, str | bytes] = {
        "txt": plaintext.write(segments),
        "srt": subtitles.write(segments, 75.0, "srt"),
        "vtt": subtitles.write(segments, 75.0, "vtt"),
        "csv": table.transcript(segments),
        "cards.csv": table.flashcards(found["flashcards"], starts),
        "apkg": anki.write(found["flashcards"], starts, title="t", job="7f3a"),
    }
    for name, page in pages.items():
        made |= {f"{name}.md": markdown.write(page), f"{name}.html": webpage.write(page), f"{name}.docx": word.write(page)}
    return {name: hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest() for name, data in made.items()}


def test_the_same_input_gives_the_same_bytes_another_day_and_elsewhere(
    transcript: dict[str, Any], notes: dict[str, Any], starts: list[float]
) -> None:
    given = [transcript, notes, starts]
    here = sums(*given)
    assert sums(*given) == here
    run = subprocess.run(
        [sys.executable, "-c", ANOTHER_DAY],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == here
