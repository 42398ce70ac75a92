"""Join the chunks' segments into one transcript on the recording's clock, and write it as text, subtitles and JSON.

transcript.json, the form that programs read:

    {"version": 1,
     "recording": {"filename", "seconds", "format", "codec", "channels", "sample_rate"},
     "model": name, "language": code, "versions": {library: version},
     "truncated_at_s": where the recording breaks off, or null,
     "warnings": [sentence, …],
     "segments": [{"start", "end": seconds, "text", "avg_logprob", "no_speech_prob",
                   "words": [{"word", "start", "end", "probability"}, …] (only if asked for)}, …]}

Segments stand in the order of time, do not overlap and end within the recording; so do the words of each.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from jobs.errors import Unplayable
from workers.engines import guard
from workers.engines.clock import clock
from workers.engines.segments import Segment, read

if TYPE_CHECKING:
    from jobs.storage import Storage
    from workers.context import Context

PARAGRAPH_PAUSE_SECONDS = 2.0  #: who pauses for so long goes on to something else
PARAGRAPH_CHARACTERS = 600  #: a longer one ends with its sentence
SENTENCE_ENDS = (".", "?", "!", "…", "\N{IDEOGRAPHIC FULL STOP}", "\N{FULLWIDTH QUESTION MARK}", "\N{FULLWIDTH EXCLAMATION MARK}")

NO_SPEECH = "no speech was found in the recording"


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the artifacts and what is to be known of them. Raises Unplayable, with the same, if the recording breaks off."""
    recording, prepared, transcribed = inputs["inspect"], inputs["prepare"], inputs["transcribe"]
    context.progress(0.0, "Joining the transcript")
    segments = read(context, inputs)
    warnings = [] if segments else [NO_SPEECH]
    if "align" not in inputs:  # which tells of it, if it is there
        warnings += guard.warnings(segments)
    breaks_off = breaks_off_sentence(prepared["truncated_at_s"], recording["seconds"]) if prepared["truncated_at_s"] is not None else None
    transcript = {
        "version": 1,
        "recording": {name: recording[name] for name in ("filename", "seconds", "format", "codec", "channels", "sample_rate")},
        "model": transcribed["model"],
        "language": transcribed["language"],
        "versions": transcribed["versions"],
        "truncated_at_s": prepared["truncated_at_s"],
        "warnings": [*prepared["warnings"], *warnings, *([breaks_off] if breaks_off else [])],
        "segments": segments,
    }
    context.progress(0.5, "Writing the transcript")
    output = {
        "artifacts": write(context, transcript),
        "segments": len(segments),
        "words": sum(len(segment["text"].split()) for segment in segments),
        "language": transcribed["language"],
        "model": transcribed["model"],
        "versions": transcribed["versions"],
        "warnings": warnings,  # only its own: a job's status shows those of all its tasks
    }
    # Nothing reads the chunks any more: every task that does has completed, and a retry begins here or later (decision 0022).
    context.storage.delete_prefix(f"jobs/{context.claimed.job}/prepare/")
    if breaks_off:
        raise Unplayable(breaks_off, output=output)
    return output


def breaks_off_sentence(at_s: float, declared_s: float) -> str:
    where = f"the recording breaks off at {clock(at_s)}"
    if declared_s - at_s >= 1:
        where += f", although it says that it is {clock(declared_s)} long"
    return f"{where}: the file is cut off or damaged; what comes before was transcribed and can be downloaded"


def write(context: Context, transcript: dict[str, Any]) -> list[dict[str, Any]]:
    """Put the transcript into storage in all its forms and return them as artifacts."""
    segments = transcript["segments"]
    forms = (
        ("transcript.txt", "text/plain; charset=utf-8", text(segments)),
        ("transcript.srt", "application/x-subrip; charset=utf-8", subtitles(segments, "srt")),
        ("transcript.vtt", "text/vtt; charset=utf-8", subtitles(segments, "vtt")),
        ("transcript.json", "application/json", json.dumps(transcript, ensure_ascii=False, indent=1) + "\n"),
    )
    artifacts = []
    for name, media_type, content in forms:
        artifacts.append(put(context.storage, context.key(name), name, media_type, content.encode()))
        context.checkpoint()
    return artifacts


def put(storage: Storage, key: str, name: str, media_type: str, data: bytes) -> dict[str, Any]:
    storage.put_bytes(key, data)
    return {"name": name, "bytes": len(data), "media_type": media_type, "key": key}


def text(segments: list[Segment]) -> str:
    """Return the transcript to read: a paragraph ends at a long pause, or with its sentence once it is long."""
    paragraphs: list[str] = []
    past = 0.0
    for segment in segments:
        said = segment["text"]
        full = bool(paragraphs) and len(paragraphs[-1]) >= PARAGRAPH_CHARACTERS and paragraphs[-1].endswith(SENTENCE_ENDS)
        if full or not paragraphs or segment["start"] - past >= PARAGRAPH_PAUSE_SECONDS:
            paragraphs.append(said)
        else:
            paragraphs[-1] += f" {said}"
        past = segment["end"]
    return "".join(f"{paragraph}\n\n" for paragraph in paragraphs).rstrip("\n") + ("\n" if paragraphs else "")


def subtitles(segments: list[Segment], form: str) -> str:
    """Return the segments as SubRip (`srt`) or WebVTT (`vtt`)."""
    import pysubs2

    subs = pysubs2.SSAFile()
    for segment in segments:
        said = " ".join(segment["text"].split()).replace("\\", "\N{SET MINUS}")  # a backslash starts an escape there
        # What a player would take for markup: WebVTT has escapes for it, SubRip only has none for its arrow.
        said = html.escape(said, quote=False) if form == "vtt" else said.replace("-->", "→")
        subs.append(pysubs2.SSAEvent(start=round(segment["start"] * 1000), end=round(segment["end"] * 1000), text=said))
    return subs.to_string(form, keep_ssa_tags=True)
