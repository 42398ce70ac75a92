"""What was measured on: the machine in words, and the versions. No names of hosts, no paths."""

from __future__ import annotations

import os
import platform
import re
import tomllib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.processes import ROOT
from scripts import embedded
from scripts.serve import cores

PACKAGES = ("rq", "redis", "hiredis", "flask", "gunicorn", "faster-whisper", "ctranslate2")


def in_words(load: tuple[float, float, float], load_after: tuple[float, float, float]) -> str:
    """Return a sentence on the machine; `load` is its load averages before the benchmarks, `load_after` after them."""
    memory = psutil.virtual_memory().total / 2**30
    usable, there = cores(), os.cpu_count() or 1
    many = f"{usable} cores" if usable == there else f"{usable} of {there} cores"
    name = processor()
    return (
        f"{many}{f' of {name}' if name else ''}, {memory:.0f} GB of memory, {platform.system()}. "
        f"The load was {load[0]:.1f} in the minute before and {load_after[0]:.1f} in the last minute of it; "
        "the benchmarks themselves are a load of about 2."
    )


def processor() -> str:
    """Return the processor's name, without clock rates and marks; "" where it is not told."""
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return re.sub(r"\((R|TM)\)|@.*|\bCPU\b", "", found[1]).strip()
    return ""


def versions() -> dict[str, str]:
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    server = ".".join(map(str, embedded.find().version))
    return {"lectern": own, "python": platform.python_version(), "redis-server": server, **{name: version(name) for name in PACKAGES}}
