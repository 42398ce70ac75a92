"""What a stock worker runs. In a file of its own with few imports: each of its forks imports it anew."""

from __future__ import annotations

import time

MODEL_S = 0.5  #: how long the make-believe model takes to load


def noop() -> None:
    """Do as little as the synthetic engine does."""


def with_model() -> None:
    """Load a model, as each fork has to, and do nothing with it."""
    time.sleep(MODEL_S)
