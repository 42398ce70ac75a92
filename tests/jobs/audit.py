"""Hold everything in Redis against what must always be true of it: what a test calls after each step."""

from __future__ import annotations

from jobs import doctor
from jobs.store import Store


def audit(store: Store, now: float | None = None) -> list[str]:
    """Return what is wrong, a sentence each; an empty list is a sound Redis in which nobody but Lectern wrote.

    `now` (s) is what a test takes the time to be, so that what RQ has forgotten by then is not missed.
    """
    found = [fault.says for fault in doctor.examine(store, again_s=0, now=now).found if fault.rule != "pause-known"]
    strangers = [key for key in store.redis.scan_iter("*") if not key.startswith((b"rq:", store.keys.prefix.encode() + b":"))]
    return found + [f"{key.decode()} is not described in jobs/keys.py" for key in strangers]
