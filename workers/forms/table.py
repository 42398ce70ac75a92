"""Tables as CSV (RFC 4180, UTF-8): a transcript, a segment a line; flashcards, a card a line.

A spreadsheet takes text that begins with `=` and the like for a formula: such text gets an apostrophe before it, as OWASP advises.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workers.forms.notes import where
from workers.forms.said import plain, shown, speaker

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
                  "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
MEASURED = ("energy_db", "pitch_hz", "pitch_range", "words_per_s", "pause_s")


def transcript(segments: Sequence[Mapping[str, Any]]) -> str:
    """Return the segments; columns that would be empty throughout are left out."""
    rows = [row(segment) for segment in segments]
    kept = [name for name in rows[0] if name in ("start", "end", "text") or any(line[name] != "" for line in rows)] if rows else []
    return written([kept or ["start", "end", "text"], *([line[name] for name in kept] for line in rows)])


def row(segment: Mapping[str, Any]) -> dict[str, str]:
    delivery = segment.get("delivery") or {}
    heard = segment.get("avg_logprob")
    return {
        "start": f"{segment['start']:.3f}",
        "end": f"{segment['end']:.3f}",
        "speaker": guarded(speaker(segment)),
        "text": guarded(shown(segment)),
        "as heard": guarded(plain(segment["text"])) if segment.get("cleaned") else "",
        "confidence": f"{math.exp(min(heard, 0.0)):.3f}" if heard is not None else "",
        "delivery": guarded(plain(delivery.get("label") or "")),
        **{name: f"{delivery[name]:.3f}" if delivery.get(name) is not None else "" for name in MEASURED},
    }


def flashcards(cards: Iterable[Mapping[str, Any]], starts: Sequence[float]) -> str:
    rows = [[guarded(plain(card["front"])), guarded(plain(card["back"])), where(card, starts)] for card in cards]
    return written([["front", "back", "where"], *rows])


def guarded(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def written(rows: Iterable[Sequence[str]]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\r\n").writerows(rows)
    return target.getvalue()
