"""What the page offers with a transcription: each step a parameter that is there, and why one cannot be had."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.settings import Settings
from jobs.steps import Step, steps
from jobs.types import transcription


def offered(*, admin: bool = True, **given: Any) -> dict[str, Step]:
    return {step.param: step for step in steps(Settings(**given), admin=admin)}


@pytest.mark.parametrize("step", steps(Settings(), admin=False), ids=lambda step: step.param)
def test_a_switch_gives_a_parameter_the_values_it_takes_and_off_is_what_it_is_unless_asked_for(step: Step) -> None:
    for value in (step.on, step.off):
        assert getattr(transcription.Params.model_validate({"upload": "u1", step.param: value}), step.param) == value
    unasked = getattr(transcription.Params(upload="u1"), step.param)
    assert unasked == (step.on if step.wanted else step.off)


def test_every_step_that_adds_a_task_can_be_asked_for() -> None:
    asked = {step.param: step.on for step in steps(Settings(), admin=False)}
    tasks = {task.name for task in transcription.expand(transcription.Params(upload="u1", **asked)).tasks}
    assert tasks == set(transcription.WEIGHTS)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "set GEMINI_API_KEY and THIRD_PARTIES=gemini"),
        ({"gemini_api_key": "k"}, "set THIRD_PARTIES=gemini to allow it"),
        ({"third_parties": "gemini"}, "set GEMINI_API_KEY."),
    ],
)
def test_clean_up_is_off_and_notes_are_made_here_until_an_admin_allows_gemini(given: dict[str, Any], says: str) -> None:
    found = offered(**given)
    assert says in found["llm_cleanup"].missing
    assert "Google" in found["llm_cleanup"].missing
    assert (found["notes"].missing, found["notes"].sends_to) == ("", "")
    assert "offline" in found["notes"].says


def test_what_sends_the_text_to_google_says_so() -> None:
    found = offered(gemini_api_key="k", third_parties="gemini")
    for param in ("llm_cleanup", "notes"):
        assert (found[param].missing, found[param].sends_to) == ("", "Google")
        assert "sent to Google" in found[param].says
    assert all(not step.sends_to for step in found.values() if step.param not in ("llm_cleanup", "notes"))


def test_telling_speakers_apart_without_models_is_called_experimental() -> None:
    assert "experimental; set DIARIZATION_MODEL_DIR" in offered()["speaker_detection"].says
    assert "experimental" not in offered(diarization_model_dir="/models")["speaker_detection"].says


def test_settings_are_named_to_admins_only() -> None:
    found = offered(admin=False)
    assert found["llm_cleanup"].missing == "Not configured: ask your admin. It would send the text to Google"
    assert found["speaker_detection"].says.endswith("experimental")
    assert not any(
        name in f"{step.says} {step.missing}" for step in found.values() for name in ("DIARIZATION", "GEMINI_API", "THIRD_PARTIES")
    )
