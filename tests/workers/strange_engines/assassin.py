"""Kill the supervisor, and with it the whole worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
