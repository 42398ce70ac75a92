"""Turn the chunks of a recording into text: the task itself splits into a child per chunk, and each child decodes its own.

A child appends every decoded window of at most 30 s to its list. When it is run again, by whichever worker, it goes on at the
start of the first window that is not there, and comes to the same text and times as a run that nobody disturbed.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.errors import Misconfigured
from jobs.model import Spawn
from workers.engines.chunks import Chunk, listed
from workers.engines.segments import put

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from numpy.typing import NDArray

    from jobs.storage import Storage
    from workers.context import Context

#: A window of a large model takes a slow machine minutes, and a model's first use downloads it.
STALL_SECONDS = 900

DEFAULT_LANGUAGE = "en"  #: of a recording in which nobody speaks


def run(context: Context, inputs: dict[str, Any]) -> Spawn | dict[str, Any]:
    """Split into a child per chunk; or, as a child, transcribe it. Raises Misconfigured for a model that cannot be loaded."""
    if context.claimed.child is None:
        return split(context, listed(inputs["prepare"]["chunks"]))
    return transcribe(context, dict(context.claimed.payload))


def split(context: Context, chunks: list[Chunk]) -> Spawn:
    """Return a child per chunk, with the language pinned for all of them, so that no chunk is taken for another one."""
    from workers.engines import whisper

    params = context.claimed.params
    context.progress(0.0, "Loading the speech model")
    name = whisper.named(params.get("model"), context.settings)
    model = whisper.load(name, context.settings)
    language = choose_language(context, model, chunks, params.get("language"))
    children = tuple(
        {
            "n": n,
            "of": len(chunks),
            "key": chunk.key,
            "offset_s": chunk.offset_s,
            "seconds": chunk.seconds,
            "language": language,
        }
        for n, chunk in enumerate(chunks)
    )
    output = {
        "model": Path(name).name,
        "language": language,
        "versions": versions(),
        "settings": {"device": context.settings.whisper_device, "compute_type": context.settings.whisper_compute_type},
        "warnings": left_out(model, params),
    }
    return Spawn(children, output=output)


def left_out(model: WhisperModel, params: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the words of the vocabulary that are one too many for the model, or nothing."""
    from workers.engines import windows

    vocabulary = params.get("vocabulary", ())
    taken = len(windows.fitting(model, vocabulary))
    if taken == len(vocabulary):
        return []
    return [f"the vocabulary is longer than the speech model takes: its first {taken} of {len(vocabulary)} entries were used"]


def choose_language(context: Context, model: WhisperModel, chunks: list[Chunk], wanted: str | None) -> str:
    """Return the language to transcribe: the one asked for, the only one the model knows, or that of the first speech."""
    from workers.engines import windows

    if wanted is not None and wanted not in model.supported_languages:
        raise Misconfigured(
            f"the speech model does not know the language {wanted!r}; leave `language` out, or set WHISPER_MODEL to a model that knows it"
        )
    if wanted is not None or not model.model.is_multilingual:
        return wanted or model.supported_languages[0]
    for n, chunk in enumerate(chunks):
        context.progress(n / len(chunks), "Detecting the language")
        found = windows.detect_language(model, read_sound(context.storage, chunk.key))
        if found is not None:
            return found
    return DEFAULT_LANGUAGE


def transcribe(context: Context, chunk: dict[str, Any]) -> dict[str, Any]:
    """Decode the windows of one chunk that are not decoded yet, and put the segments of all of them into storage."""
    from workers.engines import whisper, windows

    params = context.claimed.params
    writer = context.writer()
    items = writer.items()
    model = whisper.load(whisper.named(params.get("model"), context.settings), context.settings)
    speech = windows.Chunk(
        model,
        read_sound(context.storage, chunk["key"]),
        language=chunk["language"],
        word_timestamps=wants_words(params),
        vocabulary=params.get("vocabulary", ()),
        checkpoint=context.checkpoint,
    )
    context.checkpoint()
    resumed_at = (items[-1]["seek"], items[-1]["speech_end_s"]) if items else (0, 0.0)
    for window in speech.windows(*resumed_at):
        item = {
            "seek": window.next_seek,
            "speech_end_s": window.speech_end_s,
            "segments": [shifted(segment, chunk["offset_s"]) for segment in window.segments],
        }
        writer.append([item])
        items.append(item)
        done = min(window.next_seek / speech.frames, 1.0)
        context.progress(done, f"Transcribing chunk {chunk['n'] + 1} of {chunk['of']}, {100 * done:.0f} %")
        context.checkpoint()
    segments = [segment for item in items for segment in item["segments"]]
    spoken = [list(moment({"start": start, "end": end}, chunk["offset_s"]).values()) for start, end in speech.spoken]
    key = put(context, "segments.json", segments, speech=spoken)
    return {"key": key, "segments": len(segments), "seconds": chunk["seconds"]}


def wants_words(params: Mapping[str, Any]) -> bool:
    """Tell whether each word needs its times: asked for, or because it has to be told who said it."""
    return bool(params.get("word_timestamps")) or params.get("speaker_detection") == "diarize"


def read_sound(storage: Storage, key: str) -> NDArray[np.float32]:
    """Return a chunk's samples, between -1 and 1."""
    with wave.open(io.BytesIO(storage.get_bytes(key))) as file:
        return np.divide(np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16), 32768, dtype=np.float32)


def shifted(segment: dict[str, Any], offset_s: float) -> dict[str, Any]:
    """Return a segment of a chunk, and its words, on the recording's clock."""
    moved = {**segment, **moment(segment, offset_s)}
    if "words" in segment:
        moved["words"] = [{**word, **moment(word, offset_s)} for word in segment["words"]]
    return moved


def moment(part: dict[str, Any], offset_s: float) -> dict[str, float]:
    return {"start": round(part["start"] + offset_s, 3), "end": round(part["end"] + offset_s, 3)}


def versions() -> dict[str, str]:
    """Return the versions of what the text depends on besides the model."""
    return {name: version(name) for name in ("faster-whisper", "ctranslate2")}
