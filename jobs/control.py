"""What people do to a job after it was submitted: cancel, retry, delete; and to a queue: pause, resume."""

from __future__ import annotations

import secrets

from jobs.store import Store, stamp


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


def delete(store: Store, job: str, *, now: float | None = None) -> tuple[str, ...]:
    """Delete a job in whatever state, with its running tasks given up; return the prefixes it wrote to in storage.

    Raises NotFound.
    """
    more = int(store.run("delete", stamp(now), job)[0])
    store.sweep(job, more)
    return (f"jobs/{job}/",)


def pause(store: Store, queue: str) -> bool:
    """Stop claims from `queue` (`long`, `ingest.short`); what runs goes on. Return False when it was paused already."""
    return bool(int(store.run("pause", f"queue:{queue}", "1")[0]))


def resume(store: Store, queue: str) -> bool:
    """Undo pause; return False when it was not paused."""
    return bool(int(store.run("pause", f"queue:{queue}", "0")[0]))
