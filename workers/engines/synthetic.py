"""Sleep, fail, crash or split, as the payload says: for load, fault and acceptance tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.model import Spawn

if TYPE_CHECKING:
    from workers.context import Context

STEP_S = 0.1  #: how often it looks whether it is to stop


def run(context: Context, inputs: Mapping[str, Any]) -> Any:
    """Do what the payload says: crash, else fail, on its first attempts; else split into children, or sleep and return its output."""
    claimed = context.claimed
    payload = claimed.payload
    if not payload:
        return None
    if claimed.attempt <= payload.get("crash_attempts", 0):
        os.killpg(0, signal.SIGKILL)
    if claimed.attempt <= payload.get("fail_attempts", 0):
        raise RuntimeError(f"attempt {claimed.attempt} fails, as fail_attempts={payload['fail_attempts']} asks for")
    seconds = payload.get("seconds", 0.0)
    if claimed.child is None and payload.get("children"):
        return Spawn(
            children=({"seconds": seconds},) * payload["children"],
            output=payload.get("output"),
            attempts=payload.get("attempts", 3),
            backoff_s=payload.get("backoff_seconds", 5.0),
        )
    if seconds:
        _sleep(context, seconds)
    return payload.get("output")


def _sleep(context: Context, seconds: float) -> None:
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        context.progress(passed / seconds)
        time.sleep(min(STEP_S, seconds - passed))
