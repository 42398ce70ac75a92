"""Give no sign of life for longer than it may; `signs` gives one every tenth of a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

STALL_SECONDS = 1.5


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < context.claimed.payload["seconds"]:
        time.sleep(0.1)
        if context.claimed.payload.get("signs"):
            context.progress(0.0, "not mute now")
