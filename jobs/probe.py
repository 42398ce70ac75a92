"""Ask whether a file is a recording, and what kind. The file is never opened here: a limited process of its own does that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import Unplayable
from jobs.settings import Settings

ROOT = Path(__file__).resolve().parent.parent  #: where `python -m workers…` is found, whatever the current folder


@dataclass(frozen=True, slots=True)
class Probe:
    """What the container says of a recording; how much of it can be decoded only `prepare` knows."""

    format: str
    codec: str
    seconds: float
    channels: int
    sample_rate: int
    media_type: str


def probe(path: Path | str, *, settings: Settings) -> Probe:
    """Look into the file at `path`; takes at most PROBE_SECONDS.

    Raises Unplayable for an empty file, one that is not audio, one without a sound track or with none in it, one longer than
    MAX_AUDIO_SECONDS, and one that the probe cannot get through within its limits.
    """
    path = Path(path).resolve()
    if path.stat().st_size == 0:
        raise Unplayable("the file is empty (0 bytes)")
    told = ask(path, settings)
    if "refused" in told:
        raise Unplayable(str(told["refused"]))
    found = Probe(**told)
    if found.seconds > settings.max_audio_seconds:
        raise Unplayable(
            f"the recording is {duration(found.seconds)} long; at most {duration(settings.max_audio_seconds)} "
            f"(MAX_AUDIO_SECONDS={settings.max_audio_seconds:g}) are accepted",
            limit=settings.max_audio_seconds,
        )
    return found


def ask(path: Path, settings: Settings) -> dict[str, Any]:
    """Run the probe on `path` and return its JSON: the fields of Probe, or `refused` with a sentence."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "workers.engines.probe", str(path), str(settings.probe_megabytes), str(settings.probe_seconds)],
            cwd=ROOT,
            env=bare_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=settings.probe_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unplayable(f"the file could not be examined within {settings.probe_seconds} s (PROBE_SECONDS); it may be damaged") from None
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    if done.returncode != 0 or not isinstance(told, dict):
        # The file made FFmpeg crash or run into a limit. Which of them matters to nobody who only wants a transcript.
        raise Unplayable("the file could not be examined: it is damaged, or not a recording")
    return told


def bare_environment() -> dict[str, str]:
    """Return the environment for a process that opens files from outside: no setting, no secret."""
    kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def duration(seconds: float) -> str:
    """Say a duration: `45 s`, `12 min 5 s`, `6 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.3g} s"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n)
