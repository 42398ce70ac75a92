"""Load a make-believe model when first used, as the engines with real ones do, and do nothing with it. Only for benchmarks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from bench.stock_jobs import MODEL_S


@cache
def model() -> object:
    time.sleep(MODEL_S)
    return object()


def run(context: Any, inputs: Mapping[str, Any]) -> None:
    model()
