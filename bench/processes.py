"""Start what is measured, know when it is ready, end it by its own id. Nothing outlives the benchmark."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from jobs.settings import Settings
from jobs.store import Store
from scripts import leash

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 300.0  #: far beyond what anything here takes
END_S = 30.0  #: for a process to end by itself

Process = subprocess.Popen[bytes]


def environment(url: str, **settings: str) -> dict[str, str]:
    """Return an environment in which nothing of this machine's settings is left, and logs are at WARNING."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return {**kept, "PYTHONPATH": str(ROOT), "REDIS_URL": url, "LOG_LEVEL": "WARNING", **settings}


@contextmanager
def process(
    command: Sequence[str], folder: Path, url: str, *, pass_fds: Sequence[int] = (), settings: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run a command in `folder`, where no `.env` lies; what it says goes to a file there. It ends with the block."""
    with (folder / "said.log").open("ab") as said:
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command],
            cwd=folder,
            env=environment(url, **(settings or {})),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        end(started)


def end(started: Process) -> None:
    started.terminate()
    try:
        started.wait(END_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def worker_command(*queues: str, module: str = "workers") -> list[str]:
    return [sys.executable, "-m", module, *queues]


def stock_command(url: str) -> list[str]:
    return [str(Path(sys.executable).with_name("rq")), "worker", "--url", url, "--logging_level", "WARNING", "bench"]


@contextmanager
def ready_worker(store: Store, folder: Path, *queues: str, module: str = "workers", **settings: str) -> Iterator[Process]:
    """Run one of our workers; the block begins when it waits for work. Nothing may be waiting for it yet."""
    idle = blocked(store)
    with process(worker_command(*queues, module=module), folder, store.settings.redis_url, settings=settings) as started:
        wait_for(lambda: blocked(store), idle + 1, alive=started)
        yield started


def blocked(store: Store) -> int:
    """Return how many clients wait in a blocking call: a worker that is ready, of ours or of RQ's, is one."""
    return int(store.redis.info("clients")["blocked_clients"])


def wait_for(done: Callable[[], float], total: float, *, alive: Process | None = None, poll_s: float = 0.02) -> None:
    """Return once `done()` is at least `total`. Raises TimeoutError; RuntimeError when the process that is to do it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while (so_far := done()) < total:
        if alive and alive.poll() is not None:
            raise RuntimeError(f"a process ended with {alive.returncode} instead of doing its work")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{so_far:g} of {total:g} after {PATIENCE_S:g} s")
        time.sleep(poll_s)


def cpu_s(*pids: int) -> float:
    """Return the seconds of processor time of these processes and all they have started, ended ones included."""
    return sum(times(*pids))


def times(*pids: int) -> tuple[float, float]:
    """As `cpu_s`: the seconds in programs and those in the kernel."""
    user_s = system_s = 0.0
    for pid in pids:
        for one in (whole := psutil.Process(pid), *whole.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                spent = one.cpu_times()
                user_s += spent.user + spent.children_user
                system_s += spent.system + spent.children_system
    return user_s, system_s
