"""Turn what an engine returned or raised into the outcome that is recorded. Pure."""

from __future__ import annotations

import errno
import json
import traceback

from jobs.errors import Misconfigured, StorageFull, Unplayable
from jobs.model import Back, Claimed, Completed, Failed, Json, Outcome, Skipped, Spawn
from jobs.record import ERROR_BYTES, encode
from jobs.settings import Settings

TIMED_OUT = "timed out"
_MAX_HEADLINE_BYTES = 1024


class NotConfigured(Exception):
    """The step cannot be done on this installation; the message says what to set. An optional step is skipped."""


class Later(Exception):
    """Not now, and nobody's fault: the task is handed back for `delay_s`, no attempt spent. The message says what it waits for."""

    def __init__(self, reason: str, delay_s: float) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class TryAgain(Exception):
    """Another attempt may mend it: a service outside is in trouble. The message is a sentence, so that no traceback is shown.

    `delay_s` says when, where that is not for the task's own backoff to say.
    """

    def __init__(self, reason: str, delay_s: float | None = None) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class GaveUp(Exception):
    """What no other attempt mends; the message says what. The task fails for good."""


def of_result(result: Json, claimed: Claimed, settings: Settings) -> Outcome:
    """Return the outcome of an engine that returned `result`: Completed, Spawn or plain JSON, checked for size."""
    if result is None:
        return Completed()
    if isinstance(result, Failed | Skipped):
        return result
    if isinstance(result, Spawn):
        return _of_spawn(result, claimed, settings)
    completed = result if isinstance(result, Completed) else Completed(result)
    return _refused(completed.output, claimed, settings) or completed


def of_error(error: BaseException, claimed: Claimed, settings: Settings) -> Outcome | Back:
    """Return the outcome of an engine that raised `error`. A sentence for what somebody can mend or has to wait for, else a traceback."""
    if isinstance(error, Unplayable | Misconfigured):
        output = getattr(error, "output", None)  # what could be made in spite of it
        return _refused(output, claimed, settings) or Failed(str(error), final=True, output=output)
    if isinstance(error, NotConfigured):
        return Skipped(str(error))
    if isinstance(error, Later):
        return Back(str(error), error.delay_s)
    if isinstance(error, TryAgain):
        return Failed(str(error), delay_s=error.delay_s)
    if isinstance(error, GaveUp):
        return Failed(str(error), final=True)
    return Failed(ran_out(error, claimed) or describe(error))


def ran_out(error: BaseException, claimed: Claimed) -> str:
    """Return a sentence when `error` says that memory or disk ran out: worth another attempt, perhaps on another machine."""
    if isinstance(error, MemoryError):
        return f"out of memory: engine {claimed.engine} asked for more than its worker may have"
    if isinstance(error, StorageFull):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of the worker is full: {error.filename or 'a temporary file'} could not be written"
    return ""


def timed_out(timeout_s: float) -> str:
    return f"{TIMED_OUT} after {timeout_s:g} s"


def describe(error: BaseException) -> str:
    """`Type: message`, then the traceback, its beginning cut so that all of it stays within 4 KB."""
    headline = _cut(f"{type(error).__name__}: {error}".rstrip(": "), _MAX_HEADLINE_BYTES)
    trace = "".join(traceback.format_exception(error)).encode(errors="replace")
    room = ERROR_BYTES - len(headline.encode()) - 1
    if len(trace) > room:
        mark = b"[...]\n"
        trace = mark + trace[len(mark) - room :].split(b"\n", 1)[-1]
    return f"{headline}\n{trace.decode(errors='ignore')}".rstrip("\n")


def _of_spawn(spawn: Spawn, claimed: Claimed, settings: Settings) -> Outcome:
    if not spawn.children:
        return of_result(Completed(spawn.output), claimed, settings)
    if claimed.child is not None:
        return Failed(f"engine {claimed.engine} spawned children of {claimed.node}, which is a child itself", final=True)
    if len(spawn.children) > settings.max_children:
        return Failed(
            f"{claimed.node} splits into {len(spawn.children)} children, more than MAX_CHILDREN={settings.max_children} allows",
            final=True,
        )
    for part in (spawn.output, *spawn.children):
        if refused := _refused(part, claimed, settings):
            return refused
    return spawn


def _refused(output: Json, claimed: Claimed, settings: Settings) -> Failed | None:
    if output is None:
        return None
    try:
        size = len(json.dumps(output, allow_nan=False))
    except (TypeError, ValueError) as error:
        return Failed(f"engine {claimed.engine} returned for {claimed.node} what is not JSON: {error}", final=True)
    if size > settings.max_output_bytes:  # with escapes, which are never shorter than what is written
        size = len(encode(output).encode())
    if size > settings.max_output_bytes:
        return Failed(
            f"engine {claimed.engine} returned {size} bytes for {claimed.node}, more than MAX_OUTPUT_BYTES={settings.max_output_bytes};"
            " large results belong in storage",
            final=True,
        )
    return None


def _cut(text: str, max_bytes: int) -> str:
    raw = text.encode(errors="replace")
    return raw.decode() if len(raw) <= max_bytes else raw[: max_bytes - 3].decode(errors="ignore") + "..."
