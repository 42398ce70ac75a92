"""Speak to Redis: connect, check the server, call the scripts and turn their codes into errors. Nothing above floor 2 does."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs import border, lua, replies
from jobs.errors import LecternError, Misconfigured, Overloaded
from jobs.keys import Keys
from jobs.settings import Settings, settings
from jobs.wire import Pool, Wire

OLDEST_REDIS = (6, 2)
NEARLY_FULL = 0.85  #: of maxmemory; beyond it submissions wait so that what runs can still be recorded
PRESSURE_S = 2.0  #: how long a reading of the memory is good for
WORKER_S = 86_400  #: how long a worker's last answers are kept
SOCKET_TIMEOUT_S = 10.0
LOST = "the worker that ran this task was lost: it gave no sign of life until its lease ended"
LONG_ID = "the id of this RQ job is too long for Lectern, which takes 200 characters: enqueue it with a shorter one"
#: What Redis says when it cannot write; from within a script 6.2 says it in the middle of a sentence.
NO_WRITES = re.compile(r"(?:^|: -?|^-)(?:OOM|READONLY|MISCONF|LOADING|NOREPLICAS)\b")  #: in a pipeline the code comes without its `-`
NO_WRITES_TYPES = (redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError)
SECOND = 1_000_000  #: times in Redis are whole microseconds


def connect(url: str | None = None) -> redis.Redis:
    """Return a client for `url` (default: REDIS_URL). No command is sent yet. Raises Misconfigured.

    The client never repeats a call by itself: a claim whose answer was lost would be made twice.
    """
    url = url or settings().redis_url
    if not url:
        raise Misconfigured("REDIS_URL is not set; set it, or start everything with python -m scripts.serve")
    options: dict[str, Any] = {}
    if url.startswith("rediss://"):
        options["ssl_cert_reqs"] = "none"  # Heroku's certificates are self-signed; `?ssl_cert_reqs=required` in the URL comes before this
    try:
        pool = Pool.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            health_check_interval=0,
            driver_info=None,  # redis-py would look up its own package's version on every new connection
            **options,
        )
        return redis.Redis.from_pool(pool)
    except ValueError:  # without its words, which may hold a piece of a password
        raise Misconfigured(
            "REDIS_URL is not the address of a Redis; it looks like redis://:password@host:6379/0, rediss://… or unix:///path/redis.sock"
        ) from None


def check(client: redis.Redis) -> None:
    """Raise Misconfigured unless this server can hold jobs: version, eviction policy, no cluster."""
    info = client.info()
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    oldest = (7, 2) if "valkey_version" in info else OLDEST_REDIS
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < oldest:
        raise Misconfigured(f"this Redis is {version}; Lectern needs Redis 6.2 or Valkey 7.2 and later")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise Misconfigured(f"this Redis has maxmemory-policy {policy}, which would drop jobs when it is full; set it to noeviction")
    if info.get("cluster_enabled"):
        raise Misconfigured("this is a Redis Cluster; Lectern's scripts need one server: set REDIS_URL to a single instance")


class Store:
    """A client with the keys and scripts of one installation. Cheap to make, safe to share between threads."""

    def __init__(self, client: redis.Redis, config: Settings | None = None) -> None:
        self.settings = config or settings()
        self.redis: Any = client  # redis-py's types know neither that answers are bytes here nor that they are there
        self.wire = Wire(client)
        self.keys = Keys(self.settings.key_prefix)
        constants: dict[str, int | str] = {
            "LEASE_US": round(self.settings.lease_seconds * SECOND),
            "RETENTION_S": f"'{math.ceil(self.settings.retention_days * 86_400)}'",
            "WORKER_S": f"'{WORKER_S}'",
            "EXECUTION_S": f"'{math.ceil(self.settings.lease_seconds) + 60}'",
            "LONG_ID_EXC": f"'{border.encode_error(LONG_ID)}'",
            "CHAINED_FIRST": int(self.settings.fair_order == "chained,priority"),
            "LOST": f"'{LOST}'",
            "LOST_EXC": f"'{border.encode_error(LOST)}'",
        }
        self.scripts = lua.Scripts(self.settings.key_prefix, constants)
        self._pressure = (0.0, -math.inf)

    def run(self, verb: str, *args: str | bytes | int | float) -> list[Any]:
        """Call the script of `verb` in one round trip and return what stands after its code.

        Raises Stale, Conflict and NotFound for the codes STALE, REFUSED and MISSING, and Overloaded when Redis takes no writes.
        """
        script = self.scripts[verb]
        try:
            try:
                reply = self.wire.call("EVALSHA", script.sha, 0, *args)
            except redis.exceptions.NoScriptError:
                reply = self.wire.call("EVAL", script.text, 0, *args)
        except redis.exceptions.ResponseError as error:
            if (told := in_words(error)) is error:
                raise
            raise told from error
        except redis.exceptions.BusyLoadingError as error:
            raise Overloaded("Redis is reading its file after a start; try again shortly") from error
        return replies.judge(verb, reply)

    def run_many(self, verb: str, calls: Sequence[Sequence[str | bytes | int | float]]) -> list[list[Any] | Exception]:
        """Call the script of `verb` with each of `calls` in one round trip; return for each what `run` would, or the error it would raise.

        A command each, so that Redis serves others in between, and what is wrong with one stops none. Raises RedisError when the
        connection is lost: which of them were carried out is not known then.
        """
        script = self.scripts[verb]
        replies = self._pipe([("EVALSHA", script.sha, 0, *call) for call in calls])
        unknown = [n for n, reply in enumerate(replies) if isinstance(reply, redis.exceptions.NoScriptError)]
        if unknown:
            first, *others = ((0, *calls[n]) for n in unknown)
            again = self._pipe([("EVAL", script.text, *first), *(("EVALSHA", script.sha, *call) for call in others)])
            for n, reply in zip(unknown, again, strict=True):
                replies[n] = reply
        return [judged(verb, reply) for reply in replies]

    def _pipe(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        with self.redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            found: list[Any] = pipe.execute(raise_on_error=False)
        return found

    def pressure(self) -> float:
        """Return how full Redis is, 0–1 of its maxmemory, or 0 without a limit; read at most every PRESSURE_S."""
        share, read_at = self._pressure
        if time.monotonic() - read_at > PRESSURE_S:
            used, most = self.memory()
            share = used / most if most else 0.0
            self._pressure = (share, time.monotonic())
        return share

    def memory(self) -> tuple[int, int]:
        """Return how many bytes Redis holds, and how many it may, 0 without a limit."""
        memory = self.redis.info("memory")
        return int(memory["used_memory"]), int(memory.get("maxmemory") or 0)

    def require_room(self) -> None:
        """Raise Overloaded when Redis is nearly full: what runs can still be recorded then, nothing new is taken."""
        if self.pressure() > NEARLY_FULL:
            raise Overloaded("Redis is nearly full, so that nothing new is taken; try again later, or ask for a larger one")

    def sweep(self, job: str, more: int) -> None:
        """Call sweep until nothing of `job` is left to do."""
        while more:
            more = int(self.run("sweep", "", job)[0])


def judged(verb: str, reply: Any) -> list[Any] | Exception:
    """Return what one of many calls came to, an error as a value."""
    if isinstance(reply, Exception):
        return in_words(reply)
    try:
        return replies.judge(verb, reply)
    except LecternError as error:
        return error


def in_words(error: Exception) -> Exception:
    """Return what an error that Redis answered means: Overloaded when it takes no writes, else the error as it is."""
    if not NO_WRITES.search(str(error)) and not isinstance(error, NO_WRITES_TYPES):
        return error
    return Overloaded(f"Redis takes no writes now ({error}); try again shortly")


def stamp(now: float | None) -> int | str:
    """Return a time in seconds as the scripts take it; none is for them to ask Redis's own clock."""
    return "" if now is None else round(now * SECOND)
