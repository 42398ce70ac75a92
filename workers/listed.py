"""The worker as RQ and its tools see it: listed, alive, in a state, reachable by commands. Runs no RQ job itself."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis
from rq import Queue, Worker, worker_registration
from rq.serializers import JSONSerializer
from rq.suspension import WORKERS_SUSPENDED
from rq.utils import now as rq_now

from workers import log

TTL_S = 60  #: RQ adds 60 s: a worker that was killed is listed for at most so long
BEAT_EVERY_S = 10.0
TIDY_EVERY_S = 600.0
HOST_LETTERS = 48  #: with what follows at most 64: a longer name would make a hashtable of each small hash that it stands in


class Listed(Worker):
    """An `rq.Worker` of which only the outside is RQ's."""

    def __init__(self, queues: Sequence[str], client: Redis) -> None:
        name = f"{socket.gethostname()[:HOST_LETTERS]}:{os.getpid()}:{secrets.token_hex(3)}"
        super().__init__(list(queues), name=name, connection=client, worker_ttl=TTL_S, serializer=JSONSerializer)
        self.log = log.supervisor
        self._shown = ""
        self._beat_at = 0.0
        self._tidy_at = 0.0

    def _set_connection(self, connection: Redis) -> Redis:
        """Keep the connection's own, short timeouts: nothing here blocks on a queue."""
        return connection

    def _set_ip_address(self, connection: Redis) -> None:
        """Not when it is made, for Redis may be away then: `enlist` asks for it."""
        self.ip_address = "unknown"

    def enlist(self) -> None:
        """Appear in RQ, and listen to its commands."""
        super()._set_ip_address(self.connection)
        self.register_birth()  # type: ignore[no-untyped-call]
        self._keep_queues()
        self.listen()

    def listen(self) -> None:
        """Subscribe to this worker's channel anew."""
        self.deafen()
        self.pubsub = self.connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self.pubsub.subscribe(self.pubsub_channel_name)

    def deafen(self) -> None:
        if self.pubsub is not None:
            self.pubsub.close()
            self.pubsub = None

    def commands(self) -> Iterator[dict[str, Any]]:
        """Yield what RQ's tools have sent since the last look. Anybody may publish: what is not a command is dropped."""
        if self.pubsub is None:
            self.listen()
        while self.pubsub is not None and (message := self.pubsub.get_message(timeout=0.0)) is not None:
            try:
                command = json.loads(message["data"])
            except (ValueError, TypeError) as error:
                log.command_ignored(message.get("data"), str(error))
                continue
            if isinstance(command, dict):
                yield command

    def suspended(self) -> bool:
        return bool(self.connection.exists(WORKERS_SUSPENDED))

    def show(self, state: str) -> None:
        """Show `state`; write it only when it is another."""
        if state != self._shown:
            self.set_state(state)
            self._shown = state

    def beat(self, now: float, completed: int, failed: int, busy_s: float) -> None:
        """Stay listed. Written whole, so that it comes back after Redis has lost or expired it."""
        if now < self._beat_at:
            return
        self.last_heartbeat = rq_now()
        mapping: dict[Any, Any] = {**self.serialize(), "state": self._shown}
        mapping |= {"successful_job_count": completed, "failed_job_count": failed, "total_working_time": busy_s}
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.hset(self.key, mapping=mapping)
            pipeline.expire(self.key, self.worker_ttl + 60)
            worker_registration.register(self, pipeline)
            pipeline.execute()
        for queue in self.queues:  # dependents of a plain job that were not enqueued: whoever ran it died right after its outcome
            queue.ready_job_registry.cleanup()
        self._beat_at = now + BEAT_EVERY_S
        if now >= self._tidy_at:
            self._keep_queues()
            for queue in self.queues:
                worker_registration.clean_worker_registry(queue)
            self._tidy_at = now + TIDY_EVERY_S

    def delist(self) -> None:
        """Disappear from RQ."""
        self.register_death()  # type: ignore[no-untyped-call]
        self.deafen()

    def _keep_queues(self) -> None:
        """A worker's queues are listed also before anything was ever queued in them."""
        self.connection.sadd(Queue.redis_queues_keys, *self.queue_keys())
