"""What people do to a job after it was submitted: cancel, retry, delete; and to what waits: pause, resume."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Literal

from jobs.store import Store, stamp

Paused = Literal["queue", "org", "type"]


def cancel(store: Store, job: str, *, now: float | None = None) -> None:
    """Cancel a job: from the first call on, nothing of it is claimed or recorded. Cancelling it again changes nothing.

    Raises NotFound; Conflict when it has completed or failed.
    """
    store.sweep(job, int(store.run("cancel", stamp(now), job)[0]))


def retry(store: Store, job: str, *, now: float | None = None) -> None:
    """Retry what ended a failed job, or all that was cancelled of a cancelled one. Raises NotFound, Conflict."""
    retry_task(store, job, "", now=now)


def retry_task(store: Store, job: str, node: str, *, call: str | None = None, now: float | None = None) -> None:
    """Retry a failed, skipped or cancelled task (`merge`) or child (`transcribe.3`), and what was cancelled because of it.

    A child whose parent failed with it takes the parent's other failed children along. Repeating the same `call` changes
    nothing. Raises NotFound, Conflict.
    """
    store.sweep(job, int(store.run("retry", stamp(now), job, node, call or secrets.token_hex(8))[0]))


def revise(store: Store, job: str, corrections: str, tasks: Sequence[str], *, former: str | None = None, now: float | None = None) -> None:
    """Run `tasks` of a completed job again, and what depends on them: its transcript was corrected.

    `corrections` is the key in storage of all corrections so far, never used before, `former` that of those it was made of; repeating
    the call changes nothing. Raises NotFound; Conflict when the job has not completed, was corrected meanwhile, or more would run
    again than one call may change.
    """
    (more,) = store.run("revise", stamp(now), job, ",".join(tasks), corrections, former or "")
    store.sweep(job, int(more))


def corrections(store: Store, job: str) -> str | None:
    """Return the key of the corrections of a job, if it has any."""
    found: bytes | None = store.redis.hget(store.keys.job(job), "corrections")
    return found.decode() if found is not None else None


def delete(store: Store, job: str, *, now: float | None = None) -> tuple[str, ...]:
    """Delete a job in whatever state, with its running tasks given up; return the prefixes it wrote to in storage.

    Raises NotFound.
    """
    more = int(store.run("delete", stamp(now), job)[0])
    store.sweep(job, more)
    return (f"jobs/{job}/",)


def pause(store: Store, name: str, kind: Paused = "queue", *, now: float | None = None) -> bool:
    """Let no claim take from a queue (`long`, `ingest.short`), an organisation or a job type; what runs goes on.

    Effective before the next claim. Return False when it was paused already.
    """
    return bool(int(store.run("pause", stamp(now), kind, name, "1")[0]))


def resume(store: Store, name: str, kind: Paused = "queue", *, now: float | None = None) -> bool:
    """Undo pause; return False when it was not paused."""
    changed, more = store.run("pause", stamp(now), kind, name, "0")
    store.sweep(f"type:{name}", int(more))
    return bool(int(changed))


def paused(store: Store) -> dict[Paused, list[str]]:
    """Return the names of what is paused, by kind."""
    found: dict[Paused, list[str]] = {"queue": [], "org": [], "type": []}
    for member in sorted(store.redis.smembers(store.keys.build("pauses"))):
        kind, _, name = member.decode().partition(":")
        found[kind].append(name)
    return found


def held(store: Store) -> dict[str, int]:
    """Return how many ready tasks of each paused job type claims have set aside so far."""
    kinds = paused(store)["type"]
    with store.redis.pipeline(transaction=False) as pipe:
        for kind in kinds:
            pipe.llen(store.keys.build("held", kind))
        return dict(zip(kinds, pipe.execute(), strict=True)) if kinds else {}
