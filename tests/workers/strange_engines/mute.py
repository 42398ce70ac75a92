"""Give no sign of life for longer than it may; with `signs` one each tenth of a second, with `until` one, more once that file exists."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STALL_SECONDS = 1.5


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    payload = context.claimed.payload
    begun = time.monotonic()
    if payload.get("until"):
        context.progress(0.0, "mute from now on")
    while time.monotonic() - begun < payload["seconds"]:
        time.sleep(0.1)
        if payload.get("signs") or ("until" in payload and Path(payload["until"]).exists()):
            context.progress(0.0, "not mute now")
