"""What a person may still upload and submit today: known before anything of it is received, and told to whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobs import limits
from jobs.errors import Limited
from jobs.limits import Limits
from jobs.model import MINUTE_S
from jobs.people import Person
from jobs.replies import used_up
from jobs.submit import was_used
from web.backend import Backend, backend


@dataclass(frozen=True, slots=True)
class Room:
    """The largest file that can be taken now, and why no larger one: None is MAX_UPLOAD_BYTES. `minutes` is set when none are left."""

    file_bytes: int
    bytes: Limited | None = None
    minutes: Limited | None = None


def room(backend: Backend, person: Person, idempotency_key: str | None = None) -> Room:
    """Return what `person` may send now. What comes a second time under its key was charged before, and is let in. Raises Limited."""
    most = backend.settings.max_upload_bytes
    if person.admin or (idempotency_key and was_used(backend.store, person.user, idempotency_key)):
        return Room(most)
    use = limits.used(backend.store, person.user)
    left, refusal = most, None
    if use.limits.bytes and use.limits.bytes - use.bytes < most:
        refusal = used_up(person.user, "bytes", use.limits.bytes, use.bytes, use.day_ends_s)
        left = use.limits.bytes - use.bytes
        if left <= 0:
            raise refusal
    gone = bool(use.limits.minutes) and use.minutes >= use.limits.minutes
    minutes = used_up(person.user, "seconds", use.limits.minutes * MINUTE_S, use.minutes * MINUTE_S, use.day_ends_s) if gone else None
    return Room(left, refusal, minutes)


def told(person: Person) -> dict[str, dict[str, Any]]:
    """Return each limit of a person with what remains of it; `limit` and `remaining` are null where there is none, as for admins."""
    use = limits.used(backend().store, person.user)
    most = Limits(0, 0, 0) if person.admin else use.limits

    def one(limit: float, remaining: float, resets_s: float) -> dict[str, Any]:
        return {
            "limit": round(limit, 1) or None,
            "remaining": max(round(remaining, 1), 0) if limit else None,
            "resets_in_seconds": round(resets_s, 1) if limit else None,
        }

    return {
        "requests": one(most.requests, use.requests, use.requests_reset_s),
        "upload_bytes": one(most.bytes, most.bytes - use.bytes, use.day_ends_s),
        "audio_minutes": one(most.minutes, most.minutes - use.minutes, use.day_ends_s),
    }
