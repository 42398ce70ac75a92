"""The transcript is whole, in order, and true to the recording's clock, however it was cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pysubs2
import pytest

from jobs.errors import Unplayable
from scripts.words import reference, word_error_rate, words
from tests.engines.conftest import SAMPLES, Pipeline
from workers.engines import merge, segments

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
    assert [artifact["name"] for artifact in output["artifacts"]] == [f"transcript.{form}" for form in ("txt", "srt", "vtt", "json")]
    transcript = json.loads(job.artifact("transcript.json"))
    segments = transcript["segments"]
    assert transcript["recording"] == {
        "filename": "seminar.mp3", "seconds": 40.56, "format": "mp3", "codec": "mp3", "channels": 1, "sample_rate": 16_000,
    }  # fmt: skip
    assert (transcript["model"], transcript["language"], transcript["truncated_at_s"], transcript["warnings"]) == ("demo", "en", None, [])
    assert all(segment["words"] for segment in segments)
    assert words(job.artifact("transcript.txt").decode()) == words(" ".join(segment["text"] for segment in segments))
    for form in ("srt", "vtt"):
        cues = pysubs2.SSAFile.from_string(job.artifact(f"transcript.{form}").decode(), form)
        assert [(cue.start, cue.end, cue.plaintext) for cue in cues] == [
            (round(segment["start"] * 1000), round(segment["end"] * 1000), segment["text"]) for segment in segments
        ]
    for artifact in output["artifacts"]:
        assert job.storage.size(artifact["key"]) == artifact["bytes"]


def test_a_silent_recording_is_an_empty_transcript_with_a_warning(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "silence.ogg"))
    output = job.merge()
    assert (output["segments"], output["words"], output["warnings"]) == (0, 0, ["no speech was found in the recording"])
    assert job.artifact("transcript.txt") == b""
    assert job.artifact("transcript.vtt").startswith(b"WEBVTT")
    assert json.loads(job.artifact("transcript.json"))["segments"] == []


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
    assert merge.clock(3723) == "1:02:03"


def segment(start: float, end: float, text: str = "so", **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, "avg_logprob": -0.3, "no_speech_prob": 0.0, **more}


def test_segments_are_put_in_order_without_overlap_and_within_the_recording() -> None:
    mixed = [segment(5, 9), segment(0, 3), segment(2.5, 4), segment(9, 12, words=[{"start": 8.5, "end": 9.5}, {"start": 9.4, "end": 12}])]
    ordered = segments.in_order(mixed, 10)
    assert [(part["start"], part["end"]) for part in ordered] == [(0, 3), (3, 4), (5, 9), (9, 10)]
    assert ordered[-1]["words"] == [{"start": 9, "end": 9.5}, {"start": 9.5, "end": 10}]


def test_text_that_looks_like_markup_stays_text_in_subtitles() -> None:
    said = r"a {b} <i>c</i> --> d & \N e"
    srt, vtt = (merge.subtitles([segment(0, 1, said)], form) for form in ("srt", "vtt"))
    assert "a {b} <i>c</i> → d & ∖N e" in srt
    assert "a {b} &lt;i&gt;c&lt;/i&gt; --&gt; d &amp; ∖N e" in vtt


def test_paragraphs_end_at_pauses_and_after_long_runs_of_sentences() -> None:
    long = [segment(n, n + 1, "This sentence has about forty characters.") for n in range(40)]
    text = merge.text([segment(-9, -8, "Welcome."), *long])
    paragraphs = text.strip().split("\n\n")
    assert paragraphs[0] == "Welcome."
    assert all(600 <= len(paragraph) <= 700 for paragraph in paragraphs[1:-1])
    assert text.endswith(".\n")


def test_six_hours_are_merged_in_a_few_seconds() -> None:
    starts = [n * 3.0 for n in range(7200)]
    spoken = [segment(at, at + 3, "A sentence.", words=[{"word": "A", "start": at, "end": at + 1}] * 8) for at in starts]
    ordered = segments.in_order(spoken, 21_600)
    assert len(ordered) == 7200
    assert merge.subtitles(ordered, "srt").count("-->") == 7200
    assert "5:59:5" in merge.subtitles(ordered, "vtt")
