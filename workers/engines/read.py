"""Read a transcript that is there already: of a job that has ended, or uploaded as JSON of ours, SubRip, WebVTT or plain text.

Gives the segments that the tasks after it work on, as `transcribe` would. A plain text has no times: all of its are 0, `timed` is false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeGuard

from jobs.errors import NotFound, Unplayable
from jobs.transcripts import decode, suffix, too_large
from jobs.uploads import storage_key
from jobs.view import told_artifacts
from workers.engines import segments
from workers.notes import sentences
from workers.outcome import Later

if TYPE_CHECKING:
    from workers.context import Context

TRANSCRIPT = "transcript.json"
LANGUAGE = re.compile(r"[a-z]{2,3}")
WAIT_S = 10.0  #: until a job that is being worked on is looked at again
MOST_SECONDS = 1e7  #: a time beyond this is none


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the segments lie and what is known of the recording. Raises Unplayable for what is no transcript, or not there."""
    params = context.claimed.params
    context.progress(0.0, "Reading the transcript")
    try:
        if "job" in params:
            found = of_job(context, str(params["job"]))
        else:
            name = str(params.get("filename", "transcript.txt"))
            found = {**read(fetched(context, storage_key(str(params["upload"]))), name), "filename": name}
    except NotFound as error:
        raise Unplayable(f"the transcript is no longer there: {error}") from None
    said = found.pop("segments")
    return {
        "key": segments.put(context, "segments.json", said),
        "segments": len(said),
        "seconds": said[-1]["end"] if said else 0.0,
        "title": PurePath(found["filename"]).stem,
        **found,
        "language": params.get("language") or found["language"],
    }


def of_job(context: Context, job: str) -> dict[str, Any]:
    """Return the transcript of another job of the same user. Raises NotFound; Later when it is still made; Unplayable when it has none."""
    used = context.used(job)
    keys = [artifact["key"] for artifact in told_artifacts(used) if artifact["name"] == TRANSCRIPT]
    if not keys:
        if not used.status.ended:  # as after a correction, or a retry
            raise Later(f"job {job} is being worked on; its transcript is read when it is there", WAIT_S)
        raise Unplayable(f"job {job} has no transcript: it is a {used.type} job, {used.status}")
    found = read(fetched(context, keys[0]), TRANSCRIPT)
    return {**found, "filename": str(used.params.get("filename") or TRANSCRIPT)}


def fetched(context: Context, key: str) -> bytes:
    """Return a file from storage. Raises NotFound; Unplayable for one that is too large to be a transcript."""
    too_large(context.storage.size(key))
    data = context.storage.get_bytes(key)
    context.checkpoint()
    return data


def read(data: bytes, name: str) -> dict[str, Any]:
    """Return {segments, language, timed} of the file called `name`. Raises Unplayable with what is wrong."""
    text = decode(data)
    match suffix(name):
        case ".json":
            return of_json(text)
        case ".srt" | ".vtt" as form:
            said = of_subtitles(text, form.removeprefix("."))
            return {"segments": said, "language": "", "timed": True}
    return {"segments": of_text(text), "language": "", "timed": False}


def of_json(text: str) -> dict[str, Any]:
    """Return a transcript.json of ours, or of anybody who writes `segments` with start, end and text."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Unplayable("the transcript is not JSON") from None
    listed = given.get("segments") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise Unplayable("the JSON is no transcript: it has no list `segments`")
    said = [checked(n, segment) for n, segment in enumerate(listed)]
    said = sorted((segment for segment in said if segment["text"]), key=lambda segment: (segment["start"], segment["end"]))
    language = str(given.get("language") or "")
    return {"segments": said, "language": language if LANGUAGE.fullmatch(language) else "", "timed": True}


def checked(n: int, segment: Any) -> segments.Segment:
    given = segment if isinstance(segment, dict) else {}
    text, start, end = given.get("cleaned") or given.get("text"), given.get("start"), given.get("end")
    if not is_text(text) or not is_time(start) or not is_time(end) or end < start:
        raise Unplayable(f"the JSON is no transcript: segment {n} needs `text`, and `start` and `end` in seconds")
    speaker = {"speaker": given["speaker"]} if is_text(given.get("speaker")) else {}
    return {"start": float(start), "end": float(end), "text": " ".join(text.split()), **speaker}


def is_text(value: Any) -> TypeGuard[str]:
    """Whether it can be written as UTF-8: JSON may escape half a character."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def is_time(value: Any) -> TypeGuard[float]:
    """Whether it is a time in seconds. NaN is not, nor is a number of a thousand digits, which no float holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_SECONDS


def of_subtitles(text: str, form: str) -> list[segments.Segment]:
    import pysubs2

    try:
        cues = pysubs2.SSAFile.from_string(text, form)
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise Unplayable(f"the file is no {form.upper()}: {error}") from None
    said = [(cue.start / 1000, cue.end / 1000, " ".join(cue.plaintext.split())) for cue in cues if not cue.is_comment]
    if not said and text.removeprefix("WEBVTT").strip():
        raise Unplayable(f"the file is no {form.upper()}: it has no cue with its times")
    return [{"start": start, "end": max(start, end), "text": line} for start, end, line in sorted(said) if line]


def of_text(text: str) -> list[segments.Segment]:
    """Return a plain text sentence by sentence, without times. A blank line ends a sentence, a line does not."""
    blocks = [{"start": 0.0, "end": 0.0, "text": block, "speaker": str(n)} for n, block in enumerate(re.split(r"\n\s*\n", text))]
    return [{"start": 0.0, "end": 0.0, "text": sentence.text} for sentence in sentences.read(blocks)]
