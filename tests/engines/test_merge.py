"""The transcript is whole, in order, and true to the recording's clock, however it was cut."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pysubs2
import pytest

from jobs.errors import Unplayable
from jobs.model import Completed
from jobs.types.transcription import Params
from scripts.words import reference, word_error_rate, words
from tests.engines.conftest import SAMPLES, Pipeline
from workers.engines import export, merge, segments
from workers.forms import cues
from workers.forms.said import clock
from workers.outcome import of_result

Begin = Callable[..., Pipeline]


def transcribed(job: Pipeline) -> Pipeline:
    job.inspect()
    job.prepare()
    job.transcribe()
    return job


@pytest.mark.parametrize("chunk_seconds", [300, 40])
def test_the_lecture_comes_out_word_for_word_also_when_it_is_cut(begin: Begin, chunk_seconds: int) -> None:
    job = transcribed(begin(SAMPLES / "lecture.ogg", CHUNK_SECONDS=chunk_seconds))
    output = job.merge()
    said, heard = reference(SAMPLES / "lecture.json"), words(job.artifact("transcript.txt").decode())
    assert word_error_rate(said, heard) <= 0.03
    assert abs(len(said) - len(heard)) <= 1  # nothing lost or doubled at a cut
    assert output["words"] == len(heard)
    assert output["warnings"] == []
    starts = {sentence["text"]: sentence["start"] for sentence in json.loads((SAMPLES / "lecture.json").read_text())["sentences"]}
    segments = json.loads(job.artifact("transcript.json"))["segments"]
    found = [(segment["start"], starts[segment["text"]]) for segment in segments if segment["text"] in starts]
    assert len(found) > 45
    assert sum(abs(heard_at - said_at) < 0.5 for heard_at, said_at in found) >= 0.95 * len(found)


def test_all_forms_say_the_same(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "seminar.mp3", CHUNK_SECONDS=30, word_timestamps=True))
    output = job.merge()
    assert [artifact["name"] for artifact in output["artifacts"]] == [
        f"transcript.{form}" for form in ("txt", "srt", "vtt", "json", "md", "html", "docx", "csv")
    ]
    transcript = json.loads(job.artifact("transcript.json"))
    segments = transcript["segments"]
    assert transcript["recording"] == {
        "filename": "seminar.mp3", "seconds": 40.56, "format": "mp3", "codec": "mp3", "channels": 1, "sample_rate": 16_000,
    }  # fmt: skip
    assert (transcript["model"], transcript["language"], transcript["truncated_at_s"], transcript["warnings"]) == ("demo", "en", None, [])
    assert all(segment["words"] for segment in segments)
    assert words(job.artifact("transcript.txt").decode()) == words(" ".join(segment["text"] for segment in segments))
    for form in ("srt", "vtt"):
        read = pysubs2.SSAFile.from_string(job.artifact(f"transcript.{form}").decode(), form)
        assert words(" ".join(cue.plaintext for cue in read)) == words(job.artifact("transcript.txt").decode())
        assert [(cue.start, cue.end, cue.plaintext) for cue in read] == [
            (cue.start_ms, cue.end_ms, "\n".join(cue.lines)) for cue in cues.cues(segments, 40.56)
        ]
    with io.StringIO(job.artifact("transcript.csv").decode(), newline="") as table:
        assert [row["text"] for row in csv.DictReader(table)] == [segment["text"] for segment in segments]
    for artifact in output["artifacts"]:
        assert job.storage.size(artifact["key"]) == artifact["bytes"]


def test_a_silent_recording_is_an_empty_transcript_with_a_warning(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "silence.ogg"))
    output = job.merge()
    assert (output["segments"], output["words"], output["warnings"]) == (0, 0, ["no speech was found in the recording"])
    assert job.artifact("transcript.txt") == b""
    assert job.artifact("transcript.vtt").startswith(b"WEBVTT")
    assert json.loads(job.artifact("transcript.json"))["segments"] == []


def hearing(job: Pipeline, found: list[dict[str, Any]], speech: list[list[float]]) -> Pipeline:
    """Have a job's only chunk been heard as this."""
    job.inspect()
    job.prepare()
    job.split()
    job.storage.put_bytes("jobs/7f3a/heard.json", json.dumps({"segments": found, "speech": speech}).encode())
    job.children.append({"key": "jobs/7f3a/heard.json"})
    return job


@pytest.mark.parametrize(
    ("found", "speech", "warnings"),
    [
        ([(0, 2)], [[0, 2.5]], []),
        ([(0, 2)], [[0, 2], [4, 6]], ["1 stretch of speech, 2 s in all, was not transcribed: 0:04–0:06"]),
        ([], [[1, 3]], ["1 stretch of speech, 2 s in all, was not transcribed: 0:01–0:03"]),
        ([], [[1, 1.5]], ["1 stretch of speech, 0 s in all, was not transcribed: 0:01"]),
        ([], [], ["no speech was found in the recording"]),
    ],
)
@pytest.mark.parametrize("aligned", [False, True])
def test_speech_that_was_not_transcribed_is_told_once_with_align_and_without(
    begin: Begin, aligned: bool, found: list[tuple[float, float]], speech: list[list[float]], warnings: list[str]
) -> None:
    job = hearing(begin(SAMPLES / "short-en-us.wav"), [segment(start, end) for start, end in found], speech)
    if aligned:
        job.align()
    job.merge()
    assert json.loads(job.artifact("transcript.json"))["warnings"] == warnings


def test_a_recording_that_breaks_off_fails_with_what_was_transcribed(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg")
    content = (SAMPLES / "lecture.ogg").read_bytes()
    job.storage.put_bytes("uploads/u1/recording", content[: len(content) // 2 + 11])
    transcribed(job)
    with pytest.raises(Unplayable, match=r"^the recording breaks off at 1:2\d: .* what comes before was transcribed") as failed:
        job.merge()
    job.outputs["merge"] = failed.value.output
    heard = words(job.artifact("transcript.txt").decode())
    said = reference(SAMPLES / "lecture.json")[: len(heard)]
    assert len(heard) > 150
    assert word_error_rate(said, heard) <= 0.03
    assert json.loads(job.artifact("transcript.json"))["truncated_at_s"] == pytest.approx(88, abs=3)


def test_the_sentence_for_a_broken_recording_names_both_times() -> None:
    sentence = merge.breaks_off_sentence(83.4, 176.4)
    assert sentence.startswith("the recording breaks off at 1:23, although it says that it is 2:56 long")
    assert clock(3723) == "1:02:03"


def segment(start: float, end: float, text: str = "so", **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, "avg_logprob": -0.3, "no_speech_prob": 0.0, **more}


def test_segments_are_put_in_order_without_overlap_and_within_the_recording() -> None:
    mixed = [segment(5, 9), segment(0, 3), segment(2.5, 4), segment(9, 12, words=[{"start": 8.5, "end": 9.5}, {"start": 9.4, "end": 12}])]
    ordered = segments.in_order(mixed, 10)
    assert [(part["start"], part["end"]) for part in ordered] == [(0, 3), (3, 4), (5, 9), (9, 10)]
    assert ordered[-1]["words"] == [{"start": 9, "end": 9.5}, {"start": 9.5, "end": 10}]


#: What the tasks between transcribe and merge put out, on a recording of two segments.
SAID = [
    segment(0, 2, "um so leaves are green", words=[{"word": " um", "start": 0.0, "end": 0.5, "probability": 0.2, "low": True}]),
    segment(2, 5, "Light is what they live on."),
]
DELIVERY = {"label": "lively", "energy_db": -20.0, "pitch_hz": 180.0, "pitch_range": 4.0, "words_per_s": 2.5, "pause_s": 0.2}
NOTES: dict[str, Any] = {
    "version": 1, "language": "en", "engine": "gemini", "model": "gemini-2.5-flash",
    "title": {"text": "Leaves", "segments": [0]}, "summary": [{"text": "Leaves are green.", "segments": [1]}],
    "outline": [{"title": "Colours", "start": 2.0, "end": 5.0, "segments": [1], "points": []}],
    "terms": [], "questions": [], "quiz": [], "dropped": 0, "warnings": [],
    "flashcards": [{"front": "Which colour?", "back": "green", "segments": [1]}],
}  # fmt: skip


def by(third_party: str | None) -> dict[str, Any]:
    return {"engine": "e", "method": "m", "version": "1", "settings": {"depth": 2}, "third_party": third_party}


def cleaned_part(job: Pipeline, first: int, *texts: str | None) -> dict[str, Any]:
    key = f"jobs/7f3a/cleanup/{first}.json"
    job.storage.put_bytes(key, json.dumps({"segments": texts}).encode())
    return {"key": key, "first": first, "count": len(texts), "why": ""}


@pytest.fixture
def studied(begin: Begin) -> Pipeline:
    """A job of which every step was asked for, up to merge; diarize was skipped."""
    job = begin(SAMPLES / "short-en-us.wav", word_timestamps=True, speaker_detection="diarize", detect_emotions=True, notes=True)
    job.params["llm_cleanup"] = True
    job.inspect()
    job.prepare()
    job.split()

    def put(task: str, found: Any, **more: Any) -> None:
        context = job.context(task)
        job.storage.put_bytes(context.key("found.json"), json.dumps(found).encode())
        job.outputs[task] = {"key": context.key("found.json"), "warnings": [f"{task} warns"], **more}

    put("align", {"segments": SAID}, provenance=by(None))
    put("emotions", {"segments": [DELIVERY, {**DELIVERY, "label": ""}]}, provenance=by(None))
    put("cleanup", None, segments=2, parts=[0, 1], provenance=by("Google Gemini"))
    job.others["cleanup"] = [cleaned_part(job, 0, "Leaves are green."), {**cleaned_part(job, 1, None), "why": "it had drifted"}]
    put("notes", NOTES, provenance=by("Google Gemini"))
    return job


def test_what_every_step_found_stands_in_one_transcript_beside_what_was_heard(studied: Pipeline) -> None:
    output = studied.merge()
    told = json.loads(studied.artifact("transcript.json"))
    assert (told["version"], told["title"]) == (2, "Leaves")
    assert told["segments"] == [
        {**SAID[0], "cleaned": "Leaves are green.", "delivery": DELIVERY},
        {**SAID[1], "delivery": {**DELIVERY, "label": ""}},
    ]
    own = ["sentence 2 was left as it was: it had drifted"]
    assert told["warnings"] == [*(f"{task} warns" for task in ("align", "emotions", "cleanup", "notes")), *own]
    assert told["skipped"] == output["skipped"] == ["diarize"]
    assert "parameters" not in output
    assert told["parameters"] == {
        "word_timestamps": True, "speaker_detection": "diarize", "detect_emotions": True, "notes": True, "llm_cleanup": True,
    }  # fmt: skip
    assert list(told["steps"]) == ["transcribe", "align", "emotions", "cleanup", "notes"]
    assert told["steps"]["cleanup"] == by("Google Gemini")
    assert told["steps"]["transcribe"]["model"] == "demo"
    assert output["warnings"] == own  # the others are of their tasks


def test_the_largest_vocabulary_does_not_make_the_output_too_large(studied: Pipeline) -> None:
    words = tuple(f"{n:03} {'ж' * 96}" for n in range(200))
    studied.params["vocabulary"] = list(Params(upload="u1", vocabulary=words).vocabulary)
    output = studied.merge()
    assert of_result(output, studied.context("merge").claimed, studied.settings) == Completed(output)
    assert json.loads(studied.artifact("transcript.json"))["parameters"]["vocabulary"] == list(words)


def test_people_are_shown_the_cleaned_text_and_the_notes_in_every_form(studied: Pipeline) -> None:
    output = studied.merge()
    assert studied.artifact("transcript.txt") == b"Leaves are green. Light is what they live on.\n"
    for name in ("md", "html", "srt", "vtt", "csv"):
        assert b"Leaves are green." in studied.artifact(f"transcript.{name}")
    names = [artifact["name"] for artifact in output["artifacts"]]
    assert names[8:] == ["notes.json", "notes.md", "notes.html", "notes.docx", "flashcards.csv", "flashcards.apkg"]
    assert json.loads(studied.artifact("notes.json")) == NOTES
    assert b"Leaves are green. `0:02`" in studied.artifact("notes.md")


def test_what_does_not_fit_the_segments_is_left_out_with_a_warning(studied: Pipeline) -> None:
    studied.outputs["cleanup"] |= {"segments": 1, "parts": [0]}
    del studied.others["cleanup"][1]
    output = studied.merge()
    assert output["warnings"] == ["what cleanup found does not fit the transcript and was left out; run cleanup again"]
    assert studied.artifact("transcript.txt").startswith(b"um so leaves are green")


def test_a_clean_up_that_was_begun_and_came_to_nothing_still_names_who_may_have_seen_the_text(studied: Pipeline) -> None:
    del studied.outputs["cleanup"], studied.outputs["notes"]
    output = studied.merge()
    assert output["skipped"] == ["diarize", "cleanup", "notes"]
    assert output["steps"]["cleanup"]["third_party"] == "Google Gemini"
    assert b"cleaned up by" not in studied.artifact("transcript.md")
    manifest = export.manifest(studied.context("export"), studied.outputs["inspect"], output, [])  # type: ignore[arg-type]
    assert manifest["third_parties"] == ["Google Gemini"]


def test_a_clean_up_that_was_never_begun_names_nobody(studied: Pipeline) -> None:
    del studied.outputs["cleanup"], studied.outputs["notes"]
    studied.storage.delete_prefix("jobs/7f3a/cleanup")
    assert "cleanup" not in studied.merge()["steps"]


def test_what_its_owner_wrote_is_shown_as_it_was_written(studied: Pipeline) -> None:
    studied.corrected = {"version": 1, "segments": {"0": {"text": "um, leaves are red"}}}
    studied.merge()
    assert studied.artifact("transcript.txt") == b"um, leaves are red Light is what they live on.\n"
    assert json.loads(studied.artifact("transcript.json"))["segments"][0]["corrected"] is True


def test_a_correction_of_a_sentence_that_is_no_more_is_left_out_with_a_warning(studied: Pipeline) -> None:
    lost = {"text": "Something else.", "start": 83.4, "end": 85.0, "was": "something"}
    studied.corrected = {"version": 1, "segments": {"1": lost, "9": {"text": "of a former version"}}, "speakers": {}}
    output = studied.merge()
    assert output["warnings"][:2] == [
        "the correction of 1:23 fits no sentence any more and was left out",
        "the correction of segment 9 fits no sentence any more and was left out",
    ]
    assert b"Something else." not in studied.artifact("transcript.txt")


def test_a_job_of_notes_alone_writes_the_notes_and_nothing_else(studied: Pipeline) -> None:
    studied.params.clear()
    inputs = {"read": studied.outputs["align"], "notes": studied.outputs["notes"]}
    output = merge.run(studied.context("merge"), inputs)  # type: ignore[arg-type]
    names = [artifact["name"] for artifact in output["artifacts"]]
    assert names == ["notes.json", "notes.md", "notes.html", "notes.docx", "flashcards.csv", "flashcards.apkg"]
    (key,) = (artifact["key"] for artifact in output["artifacts"] if artifact["name"] == "notes.md")
    assert b"Leaves are green. `0:02`" in studied.storage.get_bytes(key)
    inputs["read"]["timed"] = False  # a plain text has no times to tell
    output = merge.run(studied.context("merge"), inputs)  # type: ignore[arg-type]
    (key,) = (artifact["key"] for artifact in output["artifacts"] if artifact["name"] == "notes.md")
    assert b"0:0" not in studied.storage.get_bytes(key)
    assert output["steps"] == {"read": by(None), "notes": by("Google Gemini")}


def test_merging_again_gives_the_same_bytes(studied: Pipeline) -> None:
    once, again = studied.merge(), studied.merge()
    for before, after in zip(once["artifacts"], again["artifacts"], strict=True):
        assert before["key"] != after["key"]
        assert studied.storage.get_bytes(before["key"]) == studied.storage.get_bytes(after["key"])


def test_six_hours_are_merged_within_bounds_of_time_and_memory(studied: Pipeline) -> None:
    text = "Today we talk about the way leaves make sugar from light, water and air."
    marks = [{"word": f" {word}", "start": n * 0.3, "end": n * 0.3 + 0.2, "probability": 0.9} for n, word in enumerate(text.split())]
    spoken = [
        segment(at, at + 5.0, text, words=[{**mark, "start": at + mark["start"], "end": at + mark["end"]} for mark in marks], speaker="S1")
        for at in range(0, 21_600, 5)
    ]
    studied.storage.put_bytes(studied.outputs["align"]["key"], json.dumps({"segments": spoken}).encode())
    del studied.outputs["emotions"], studied.outputs["cleanup"]
    studied.outputs["inspect"]["seconds"] = 21_600.0
    tracemalloc.start()
    try:
        studied.merge()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert studied.artifact("transcript.srt").count(b"-->") >= len(spoken)
    assert peak < 150e6
