"""Have Gemini mend punctuation, slips and fillers in what was said: split it into parts of some sentences, each asked about by itself.

What comes of the parts is read by `workers.engines.cleaned`. A part that nothing comes of stays as it was said; when that is all of
them, the step is skipped with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jobs.model import Spawn
from workers import gemini
from workers.engines import segments

if TYPE_CHECKING:
    from workers.context import Context

PART_SENTENCES = 30  #: of a request; one that drifts leaves so many as they were
PART_LETTERS = 5000


def run(context: Context, inputs: dict[str, Any]) -> Spawn | dict[str, Any]:
    """Split into a child per part. Raises NotConfigured unless content may be sent to Gemini."""
    gemini.allowed(context.settings)
    context.progress(0.0, "Having Gemini clean up the text")
    # As transcribed: a correction may be taken back, and this is not run again. Where there is one, merge shows that.
    texts = [segment["text"] for segment in segments.read(context, inputs, corrected=False)]
    output = {
        "segments": len(texts),
        "parts": [first for first, _ in parts(texts)],
        "warnings": [],
        "provenance": {
            "engine": "cleanup",
            "method": "punctuation, slips and fillers, checked against what was transcribed",
            **gemini.provenance(context.settings),
            "settings": {"sentences_at_once": PART_SENTENCES},
        },
    }
    if not texts:
        return output
    key = context.key("sentences.json")
    context.storage.put_bytes(key, json.dumps(texts, ensure_ascii=False).encode())
    language = inputs.get("transcribe", {}).get("language") or ""
    children = tuple(
        {"key": key, "first": first, "count": count, "language": language, "since": context.claimed.claimed_at}
        for first, count in parts(texts)
    )
    return Spawn(
        children,
        output=output,
        engine="cleanup_part",
        attempts=5,
        backoff_s=20,
        timeout_s=300,
        allowed_failures=len(children) - 1,
    )


def parts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield first sentence and count of each part."""
    first = letters = 0
    for n, text in enumerate(texts):
        if n > first and (n - first == PART_SENTENCES or letters + len(text) > PART_LETTERS):
            yield first, n - first
            first, letters = n, 0
        letters += len(text)
    if texts:
        yield first, len(texts) - first
