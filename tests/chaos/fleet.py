"""The processes: one Redis that comes back with its append-only file, and workers, each in a place that is filled again."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis, exceptions

from jobs.settings import Settings
from scripts import embedded, leash

ROOT = Path(__file__).parents[2]
LEAVING_S = 30.0  #: between SIGTERM and SIGKILL on a deploy
GONE = (ProcessLookupError, FileNotFoundError)


def leashed(command: list[str]) -> list[str]:
    """Return the command that ends when this process does, however that ends."""
    return [sys.executable, leash.__file__, str(os.getpid()), *command]


class Server:
    """A redis-server that keeps every acknowledged write, and the log of all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = embedded.home(folder)
        self.url = embedded.address(folder)
        self.version = embedded.find()
        #: Nothing that was acknowledged is lost by a kill, and no write of the past is rewritten away.
        self._command = [*embedded.command(self.version, folder), "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at: float | None = None
        self._ends = False  #: it was sent a signal, and has not ended yet
        self.down_since: float | None = None
        self.outages: list[tuple[float, float]] = []  #: from the signal to the first answer, seconds since the epoch

    def start(self) -> None:
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self._command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start_and_wait(self) -> None:
        self.start()
        process = self._process
        assert process
        embedded.await_ready(self.url, alive=lambda: process.poll() is None, timeout_s=60)

    def hurt(self, number: int, away_s: float) -> None:
        """Send it the signal `number`; it is started again `away_s` after it has ended."""
        assert self._process
        self.down_since = time.time()
        self._start_at, self._ends = self.down_since + away_s, True
        self._process.send_signal(number)

    def tick(self, now: float) -> None:
        """Bring it back when it is time; note when it answers again."""
        if self.down_since is None or self._process is None:
            return
        if self._ends:  # until it has, it may still answer
            self._ends = self._process.poll() is None
        elif self._start_at is not None and now >= self._start_at:
            self._start_at = None
            self.start()
        elif self._start_at is None and self._serves():
            self.outages.append((self.down_since, time.time()))
            self.down_since = None

    def _serves(self) -> bool:
        client = Redis.from_url(self.url, socket_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except exceptions.RedisError:
            return False
        finally:
            client.close()

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@dataclass
class Place:
    """Where a worker runs, and after its death the next one. Times are seconds since the epoch."""

    number: int
    log: Path
    environment: dict[str, str]
    rng: random.Random
    process: subprocess.Popen[bytes] | None = None
    start_at: float | None = 0.0
    fresh_since: float = 0.0  #: when its worker or its horse was started last, or is about to be
    stopped: list[int] = field(default_factory=list)  #: ids of processes that are to go on at `go_on_at`
    go_on_at: float = 0.0
    kill_at: float | None = None  #: set while it is to leave by itself
    hurt: bool = False  #: killed from here: how it ends says nothing of it
    young: bool = False  #: it was told to leave before it had a horse, perhaps before it could understand
    left: list[int] = field(default_factory=list)  #: exit codes of those that were told to leave
    unasked: list[int] = field(default_factory=list)  #: of those that ended although nobody had killed them or told them to
    overdue: int = 0  #: how many had to be killed after LEAVING_S

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def undisturbed(self) -> bool:
        return self.process is not None and not self.stopped and self.kill_at is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                leashed([sys.executable, "-m", "workers", "short", "long"]),
                cwd=self.log.parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self.fresh_since = time.time()
        self.start_at, self.kill_at, self.hurt, self.young, self.stopped = None, None, False, False, []

    def horse(self) -> int:
        """Return the id of its horse's process, 0 while it has none."""
        with contextlib.suppress(*GONE):
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return int(children[0]) if children else 0
        return 0

    def signal(self, number: int, *pids: int) -> None:
        if number == signal.SIGKILL:
            self.hurt, self.fresh_since = self.hurt or self.pid in pids, time.time()
        for pid in pids:
            with contextlib.suppress(*GONE):
                if pid:
                    os.kill(pid, number)

    def stop(self, lasts_s: float, *pids: int) -> None:
        self.signal(signal.SIGSTOP, *pids)
        self.stopped, self.go_on_at = [pid for pid in pids if pid], time.time() + lasts_s

    def deploy(self) -> None:
        """Tell every process of it to leave, as a platform does on a deploy."""
        horse = self.horse()
        self.kill_at, self.young = time.time() + LEAVING_S, not horse
        self.signal(signal.SIGTERM, self.pid, horse)

    def tick(self, now: float) -> None:
        if self.process is None:
            if self.start_at is not None and now >= self.start_at:
                self.start()
            return
        if (code := self.process.poll()) is not None:
            if not self.hurt and not (self.young and code == -signal.SIGTERM):
                (self.unasked if self.kill_at is None else self.left).append(code)
            # A horse stopped while it came up does not die with its supervisor: it must go on to find that it has none.
            self.signal(signal.SIGCONT, *self.stopped)
            self.process, self.stopped = None, []
            self.start_at = now + self.rng.uniform(0.2, 3.0)
            return
        if self.stopped and now >= self.go_on_at:
            self.signal(signal.SIGCONT, *self.stopped)
            self.stopped = []
        if self.kill_at is not None and now >= self.kill_at:
            self.overdue += 1
            self.signal(signal.SIGKILL, self.pid, self.horse())
            self.kill_at = None


class Fleet:
    def __init__(self, folder: Path, server: Server, workers: int, settings: dict[str, str], rng: random.Random) -> None:
        kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
        environment = {**kept, "PYTHONPATH": str(ROOT), "REDIS_URL": server.url, "DATA_DIR": str(folder), **settings}
        self.places = [Place(number, folder / f"worker-{number}.log", environment, rng) for number in range(workers)]

    def tick(self, now: float) -> None:
        for place in self.places:
            place.tick(now)

    def leave(self) -> None:
        """Let all go on that are stopped, tell all to leave, and wait for it; what does not is killed and counted."""
        for place in self.places:
            place.start_at = None
            if place.process:
                place.signal(signal.SIGCONT, *place.stopped)
                place.stopped = []
                place.deploy()
        while any(place.process for place in self.places):
            time.sleep(0.05)
            self.tick(time.time())
            for place in self.places:
                place.start_at = None

    def kill(self) -> None:
        """End whatever still lives; a horse dies with its supervisor."""
        for place in self.places:
            if place.process:
                place.signal(signal.SIGKILL, place.horse(), place.pid)
                place.process.wait()

    def said(self) -> str:
        return "\n".join(place.log.read_text(errors="replace") for place in self.places if place.log.exists())

    def tracebacks(self) -> list[str]:
        return re.findall(r"^Traceback .*?^\w.*?$", self.said(), re.M | re.S)


@contextmanager
def running(folder: Path, workers: int, settings: dict[str, str], seed: int) -> Iterator[tuple[Server, Fleet]]:
    """Run Redis and the workers for as long as the block lasts; nothing of them is left behind it."""
    with embedded.hold_server(folder):
        server = Server(folder)
        fleet = Fleet(folder, server, workers, settings, random.Random(f"fleet {seed}"))
        try:
            server.start_and_wait()
            fleet.tick(time.time())
            yield server, fleet
        finally:
            fleet.kill()
            server.stop()
