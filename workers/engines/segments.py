"""What was said, as the tasks after `transcribe` see it: segments in the order of time, on the recording's clock.

A file of segments is `{"segments": [{"start", "end": seconds, "text", "avg_logprob", "no_speech_prob", "words": [{"word", "start", "end",
"probability", "low": true (if it is worth a look)}, …] (if asked for), "speaker" (if known), "doubt" (if any: workers.engines.guard),
"corrected": true (if its text is its owner's)}, …]}`. The last task that wrote one counts: diarize, else align, else the children of
transcribe, or read, of a transcript that was there already. What later tasks add stands in files of their own, an item for each
segment, by its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workers.engines.corrections import applied

if TYPE_CHECKING:
    from workers.context import Context

Segment = dict[str, Any]

WRITERS = ("diarize", "align")  #: the last one first


def read(context: Context, inputs: Mapping[str, Any], *, corrected: bool = True) -> list[Segment]:
    """Return the segments that this task is to work on, with the corrections of the job's owner if there are any.

    Not for a task that makes segments itself: corrections are of the last one's, and would be put in twice. Not `corrected`
    either: for one that is not run again when a correction changes.
    """
    segments = written(context, inputs)
    if not corrected or context.claimed.engine in WRITERS:
        return segments
    corrections = context.corrections()
    return applied(segments, corrections) if corrections else segments


def written(context: Context, inputs: Mapping[str, Any]) -> list[Segment]:
    """Return the segments as the last task that wrote some left them."""
    for task in (*WRITERS, "read"):
        if task in inputs:
            found: list[Segment] = json.loads(context.storage.get_bytes(inputs[task]["key"]))["segments"]
            return found
    return in_order(collect(context), inputs["prepare"]["seconds"])


def put(context: Context, name: str, segments: Sequence[Segment], **more: Any) -> str:
    """Put a file of segments into storage, and return its key."""
    key = context.key(name)
    context.storage.put_bytes(key, json.dumps({"segments": segments, **more}, ensure_ascii=False).encode())
    return key


def collect(context: Context) -> list[Segment]:
    """Return the segments of all chunks, chunk by chunk."""
    return [segment for chunk in heard(context) for segment in chunk["segments"]]


def heard(context: Context) -> Iterator[dict[str, Any]]:
    """Yield what each chunk was heard to be: its `segments`, and `speech`, the stretches in which somebody speaks."""
    for chunk in context.children_outputs("transcribe"):
        found = json.loads(context.storage.get_bytes(chunk["key"]))
        yield {"segments": found, "speech": []} if isinstance(found, list) else found  # a list: as it was before there was `speech`
        context.checkpoint()


def in_order(segments: list[Segment], seconds: float) -> list[Segment]:
    """Return the segments by their start, none beginning before the last one ended, none beyond `seconds`; words alike."""
    ordered: list[Segment] = []
    past = 0.0
    for segment in sorted(segments, key=lambda segment: float(segment["start"])):
        placed = {**segment, **within(segment, past, seconds)}
        if "words" in segment:
            placed["words"] = []
            for word in segment["words"]:
                placed["words"].append({**word, **within(word, past, placed["end"])})
                past = placed["words"][-1]["end"]
        ordered.append(placed)
        past = placed["end"]
    return ordered


def within(part: dict[str, Any], first: float, last: float) -> dict[str, float]:
    """Return start and end of a segment or word, moved as little as it takes to lie between `first` and `last`."""
    start = min(max(part["start"], first), last)
    return {"start": start, "end": min(max(part["end"], start), last)}
