"""Measure how each segment is delivered: energy, pitch, pace and pauses of the voice. Called delivery, since that is what is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workers.engines import hearing
from workers.engines.chunks import SAMPLE_RATE
from workers.engines.segments import Segment, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workers.context import Context
    from workers.engines.chunks import Chunk
    from workers.engines.delivery import Frames, Measured

METHOD = "delivery measured from the voice: energy, pitch, pace, pauses"
VERSION = "1"
STALL_SECONDS = 300  #: a model of the installation may be slow


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the measures lie: an item for each segment that this task read, in their order."""
    from workers.engines import delivery

    segments = read(context, inputs)
    model = delivery.model()
    measured: list[Measured] = []
    named: list[str | None] = []
    for segment, frames, sound in heard(context, inputs, segments):
        measured.append(delivery.measure(frames, words_in(segment), frames_per_s()))
        if model:
            named.append(delivery.said_by(*model, sound, measured[-1]) if len(sound) else None)
            context.checkpoint()
    labels = named if model else delivery.labels(measured, [segment.get("speaker") for segment in segments])
    items = [{**one, "label": label} for one, label in zip(measured, labels, strict=True)]
    key = context.key("delivery.json")
    context.storage.put_bytes(key, json.dumps({"segments": items}).encode())
    provenance = {"engine": "emotions", "method": METHOD, "version": VERSION, "third_party": None}
    return {"key": key, "segments": len(items), "warnings": [], "provenance": provenance | ({"model": model[0]} if model else {})}


def heard(
    context: Context, inputs: Mapping[str, Any], segments: Sequence[Segment]
) -> Iterator[tuple[Segment, Frames, NDArray[np.float32]]]:
    """Yield every segment with its frames and its sound, in their order; one that goes over a cut is put together. Keeps one chunk."""
    import numpy as np

    waiting = list(segments)[::-1]
    parts: list[tuple[Frames, NDArray[np.float32]]] = []  #: of the segment that is not over yet
    for chunk, sound in hearing.chunks(context, inputs, "Measuring the voice"):
        frames = measure_chunk(context, chunk, sound)
        end_s = chunk.offset_s + chunk.seconds
        while waiting and waiting[-1]["start"] < end_s:
            parts.append(within(waiting[-1], chunk, frames, sound))
            if waiting[-1]["end"] > end_s:
                break
            yield waiting.pop(), *together(parts)
            parts = []
    for segment in waiting[::-1]:  # the last one may end a rounding behind the last chunk
        yield segment, *together(parts or [(nothing(), np.zeros(0, dtype=np.float32))])
        parts = []


def measure_chunk(context: Context, chunk: Chunk, sound: NDArray[np.float32]) -> Frames:
    import numpy as np

    from workers.engines import acoustics, delivery, speech

    power = np.power(10, acoustics.energy_db(sound) / 10, dtype=np.float32)
    context.checkpoint()
    hz, strength = acoustics.pitch(sound, context.checkpoint)
    spoken = np.zeros(len(power), dtype=bool)
    for stretch in speech.stretches(sound):
        spoken[round(stretch.start * acoustics.FRAMES_PER_S) : round(stretch.end * acoustics.FRAMES_PER_S)] = True
    return delivery.Frames(power, hz, strength, spoken)


def within(segment: Segment, chunk: Chunk, frames: Frames, sound: NDArray[np.float32]) -> tuple[Frames, NDArray[np.float32]]:
    """Return what of a segment lies in a chunk."""
    from workers.engines.delivery import Frames

    start, end = (max(segment[name] - chunk.offset_s, 0.0) for name in ("start", "end"))
    own = slice(round(start * frames_per_s()), round(end * frames_per_s()))
    heard = Frames(frames.power[own], frames.hz[own], frames.strength[own], frames.spoken[own])
    return heard, sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def together(parts: Sequence[tuple[Frames, NDArray[np.float32]]]) -> tuple[Frames, NDArray[np.float32]]:
    import numpy as np

    from workers.engines.delivery import Frames

    if len(parts) == 1:
        return parts[0]
    names = ("power", "hz", "strength", "spoken")
    joined = Frames(*(np.concatenate([getattr(frames, name) for frames, _ in parts]) for name in names))
    return joined, np.concatenate([sound for _, sound in parts])


def nothing() -> Frames:
    import numpy as np

    from workers.engines.delivery import Frames

    none = np.zeros(0, dtype=np.float32)
    return Frames(none, none, none, np.zeros(0, dtype=bool))


def words_in(segment: Segment) -> int:
    return len(segment["words"]) if segment.get("words") else len(segment["text"].split())


def frames_per_s() -> int:
    from workers.engines.acoustics import FRAMES_PER_S

    return FRAMES_PER_S
