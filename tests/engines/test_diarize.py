"""The whole way: a recording comes in, words with their speakers come out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import Misconfigured, Unplayable
from scripts.turns import diarization_error_rate, reference
from tests.engines import onnx_models
from tests.engines.conftest import SAMPLES, Pipeline, Stopped
from workers.engines import diarize, segments

Begin = Callable[..., Pipeline]
RECORDINGS = Path(__file__).parent / "recordings"


def transcribed(job: Pipeline) -> Pipeline:
    job.inspect()
    job.prepare()
    job.transcribe()
    return job


def diarized(job: Pipeline) -> list[dict[str, Any]]:
    context: Any = job.context("diarize")
    job.outputs["diarize"] = diarize.run(context, job.outputs)
    assert [fraction for fraction, _ in context.messages] == sorted(fraction for fraction, _ in context.messages)
    return segments.read(context, job.outputs)


@pytest.mark.parametrize(("name", "chunk_seconds", "speakers"), [("two-voices", 300, 2), ("three-voices", 20, 3)])
def test_words_are_given_to_who_said_them(begin: Begin, name: str, chunk_seconds: float, speakers: int) -> None:
    job = transcribed(begin(RECORDINGS / f"{name}.ogg", CHUNK_SECONDS=chunk_seconds, word_timestamps=True))
    raw = segments.read(job.context("diarize"), job.outputs)  # type: ignore[arg-type]
    named = diarized(job)
    output = job.outputs["diarize"]
    assert output["speakers"] == speakers
    assert list(dict.fromkeys(one["speaker"] for one in named)) == [f"S{n + 1}" for n in range(speakers)]
    assert [word for one in named for word in one["words"]] == [word for one in raw for word in one["words"]]
    truth = reference(RECORDINGS / f"{name}.json")
    turns = json.loads(job.storage.get_bytes(output["turns"]))["turns"]
    assert diarization_error_rate(truth, turns) <= 0.05
    assert wrong_words(named, truth) <= 0.03


def wrong_words(named: list[dict[str, Any]], truth: list[Any]) -> float:
    """Return the share of words given to somebody other than who said them, of those that lie in one of the true turns."""
    pairs = []
    for one in named:
        for word in one["words"]:
            middle = (word["start"] + word["end"]) / 2
            pairs += [(turn["speaker"], one["speaker"]) for turn in truth if turn["start"] <= middle < turn["end"]]
    assert len(pairs) > 50
    mine = {who: max({heard for _, heard in pairs}, key=lambda heard: pairs.count((who, heard))) for who, _ in pairs}
    return sum(mine[who] != heard for who, heard in pairs) / len(pairs)


def test_the_built_in_way_says_that_it_is_experimental_and_how_to_have_a_better_one(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "short-slt.ogg"))
    named = diarized(job)
    output = job.outputs["diarize"]
    assert {one["speaker"] for one in named} == {"S1"}
    assert "experimental" in output["method"]
    assert any("experimental" in warning and "DIARIZATION_MODEL_DIR" in warning for warning in output["warnings"])
    assert output["provenance"]["third_party"] is None
    assert "experimental" in output["provenance"]["method"]
    assert len(json.dumps(output)) < 2000


def test_a_recording_in_which_nobody_speaks_has_no_speakers(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "silence.ogg"))
    assert diarized(job) == []
    assert (job.outputs["diarize"]["speakers"], job.outputs["diarize"]["warnings"]) == (0, [])


def test_with_models_the_output_says_so(begin: Begin, tmp_path: Path) -> None:
    folder = onnx_models.put(tmp_path / "models", segmentation=onnx_models.segmentation())
    job = transcribed(begin(SAMPLES / "short-slt.ogg", DIARIZATION_MODEL_DIR=str(folder)))
    diarized(job)
    output = job.outputs["diarize"]
    assert output["method"] == "sherpa-onnx with the operator's models"
    assert not any("experimental" in warning for warning in output["warnings"])
    assert output["provenance"]["version"].startswith("sherpa-onnx ")


def test_models_that_are_missing_stop_the_step_before_it_listens(begin: Begin, tmp_path: Path) -> None:
    job = transcribed(begin(SAMPLES / "short-slt.ogg", DIARIZATION_MODEL_DIR=str(tmp_path / "nowhere")))
    with pytest.raises(Misconfigured, match="DIARIZATION_MODEL_DIR"):
        diarized(job)


def test_a_run_stops_where_it_may_be_cut_off(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "short-slt.ogg"))
    context: Any = job.context("diarize")
    context.stops_after = lambda: True
    with pytest.raises(Stopped):
        diarize.run(context, job.outputs)


def test_sound_that_was_deleted_is_said_in_words(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "short-slt.ogg"))
    job.storage.delete_prefix("jobs/7f3a/prepare/")
    with pytest.raises(Unplayable, match="submit the recording again"):
        diarized(job)
