"""Start a process that outlives an ordinary death, leave its id in `file`, and work on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    process = subprocess.Popen(["sleep", "300"])
    Path(context.claimed.payload["file"]).write_text(f"{process.pid} {context.scratch}")
    while True:
        context.checkpoint()
        time.sleep(0.05)
