"""Take study notes of a transcript: title, summary, outline by time, key terms, questions, flashcards, a quiz.

They are made here, out of the transcript's own sentences (`workers.notes`), in seconds. Where Gemini may be asked, children
(`notes_part`) then have it write better ones; what is told in the end, `noted` decides: Gemini's, if they came and hold.

notes.json is described in `workers.notes.shape`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.model import Spawn
from workers import gemini
from workers.engines import segments
from workers.notes import offline
from workers.notes.draft import parts
from workers.notes.shape import OFFLINE, Notes

if TYPE_CHECKING:
    from workers.context import Context

STALL_SECONDS = 180.0  #: the longest and oddest texts take half a minute between two signs of life, on a busy machine
NAME = "notes.json"
VERSION = "1"  #: of how notes are made offline
MOST_BYTES = 1_000_000  #: of a transcript in UTF-8, a day of speech in most languages; what comes after is left out
PART_CHARACTERS = 400_000  #: of one request to Gemini, six hours of speech
NOT_ALLOWED = (
    "the notes were made offline: a key for Gemini is there, but nothing may be sent to it until an admin sets THIRD_PARTIES=gemini"
)


def run(context: Context, inputs: Mapping[str, Any]) -> Any:
    """Return where notes.json lies and what is to be known of it; or that, and the children that ask Gemini."""
    context.progress(0.0, "Taking notes")
    said = segments.read(context, inputs)
    heard, warnings = bounded(said)
    if not gemini.possible(context.settings) and context.settings.gemini_api_key.get_secret_value():
        warnings.append(NOT_ALLOWED)
    notes = offline.take(
        heard, language=language_of(inputs), name=name_of(inputs), warnings=warnings, step=lambda done: context.progress(0.9 * done)
    )
    output = {**put(context, notes), "provenance": provenance()}
    if not gemini.possible(context.settings) or not notes.summary:
        return output
    key = segments.put(context, "segments.json", heard)
    since, language = context.claimed.claimed_at, notes.language
    payloads = [{"segments": key, "first": a, "past": b, "since": since, "language": language} for a, b in parts(heard, PART_CHARACTERS)]
    return Spawn(
        tuple(payloads),
        output={**output, "parts": len(payloads)},
        engine="notes_part",
        attempts=5,
        backoff_s=20,
        timeout_s=600,
        allowed_failures=len(payloads),  # there are notes in any case
    )


def bounded(said: Sequence[segments.Segment]) -> tuple[Sequence[segments.Segment], list[str]]:
    """Return the segments that notes are taken of, all but of the longest transcripts, and what is to be said of that."""
    sizes = itertools.accumulate(len(segment["text"].encode()) for segment in said)
    most = sum(size <= MOST_BYTES for size in sizes)
    if most == len(said):
        return said, []
    return said[:most], [f"the notes are of the first {most} of {len(said)} segments: they are taken of at most {MOST_BYTES} bytes"]


def language_of(inputs: Mapping[str, Any]) -> str:
    return next((str(inputs[task]["language"]) for task in ("read", "transcribe") if inputs.get(task, {}).get("language")), "")


def name_of(inputs: Mapping[str, Any]) -> str:
    return next((str(inputs[task]["filename"]) for task in ("read", "inspect") if inputs.get(task, {}).get("filename")), "")


def put(context: Context, notes: Notes) -> dict[str, Any]:
    key = context.key(NAME)
    context.storage.put_bytes(key, notes.model_dump_json(indent=1).encode())
    return {"key": key, "items": len(notes.items()), "dropped": notes.dropped, "warnings": notes.warnings, "engine": notes.engine}


def provenance() -> dict[str, Any]:
    return {"engine": "notes", "method": f"{OFFLINE}: TextRank, key phrases, topics by time", "version": VERSION, "third_party": None}
