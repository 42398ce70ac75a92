"""Sleep `seconds` in one piece and never look at the context."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    time.sleep(context.claimed.payload["seconds"])
