"""Wait for a job's end on a connection of one's own: Redis says when the job changes, and only then is it asked (decision 0054)."""

from __future__ import annotations

import time
from typing import Any

from redis.exceptions import ResponseError

from jobs.errors import NotFound
from jobs.states import JobStatus
from jobs.store import Store

PAUSE_S = 0.05  #: after a change: a job that runs changes several times a second
ANYWAY_EVERY_S = 10.0  #: catches what nobody told
UNTOLD_EVERY_S = 0.5  #: where Redis will not tell
_RESP3 = 3


def until_ended(store: Store, job: str, within_s: float) -> bool:
    """Wait for at most so long; return whether the job has ended. Raises NotFound for one that is not there, or was deleted meanwhile."""
    give_up_at = time.monotonic() + within_s
    pool = store.redis.connection_pool
    connection = pool.get_connection()
    try:
        told = _is_told(connection)
        while not _ended(connection, store, job):
            left_s = give_up_at - time.monotonic()
            if left_s <= 0:
                return False
            if not told:
                time.sleep(min(left_s, UNTOLD_EVERY_S))
            elif connection.can_read(timeout=min(left_s, ANYWAY_EVERY_S)):
                connection.read_response(push_request=True)
                time.sleep(min(left_s, PAUSE_S))
        return True
    finally:
        connection.disconnect()  # and with it what Redis remembers to tell it
        pool.release(connection)


def _is_told(connection: Any) -> bool:
    if int(connection.get_protocol()) != _RESP3:
        return False
    connection.send_command("CLIENT", "TRACKING", "ON")
    try:
        connection.read_response()
    except ResponseError:  # it does not know that, or this user may not
        return False
    return True


def _ended(connection: Any, store: Store, job: str) -> bool:
    connection.send_command("HGET", store.keys.job(job), "status")
    status = connection.read_response()
    if status in (None, b"deleted"):
        raise NotFound(f"there is no job {job}")
    return JobStatus(status.decode()).ended
