"""Every word stands once, in order, at its own time on the recording's clock, wherever the recording was cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scripts.words import reference, words
from tests.engines.conftest import SAMPLES, Pipeline
from workers.engines import align, chunks, segments, transcribe
from workers.engines.chunks import SAMPLE_RATE, Chunk
from workers.engines.prepare import wav

Begin = Callable[..., Pipeline]


def aligned(job: Pipeline) -> dict[str, Any]:
    job.inspect()
    job.prepare()
    job.transcribe()
    return job.align()


def sentences_of(job: Pipeline) -> Any:
    return json.loads(job.storage.get_bytes(job.outputs["align"]["key"]))


# on real recordings


@pytest.mark.parametrize("chunk_seconds", [300, 20])
def test_the_lectures_words_stand_at_their_times_also_when_it_is_cut(begin: Begin, chunk_seconds: int) -> None:
    job = begin(SAMPLES / "lecture.ogg", word_timestamps=True, CHUNK_SECONDS=chunk_seconds)
    output = aligned(job)
    spoken = [word for sentence in json.loads((SAMPLES / "lecture.json").read_text())["sentences"] for word in sentence["words"]]
    found = [word for segment in sentences_of(job)["segments"] for word in segment["words"]]
    assert [words(word["word"]) for word in found] == [words(word["word"]) for word in spoken]
    assert output["words"] == len(found)
    apart = [max(abs(heard["start"] - said["start"]), abs(heard["end"] - said["end"])) for heard, said in zip(found, spoken, strict=True)]
    assert sum(seconds <= 0.1 for seconds in apart) >= 0.97 * len(apart)
    assert max(apart) < 0.5
    assert (output["warnings"], output["uncovered"]) == ([], [])
    assert (output["provenance"]["engine"], output["provenance"]["third_party"]) == ("align", None)


def test_its_segments_are_its_sentences(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg", speaker_detection="diarize")  # words without being asked for by name
    aligned(job)
    made = [segment["text"] for segment in sentences_of(job)["segments"]]
    assert made == [sentence["text"] for sentence in json.loads((SAMPLES / "lecture.json").read_text())["sentences"]]


def test_a_transcript_is_made_of_the_sentences(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg", word_timestamps=True)
    aligned(job)
    job.merge()
    assert json.loads(job.artifact("transcript.json"))["segments"] == sentences_of(job)["segments"]
    assert words(job.artifact("transcript.txt").decode()) == reference(SAMPLES / "short-slt.json")


def test_speech_without_text_is_told_with_its_place(begin: Begin) -> None:
    job = begin(SAMPLES / "pause.ogg", word_timestamps=True)
    job.inspect()
    job.prepare()
    job.transcribe()
    (child,) = job.children
    heard = json.loads(job.storage.get_bytes(child["key"]))
    assert [round(start) for start, _ in heard["speech"]] == [4, 13, 21]
    heard["segments"] = [segment for segment in heard["segments"] if not 12 < segment["start"] < 14]
    job.storage.put_bytes(child["key"], json.dumps(heard).encode())

    output = job.align()

    assert output["warnings"] == ["1 stretch of speech, 1 s in all, was not transcribed: 0:12–0:13"]
    assert output["uncovered"] == sentences_of(job)["uncovered"] == [[pytest.approx(12.7, abs=0.1), pytest.approx(13.8, abs=0.1)]]


def test_a_silent_recording_has_no_words_and_no_warning_but_that(begin: Begin) -> None:
    output = aligned(begin(SAMPLES / "silence.ogg", word_timestamps=True))
    assert (output["segments"], output["words"], output["warnings"]) == (0, 0, [])


def test_a_file_of_a_child_as_it_was_before_is_read(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg", word_timestamps=True)
    job.inspect()
    job.prepare()
    job.transcribe()
    (child,) = job.children
    found = json.loads(job.storage.get_bytes(child["key"]))["segments"]
    job.storage.put_bytes(child["key"], json.dumps(found).encode())
    context: Any = job.context("merge")
    assert segments.collect(context) == found
    assert job.align()["words"] == len(reference(SAMPLES / "short-slt.json"))


# over random cuts

TOTAL = 60 * SAMPLE_RATE


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[int]]:
    """Words at known times, in samples, and the samples before which the recording is cut: anywhere between two of them."""
    ends = sorted(draw(st.lists(st.integers(1, TOTAL - 1), min_size=2, max_size=60, unique=True)))
    spoken = [
        {"word": f"word{n}", "start": start, "end": end}
        for n, (start, end) in enumerate(zip(ends[::2], ends[1::2], strict=False))
    ]  # fmt: skip
    gaps = [(before["end"], after["start"]) for before, after in zip([{"end": 1}, *spoken], spoken, strict=False)]
    chosen = draw(st.lists(st.sampled_from(gaps), max_size=8, unique=True)) if gaps else []
    return spoken, sorted({draw(st.integers(first, last)) for first, last in chosen} - {0})


@settings(deadline=None)
@given(recordings(), st.integers(1, 5))
def test_no_word_is_lost_doubled_or_moved_at_any_cut(drawn: tuple[list[dict[str, Any]], list[int]], a_segment: int) -> None:
    spoken, cuts = drawn
    starts = [0, *cuts, TOTAL]
    told = chunks.told("jobs/chunk-", [end - start for start, end in itertools.pairwise(starts)])
    found = []
    for chunk in chunks.listed(told):
        inside = [word for word in spoken if chunk.start_sample <= word["start"] < chunk.start_sample + chunk.samples]
        heard = [
            {
                "word": word["word"], "probability": 0.9,
                # as the model tells it: on the chunk's own clock
                "start": (word["start"] - chunk.start_sample) / SAMPLE_RATE, "end": (word["end"] - chunk.start_sample) / SAMPLE_RATE,
            }
            for word in inside
        ]  # fmt: skip
        made = [segment_of(heard[n : n + a_segment]) for n in range(0, len(heard), a_segment)]
        found += align.in_chunk([transcribe.shifted(segment, chunk.offset_s) for segment in made], chunk, [])

    assert [word.text for word in found] == [word["word"] for word in spoken]
    for word, said in zip(found, spoken, strict=True):
        assert abs(word.start - said["start"] / SAMPLE_RATE) <= 0.0011  # times are told in whole milliseconds
        assert abs(word.end - said["end"] / SAMPLE_RATE) <= 0.0011
    times = [time for word in found for time in (word.start, word.end)]
    assert times == sorted(times)


def segment_of(heard: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "start": heard[0]["start"], "end": heard[-1]["end"], "text": " ".join(word["word"] for word in heard), "avg_logprob": -0.3,
        "no_speech_prob": 0.0, "words": heard,
    }  # fmt: skip


TIMES = st.floats(-5, 40, allow_nan=False)


@settings(deadline=None)
@given(st.lists(st.tuples(TIMES, TIMES), max_size=30), st.lists(st.tuples(TIMES, TIMES), max_size=6))
def test_whatever_times_a_model_tells_words_keep_their_order_and_stay_in_their_chunk(
    told: list[tuple[float, float]], speech: list[tuple[float, float]]
) -> None:
    heard = [{"word": f"word{n}", "start": start, "end": end, "probability": 0.9} for n, (start, end) in enumerate(told)]
    chunk = Chunk("jobs/chunk", 5 * SAMPLE_RATE, 20 * SAMPLE_RATE)
    spans = sorted((min(span), max(span)) for span in speech)

    found = align.in_chunk([segment_of(heard)] if heard else [], chunk, spans)

    assert [word.text for word in found] == [word["word"] for word in heard]
    times = [time for word in found for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(5 <= time <= 25 for time in times)


def test_a_recording_cut_anywhere_says_every_word_once(begin: Begin) -> None:
    """Through prepare's own chunks: each sample is in one, so each word between silences is too."""
    job = begin(SAMPLES / "seminar.mp3", word_timestamps=True)
    job.inspect()
    job.prepare()
    (whole,) = chunks.listed(job.outputs["prepare"]["chunks"])
    sound = transcribe.read_sound(job.storage, whole.key)
    spoken = json.loads((SAMPLES / "seminar.json").read_text())["sentences"]
    gaps = [int((before["end"] + after["start"]) / 2 * SAMPLE_RATE) for before, after in itertools.pairwise(spoken)]
    starts = [0, *gaps[2:10:3], len(sound)]
    prefix = "jobs/7f3a/prepare/cut/"
    for n, (start, end) in enumerate(itertools.pairwise(starts)):
        job.storage.put_bytes(chunks.key(prefix, n), wav((sound[start:end] * 32768).astype(np.int16).tobytes()))
    job.outputs["prepare"]["chunks"] = chunks.told(prefix, [end - start for start, end in itertools.pairwise(starts)])

    job.transcribe()
    job.align()

    found = [word for segment in sentences_of(job)["segments"] for word in words(segment["text"])]
    assert found == reference(SAMPLES / "seminar.json")


# one step


def test_a_word_that_reaches_into_the_silence_before_its_speech_begins_with_it() -> None:
    heard = [
        {"word": "early", "start": 3.5, "end": 4.4}, {"word": "late", "start": 4.4, "end": 6.0}, {"word": "far", "start": 7.0, "end": 7.5},
        {"word": "next", "start": 9.6, "end": 10.4},
    ]  # fmt: skip
    align.onto_speech(heard, [(4.0, 5.0), (10.0, 11.0)])
    assert [(word["start"], word["end"]) for word in heard] == [(3.92, 4.4), (4.4, 5.08), (7.0, 7.5), (9.92, 10.4)]


def test_words_that_the_model_is_not_sure_of_are_marked() -> None:
    heard = [{"word": "cell", "start": 0, "end": 1, "probability": 0.49}, {"word": "leaf", "start": 1, "end": 2, "probability": 0.5}]
    assert [spoken.word.get("low") for spoken in align.words_of(segment_of(heard))] == [True, None]


def test_text_without_words_gets_words_that_share_its_time_and_are_marked() -> None:
    segment = {"start": 2.0, "end": 4.0, "text": "a sea of ice", "avg_logprob": -0.5, "no_speech_prob": 0.0, "words": []}
    found = [spoken.word for spoken in align.words_of(segment)]
    assert [(word["word"], word["start"], word["end"], word["low"]) for word in found] == [
        ("a", 2.0, 2.222, True), ("sea", 2.222, 2.889, True), ("of", 2.889, 3.333, True), ("ice", 3.333, 4.0, True),
    ]  # fmt: skip


def test_writing_that_sets_no_words_apart_is_put_together_as_it_was() -> None:
    heard = [{"word": part, "start": n, "end": n + 1, "probability": 0.9} for n, part in enumerate(("これ", "は", "水", "です。"))]
    found = [*align.words_of({**segment_of(heard), "text": "これは水です。"})] * 2
    assert "".join(f" {word.text}" if word.spaced else word.text for word in found) == "これは水です。これは水です。"


@pytest.mark.parametrize(
    ("speech", "said", "expected"),
    [
        ([(0, 10)], [], [[0, 10]]),
        ([(0, 10)], [(0, 3), (3.2, 9.5)], []),
        ([(0, 10)], [(0, 3), (6, 10)], [[3.75, 5.25]]),
        ([(0, 10)], [(0, 4), (6.4, 10)], []),  # 0.9 s
        ([(0, 3), (5, 8), (20, 22)], [(0, 3), (5, 8)], [[20, 22]]),
        ([(0, 3), (5, 8)], [(2, 6)], [[0, 1.25], [6.75, 8]]),
        ([(5, 8)], [(0, 4), (9, 10)], [[5, 8]]),
        ([], [(0, 4)], []),
    ],
)
def test_what_is_spoken_and_not_said_is_missing(speech: list[Any], said: list[Any], expected: list[Any]) -> None:
    assert align.missing(speech, said) == expected


SPANS = st.lists(st.integers(0, 400), max_size=20, unique=True).map(
    lambda ends: [(a / 4, b / 4) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


@settings(deadline=None)
@given(SPANS, SPANS)
def test_what_is_missing_is_speech_and_away_from_all_words(speech: list[tuple[float, float]], said: list[tuple[float, float]]) -> None:
    found = align.missing(speech, said)

    step = 0.125
    for n in range(int(101 / step)):
        at = (n + 0.5) * step
        alone = any(start < at < end for start, end in speech) and not any(
            start - align.COVERS_SECONDS < at < end + align.COVERS_SECONDS for start, end in said
        )
        told = any(start < at < end for start, end in found)
        assert alone or not told
    assert all(end - start >= align.MISSING_SECONDS for start, end in found)


def test_the_coverage_warning_counts_and_names_places() -> None:
    assert align.coverage([[41.2, 47.1], [125.0, 128.1]]) == [
        "2 stretches of speech, 9 s in all, were not transcribed: 0:41–0:47 and 2:05–2:08"
    ]
    assert align.coverage([]) == []
