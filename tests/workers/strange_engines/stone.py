"""Take no notice of anything that is raised, for ever."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    context.progress(0.0, "deaf from now on")
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.05)
            context.checkpoint()
