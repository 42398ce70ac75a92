"""A whole installation in processes of its own, as `make run` starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class Served:
    """An installation of its own in processes of its own, with one worker."""

    def __init__(self, data: Path, *arguments: str, **env: str) -> None:
        self.data = data
        data.mkdir(exist_ok=True)
        self.out = data / "serve.out"
        command = [sys.executable, "-m", "scripts.serve", "--data", str(data), "--port", "0", "--short", "1", "--long", "0", *arguments]
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env={**os.environ, **env})

    @property
    def said(self) -> str:
        return self.out.read_text()

    @property
    def address(self) -> str:
        return self.said.split("Lectern is ready: ")[1].split()[0]

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"serve ended: {self.said}"
        return "Lectern is ready: " in self.said

    def part(self, word: str) -> psutil.Process | None:
        """Return the process it started itself whose command line has `word`."""
        return next((child for child in psutil.Process(self.process.pid).children() if word in " ".join(cmdline(child))), None)

    def family(self) -> list[psutil.Process]:
        whole = psutil.Process(self.process.pid)
        return [whole, *whole.children(recursive=True)]

    def answers(self) -> bool:
        with urllib.request.urlopen(f"{self.address}/readyz", timeout=20) as reply:
            return bool(reply.status == 200)


@contextmanager
def served(data: Path, *arguments: str, **env: str) -> Iterator[Served]:
    running = Served(data, *arguments, **env)
    try:
        wait_until(running.is_ready)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(timeout=60)


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < give_up_at, "it did not come true in time"
        time.sleep(0.05)
