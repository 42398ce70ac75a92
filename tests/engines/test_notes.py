"""The engine `notes` by itself: on the sample lecture, on silence, on what is too long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bench import lectures
from bench.lectures import spoken
from tests.engines.conftest import ROOT, SAMPLES, Pipeline
from workers.engines import notes, segments
from workers.notes.shape import Notes

PLANTS = spoken(lectures.PLANTS)


def test_the_sample_lecture_has_notes_of_its_own_words(begin: Callable[..., Pipeline]) -> None:
    job = begin(SAMPLES / "lecture.ogg")
    job.inspect()
    job.prepare()
    job.transcribe()
    context: Any = job.context("notes")
    output = notes.run(context, job.outputs)
    found = Notes.model_validate_json(job.storage.get_bytes(output["key"]))
    spoken = segments.read(context, job.outputs)
    found.checked(len(spoken))
    assert (output["engine"], output["dropped"], output["warnings"], found.language) == ("offline extractive", 0, [], "en")
    assert output["items"] == len(found.items()) > 40
    assert output["provenance"]["third_party"] is None
    assert found.outline[-1].end == pytest.approx(spoken[-1]["end"])
    everything = " ".join(segment["text"] for segment in spoken)
    assert all(point.text in everything for point in found.summary)
    fractions = [fraction for fraction, _ in context.messages]
    assert fractions == sorted(fractions)


def test_a_silent_recording_has_empty_notes_that_say_so(begin: Callable[..., Pipeline]) -> None:
    job = begin(SAMPLES / "silence.ogg")
    job.inspect()
    job.prepare()
    job.transcribe()
    context: Any = job.context("notes")
    output = notes.run(context, job.outputs)
    found = Notes.model_validate_json(job.storage.get_bytes(output["key"]))
    assert (found.title.text, found.title.segments, len(found.items())) == ("silence.ogg", [], 1)
    assert "nothing is said" in output["warnings"][0]


def test_the_longest_transcripts_are_taken_notes_of_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 250)
    few, warnings = notes.bounded(PLANTS)
    assert (len(few), warnings) == (
        2,
        [f"the notes are of the first 2 of {len(PLANTS)} segments: they are taken of at most 250 bytes"],
    )
    assert notes.bounded(PLANTS[:2]) == (PLANTS[:2], [])


def test_the_engines_import_nothing_heavy_before_they_run() -> None:
    modules = "('numpy', 'google.generativeai', 'google.genai', 'pysubs2')"
    code = f"import sys; from workers.engines import notes, notes_part, noted, read; print([m for m in {modules} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.strip() == "[]"
