"""Run all of Lectern on one machine: an embedded Redis, the web, the workers and a scheduler, supervised.

    python -m scripts.serve [--host 127.0.0.1] [--port 8000] [--data var] [--short N] [--long N] [--no-browser]

With REDIS_URL set (or JOB_BACKEND=redis) that Redis is used instead. Ends cleanly on Ctrl-C or SIGTERM: workers first,
who hand their tasks back, then the web, then Redis. A second Ctrl-C hastens it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from jobs.errors import LecternError, Misconfigured
from jobs.settings import Settings, settings
from jobs.storage import Storage
from jobs.store import Store, check, connect
from scripts import address, embedded, first_admin, listening, welcome
from scripts.supervise import OFTEN, Command, Part, Supervisor

WORKER_GRACE_S = 5.0  #: beyond DRAIN_SECONDS, in which a worker ends its horse and hands back for it
WEB_GRACE_S = 8.0
SCHEDULER_GRACE_S = 5.0
REDIS_GRACE_S = 15.0  #: it writes its file out


class StartFailed(LecternError):
    """A part dies as often as it is started."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, where."""

    host: str
    port: int
    data: Path
    short: int
    long: int
    redis_url: str  #: "" for the embedded one
    browser: bool = True  #: may be opened

    @property
    def own_machine(self) -> bool:
        """Whether whoever starts it is who uses it: on a Redis of its own, and not to be reached from elsewhere."""
        return not self.redis_url and welcome.is_loopback(self.host)


def main(argv: list[str] | None = None) -> int:
    """Return 0 after a wish to end, 1 when a part cannot be started, 2 when the wish to start cannot be met."""
    try:
        plan = read_plan(argv, settings())
        return asyncio.run(serve(plan))
    except KeyboardInterrupt:  # before there was anything to end
        return 130
    except StartFailed as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    except LecternError as error:
        print(f"serve: {error}", file=sys.stderr)
        return 2


def read_plan(argv: list[str] | None, chosen: Settings) -> Plan:
    """Read the arguments; what they leave open comes from the settings and the number of cores. Raises Misconfigured."""
    parser = argparse.ArgumentParser(prog="python -m scripts.serve", description="Run Lectern: Redis, web and workers, all in one.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=chosen.port, help="port to listen on (%(default)s); 0 picks a free one")
    parser.add_argument("--data", type=Path, default=Path(chosen.data_dir), metavar="DIR", help="folder of all data (%(default)s)")
    parser.add_argument("--short", type=int, default=2, metavar="N", help="workers of the short queue (%(default)s)")
    parser.add_argument(
        "--long", type=int, default=max(1, cores() // 2), metavar="N", help="of the long queue (%(default)s: half of the cores)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the sign-in link, and open no browser with it")
    given = parser.parse_args(argv)
    if given.short < 0 or given.long < 0:
        parser.error("--short and --long must not be negative")
    if chosen.job_backend == "redis" and not chosen.redis_url:
        raise Misconfigured("JOB_BACKEND=redis needs a REDIS_URL; set one, or leave JOB_BACKEND empty for the embedded Redis")
    redis_url = "" if chosen.job_backend == "embedded" else chosen.redis_url
    return Plan(given.host, given.port, given.data.absolute(), given.short, given.long, redis_url, not given.no_browser)


def cores() -> int:
    """Return how many processors this process may use: a container's share counts, not the machine's."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        usable = min(usable, max(1, int(quota) // int(period)))  # ValueError: the quota is "max"
    return usable


async def serve(plan: Plan) -> int:
    """Run the plan until told to stop. Raises Misconfigured, Busy or StartFailed."""
    with ExitStack() as held:
        try:
            lock = held.enter_context(embedded.hold(plan.data / "serve.lock"))
        except embedded.Busy as error:
            raise embedded.Busy(
                f"Lectern already runs on {plan.data} ({error}): stop it first, or choose another folder with --data"
            ) from None
        # What an earlier serve left behind when it was killed may still be ending, and hold the port.
        listener = held.enter_context(listening.listen(plan.host, plan.port, wait_s=10.0 if lock.left_by else 0.0))
        server_lock = None if plan.redis_url else held.enter_context(embedded.hold_server(plan.data)).descriptor
        return await House(plan, listener, server_lock).live()


class House:
    """The parts of one installation, from the first to the last."""

    def __init__(self, plan: Plan, listener: socket.socket, server_lock: int | None) -> None:
        self.plan = plan
        self.listener = listener
        self.server_lock = server_lock
        self.supervisor = Supervisor(plan.data / "logs", say)
        self.asked = asyncio.Event()
        self.hasten = asyncio.Event()

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.ask_to_stop)
        try:
            await self._unless_asked(self.start())
            await self.asked.wait()
        finally:
            await self.stop()
        return 0

    def ask_to_stop(self) -> None:
        if self.asked.is_set():
            say("Hastening")
            self.hasten.set()
        else:
            say("Stopping: running tasks are handed back, which may take 20 s (Ctrl-C again hastens it)")
            self.asked.set()

    async def _unless_asked(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        asked = asyncio.create_task(self.asked.wait())
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def start(self) -> None:
        say(f"Data in {self.plan.data}, logs in {self.supervisor.logs}")
        redis_url = self.plan.redis_url if self.server_lock is None else await self.start_redis(self.server_lock)
        await asyncio.to_thread(self.prepare, redis_url)
        env = self.environment(redis_url)
        grace_s = settings().drain_seconds + WORKER_GRACE_S
        self.supervisor.start(self.web(env))
        for kind, count in (("short", self.plan.short), ("long", self.plan.long)):
            queues = (kind, *(f"{zone}.{kind}" for zone in settings().bound_zones))  # on one machine: all of them
            for n in range(1, count + 1):
                self.supervisor.start(Command(f"worker-{kind}-{n}", (sys.executable, "-m", "workers", *queues), env, grace_s))
        self.supervisor.start(Command("scheduler", (sys.executable, "-m", "workers.scheduler"), env, SCHEDULER_GRACE_S))
        await self.await_web()
        address.publish(self.plan.data, self.address)
        say(f"Lectern is ready: {self.address}")
        if self.plan.own_machine:
            await asyncio.to_thread(self.welcome, redis_url)

    async def start_redis(self, lock: int) -> str:
        server = embedded.find()
        argv = embedded.command(server, self.plan.data)
        part = self.supervisor.start(Command("redis", argv, os.environ, REDIS_GRACE_S, (lock,)))
        url = embedded.address(self.plan.data)
        try:
            await asyncio.to_thread(embedded.await_ready, url, alive=lambda: part.deaths < OFTEN - 1 and not self.asked.is_set())
        except embedded.NotReady as error:
            raise StartFailed(f"{error}; the end of {part.log}:\n{part.last_words()}") from None
        say(f"{server} is ready: {url}")
        return url

    def prepare(self, redis_url: str) -> None:
        """Check Redis and the storage, see to an admin. Raises Misconfigured when one of them cannot be used."""
        if settings().storage_url:
            Storage.open(settings().storage_url)
        try:
            client = connect(redis_url)
            try:
                check(client)
                first_admin.appoint(self.plan.data, Store(client), say)
            finally:
                client.close()
        except RedisError as error:
            raise Misconfigured(f"the Redis of REDIS_URL cannot be used ({type(error).__name__}: {error})") from None

    def welcome(self, redis_url: str) -> None:
        """Print a link that signs in, and open it where there is a browser; a missing one keeps nobody from using the rest."""
        with suppress(RedisError), closing(connect(redis_url)) as client:
            link = welcome.link_for_admin(Store(client), self.address)
            say(f"Sign in: {link}")
            if self.plan.browser:
                welcome.open_browser(link)

    def environment(self, redis_url: str) -> dict[str, str]:
        """Return what the web and the workers are told: every one the same, whatever `.env` says."""
        threads = settings().whisper_threads or min(4, max(1, cores() // max(1, self.plan.long)))
        # Behind a proxy on this machine ALLOWED_HOSTS names what it passes on; by itself nobody but this machine asks.
        listens = self.address.removeprefix("http://").rpartition(":")[0]
        hosts = settings().allowed_hosts or (listens if welcome.is_loopback(self.plan.host) else "")
        return {
            **os.environ,
            "ALLOWED_HOSTS": hosts,
            "JOB_BACKEND": "redis",
            "REDIS_URL": redis_url,
            "DATA_DIR": str(self.plan.data),
            "PORT": str(self.port),
            "WHISPER_THREADS": str(threads),
            "PYTHONUNBUFFERED": "1",
        }

    def web(self, env: dict[str, str]) -> Command:
        # The socket is ours: while the web is started again, requests wait in its backlog instead of being refused.
        bind = f"fd://{self.listener.fileno()}"
        argv = ("gunicorn", "--config", "python:web.gunicorn", "--bind", bind, "--no-control-socket", "web:create_app()")
        return Command("web", (sys.executable, "-m", *argv), env, WEB_GRACE_S, (self.listener.fileno(),))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def address(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.plan.host, self.plan.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def await_web(self) -> None:
        """Return once /readyz says so. Raises StartFailed when a part keeps dying before that."""
        tell_at = time.monotonic() + 20
        while (answer := await asyncio.to_thread(ask, f"{self.address}/readyz")) != "200":
            for part in self.supervisor.parts:
                if part.deaths >= OFTEN - 1:
                    raise StartFailed(f"{part.command.name} keeps ending; the end of {part.log}:\n{part.last_words()}")
            if time.monotonic() > tell_at:
                say(f"Still waiting for the web: {answer}")
                tell_at += 20
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        def named(*names: str) -> list[Part]:
            return [part for part in self.supervisor.parts if part.command.name.startswith(names)]

        try:
            await self.supervisor.stop(named("worker-", "scheduler"), self.hasten)
            await self.supervisor.stop(named("web"), self.hasten)
            await self.supervisor.stop(named("redis"), asyncio.Event())  # never hastened: what it has not written yet would be lost
        finally:
            await self.supervisor.close()
            address.withdraw(self.plan.data)
        say("Stopped")


def ask(url: str) -> str:
    """Return the status of `url`, or what stands in the way of asking, in words."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return str(reply.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(1000).decode(errors='replace').strip()}"
    except (OSError, ValueError) as error:
        return str(error)


def say(line: str) -> None:
    with suppress(OSError):  # a terminal that was closed, a pipe that nobody reads: no reason to end
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
