"""Gather what every step found out into one transcript on the recording's clock, and write it, and the notes on it, in all forms.

transcript.json, the form that programs read:

    {"version": 2,
     "title": of the notes, or null,
     "recording": {"filename", "seconds", "format", "codec", "channels", "sample_rate"},
     "model": name, "language": code, "versions": {library: version},
     "truncated_at_s": where the recording breaks off, or null,
     "parameters": what was asked for,
     "steps": {task: {"engine", "method", "model", "version", "settings": {…}, "third_party": who the text was sent to, or null}, …},
           (also of a clean-up that was begun and then skipped or failed: its text may have been sent)
     "skipped": [task that was asked for and not done, …],
     "warnings": [sentence, … of all steps],
     "uncovered": [[start, end] of speech that was not transcribed, …],
     "segments": [{"start", "end": seconds, "text": as heard, or as its owner corrected it, "avg_logprob", "no_speech_prob",
                   "corrected": true (only where its owner did), "doubt": why it may not be what was said (only where it may not be),
                   "cleaned": the text after clean-up (only where that changed it),
                   "speaker": "S1" or a name (only if speakers were told apart),
                   "delivery": {"label", "energy_db", "pitch_hz", "pitch_range", "words_per_s", "pause_s"} (only if asked for),
                   "words": [{"word", "start", "end", "probability", "low": true where that is low}, …] (only if asked for)}, …]}

Segments stand in the order of time, do not overlap and end within the recording; so do the words of each. Version 1 had neither
`title`, `parameters`, `steps` nor `skipped`; what it had means the same here.

In a job of notes alone there is no recording: the notes are written, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.errors import Unplayable
from workers.engines import align, cleaned, guard, noted
from workers.engines.corrections import VERSION, applied, unfit
from workers.engines.packing import asked_for
from workers.engines.segments import Segment, heard, in_order, read
from workers.forms import anki, markdown, notes, plaintext, subtitles, table, transcript, webpage, word
from workers.forms.said import clock

if TYPE_CHECKING:
    from workers.context import Context

NO_SPEECH = "no speech was found in the recording"

#: The tasks that may come before, in their order, and whether a transcription's parameters ask for them.
STEPS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "prepare": lambda params: True,
    "transcribe": lambda params: True,
    "align": lambda params: params.get("word_timestamps", False) or params.get("speaker_detection") == "diarize",
    "diarize": lambda params: params.get("speaker_detection") == "diarize",
    "emotions": lambda params: params.get("detect_emotions", False),
    "cleanup": lambda params: params.get("llm_cleanup", False),
    "notes": lambda params: params.get("notes", False),
}
HEAR = {"diarize", "emotions"}  #: of those the ones that read the chunks and may be skipped

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
Form = tuple[str, str, Callable[[], str | bytes]]


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the artifacts and what is to be known of them. Raises Unplayable, with the same, if the recording breaks off."""
    context.progress(0.0, "Joining the transcript")
    if "transcribe" not in inputs:
        return of_notes(context, inputs)
    recording, prepared, transcribed = inputs["inspect"], inputs["prepare"], inputs["transcribe"]
    segments, unfit = gathered(context, inputs)
    doubts = [] if "align" in inputs else guard.warnings(segments)  # align tells of them, if it is there
    uncovered = unheard(context, inputs, segments)
    warnings = [
        *coverage(inputs, segments, uncovered),
        *doubts,
        *unfit,
        *cleaned.warnings(context, inputs),
        *noted.warnings(context, inputs),
    ]
    breaks_off = breaks_off_sentence(prepared["truncated_at_s"], recording["seconds"]) if prepared["truncated_at_s"] is not None else None
    found = noted.read(context, inputs)
    params = context.claimed.params
    told = {
        "version": 2,
        "title": notes.title_of(found) if found and found.get("title") else None,
        "recording": {name: recording[name] for name in ("filename", "seconds", "format", "codec", "channels", "sample_rate")},
        "model": transcribed["model"],
        "language": transcribed["language"],
        "versions": transcribed["versions"],
        "truncated_at_s": prepared["truncated_at_s"],
        "parameters": asked_for(params),
        "steps": provenance(context, inputs),
        "skipped": [task for task, asked in STEPS.items() if asked(params) and task not in inputs],
        "warnings": [*warned(inputs), *warnings, *([breaks_off] if breaks_off else [])],
        "uncovered": uncovered,
        "segments": segments,
    }
    forms = [*of_transcript(told)]
    if found:
        forms += forms_of_notes(found, [segment["start"] for segment in segments], context.claimed.job)
    output = {
        "artifacts": write(context, forms),
        "segments": len(segments),
        "words": sum(len(segment["text"].split()) for segment in segments),
        **{
            name: told[name] for name in ("title", "language", "model", "versions", "steps", "skipped")
        },  # not the parameters: they may be large
        "warnings": warnings,  # only its own: a job's status shows those of all its tasks
    }
    # Nothing reads the chunks any more (decision 0022): every task that does has completed, and a retry begins here or later; or was
    # skipped, and may be retried.
    if not HEAR.intersection(told["skipped"]):
        context.storage.delete_prefix(f"jobs/{context.claimed.job}/prepare/")
    if breaks_off:
        raise Unplayable(breaks_off, output=output)
    return output


def of_notes(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Write the notes of a job that makes nothing else; its task `read` tells on what they are."""
    found = noted.read(context, inputs)
    assert found is not None, "neither a transcript nor notes to write"
    timed = inputs["read"].get("timed", True)  # a plain text is not
    starts = [segment["start"] for segment in read(context, inputs)] if timed else []
    about = context.claimed.params.get("job", context.claimed.job)
    return {
        "artifacts": write(context, forms_of_notes(found, starts, about)),
        "title": notes.title_of(found),
        "language": found.get("language"),
        "steps": provenance(context, inputs),
        "warnings": noted.warnings(context, inputs),
    }


def gathered(context: Context, inputs: Mapping[str, Any]) -> tuple[list[Segment], list[str]]:
    """Return the segments with what was found out of each, and what did not fit them, in sentences."""
    transcribed, corrections = read(context, inputs, corrected=False), context.corrections() or {"version": VERSION}
    segments = [dict(segment) for segment in applied(transcribed, corrections)]
    warnings = [misfit(place, corrections["segments"][place]) for place in unfit(transcribed, corrections)]
    for task, name, found in (("cleanup", "cleaned", cleaned.read(context, inputs)), ("emotions", "delivery", delivered(context, inputs))):
        if task not in inputs:
            continue
        if len(found) != len(segments):  # of other segments than these: better nothing than what was said elsewhere
            warnings.append(f"what {task} found does not fit the transcript and was left out; run {task} again")
            continue
        for segment, item in zip(segments, found, strict=True):
            # What its owner wrote is shown as it was written.
            if item and item != segment["text"] and not (name == "cleaned" and segment.get("corrected")):
                segment[name] = item
        context.checkpoint()
    return segments, warnings


def misfit(place: str, correction: Mapping[str, Any]) -> str:
    where = clock(correction["start"]) if "start" in correction else f"segment {place}"
    return f"the correction of {where} fits no sentence any more and was left out"


def coverage(inputs: Mapping[str, Any], segments: list[Segment], uncovered: Sequence[Sequence[float]]) -> list[str]:
    """Return a sentence on speech that was not transcribed, unless align has told of it; or that there was none; or nothing."""
    if align_tells(inputs, segments):
        return []
    return align.coverage(uncovered) if segments or uncovered else [NO_SPEECH]


def align_tells(inputs: Mapping[str, Any], segments: list[Segment]) -> bool:
    return "align" in inputs and bool(segments or inputs["align"].get("uncovered"))


def unheard(context: Context, inputs: Mapping[str, Any], segments: list[Segment]) -> Sequence[Sequence[float]]:
    """Return the stretches of speech, in seconds, that were not transcribed: those that align found, if it is there."""
    if align_tells(inputs, segments):
        found: list[list[float]] = inputs["align"].get("uncovered", [])
        return found
    speech: list[align.Span] = []
    transcribed: list[Segment] = []
    for chunk in heard(context):
        speech += [(float(start), float(end)) for start, end in chunk["speech"]]
        transcribed += chunk["segments"]
    spans = [(float(segment["start"]), float(segment["end"])) for segment in in_order(transcribed, inputs["prepare"]["seconds"])]
    # Where nothing was transcribed at all, also the shortest stretches are told.
    return align.missing(speech, spans) or ([] if segments else speech)


def delivered(context: Context, inputs: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    if "emotions" not in inputs:
        return []
    found: list[dict[str, Any] | None] = json.loads(context.storage.get_bytes(inputs["emotions"]["key"]))["segments"]
    return found


def warned(inputs: Mapping[str, Any]) -> list[str]:
    """Return the warnings of the tasks before, each once."""
    return list(dict.fromkeys(warning for task in STEPS for warning in inputs.get(task, {}).get("warnings", ())))


def provenance(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return how each step was done, by what, and who else saw the text."""
    told: dict[str, Any] = {}
    asked = {"cleanup": cleaned.provenance, "notes": noted.provenance}  # those that ask somebody else
    for task in ("read", *STEPS):
        output = inputs.get(task, {})
        found = asked[task](context, inputs) if task in asked else output.get("provenance")
        if task == "transcribe" and output and not found:
            versions = output["versions"]
            found = {"engine": task, "method": "faster-whisper", "model": output["model"], "version": versions["faster-whisper"],
                     "settings": output.get("settings", {}), "third_party": None}  # fmt: skip
        if found:
            told[task] = found
    return told


def of_transcript(told: dict[str, Any]) -> Iterable[Form]:
    segments, seconds = told["segments"], told["recording"]["seconds"]
    page = transcript.page(told)
    return (
        ("transcript.txt", "text/plain; charset=utf-8", lambda: plaintext.write(segments)),
        ("transcript.srt", "application/x-subrip; charset=utf-8", lambda: subtitles.write(segments, seconds, "srt")),
        ("transcript.vtt", "text/vtt; charset=utf-8", lambda: subtitles.write(segments, seconds, "vtt")),
        ("transcript.json", "application/json", lambda: json.dumps(told, ensure_ascii=False, indent=1) + "\n"),
        ("transcript.md", "text/markdown; charset=utf-8", lambda: markdown.write(page)),
        ("transcript.html", "text/html; charset=utf-8", lambda: webpage.write(page)),
        ("transcript.docx", DOCX, lambda: word.write(page)),
        ("transcript.csv", "text/csv; charset=utf-8", lambda: table.transcript(segments)),
    )


def forms_of_notes(found: dict[str, Any], starts: list[float], job: str) -> Iterable[Form]:
    """Return the forms of notes on a recording; `job` is the one that transcribed it, by which Anki knows the cards again."""
    page = notes.page(found, starts)
    forms: list[Form] = [
        ("notes.json", "application/json", lambda: json.dumps(found, ensure_ascii=False, indent=1) + "\n"),
        ("notes.md", "text/markdown; charset=utf-8", lambda: markdown.write(page)),
        ("notes.html", "text/html; charset=utf-8", lambda: webpage.write(page)),
        ("notes.docx", DOCX, lambda: word.write(page)),
    ]
    if cards := found["flashcards"]:
        forms += [
            ("flashcards.csv", "text/csv; charset=utf-8", lambda: table.flashcards(cards, starts)),
            ("flashcards.apkg", "application/vnd.anki", lambda: anki.write(cards, starts, title=page.title, job=job)),
        ]
    return forms


def write(context: Context, forms: Iterable[Form]) -> list[dict[str, Any]]:
    """Put each form into storage, one after the other, and return them as artifacts."""
    listed = list(forms)
    artifacts = []
    for n, (name, media_type, make) in enumerate(listed):
        context.progress(0.2 + 0.8 * n / len(listed), f"Writing {name}")
        made = make()
        data = made.encode() if isinstance(made, str) else made
        context.storage.put_bytes(context.key(name), data)
        artifacts.append({"name": name, "bytes": len(data), "media_type": media_type, "key": context.key(name)})
    return artifacts


def breaks_off_sentence(at_s: float, declared_s: float) -> str:
    where = f"the recording breaks off at {clock(at_s)}"
    if declared_s - at_s >= 1:
        where += f", although it says that it is {clock(declared_s)} long"
    return f"{where}: the file is cut off or damaged; what comes before was transcribed and can be downloaded"
