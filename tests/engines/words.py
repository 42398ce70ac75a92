"""Count wrong words: the measure by which transcripts are judged."""

from __future__ import annotations

import json
import re
from pathlib import Path


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z ]", "", text.lower().replace("\n", " ")).split()


def reference(path: Path) -> list[str]:
    return words(json.loads(path.read_text())["text"])


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Return insertions, deletions and replacements that turn `said` into `heard`, per word said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / len(said)
