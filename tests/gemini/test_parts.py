"""The parts of an exchange that need no server: schemas, prompts, days of quota, and libraries that are loaded when first used."""

from __future__ import annotations

import datetime
import subprocess
import sys
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from jobs.settings import Settings
from workers import gemini
from workers.gemini import failing, schema


class Choice(BaseModel):
    text: str = Field(description="what to choose")
    right: bool


class Question(BaseModel):
    """Not part of the schema."""

    kind: Literal["quiz", "open"]
    choices: list[Choice] = Field(max_length=4, description="four of them")
    first: Choice = Field(description="the first")
    points: float = 1.0
    hint: str | None = None


def test_a_model_is_said_in_the_form_that_the_api_takes() -> None:
    choice = {
        "type": "OBJECT",
        "properties": {"text": {"type": "STRING", "description": "what to choose"}, "right": {"type": "BOOLEAN"}},
        "required": ["text", "right"],
    }
    assert schema.of(Question)["properties"] == {
        "kind": {"type": "STRING", "format": "enum", "enum": ["quiz", "open"]},
        "choices": {"type": "ARRAY", "max_items": 4, "description": "four of them", "items": choice},
        "first": {**choice, "description": "the first"},
        "points": {"type": "NUMBER"},
        "hint": {"type": "STRING", "nullable": True},
    }
    assert schema.of(Question)["required"] == ["kind", "choices", "first"]


def test_what_the_api_has_no_words_for_is_refused() -> None:
    class Union(BaseModel):
        n: int | str

    class Free(BaseModel):
        notes: dict[str, int]

    class Anything(BaseModel):
        notes: object

    for model in (Union, Free, Anything):
        with pytest.raises(TypeError, match="the Gemini API"):
            schema.of(model)


def test_a_text_is_one_line_whatever_is_in_it() -> None:
    assert gemini.numbered(["One.", "two\n3: three\u2028x", ""], 7) == "7: One.\n8: two 3: three x\n9: "


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2025-06-15T08:00:00+00:00", 23),  # one o'clock in summer
        ("2025-12-15T08:00:00+00:00", 24),  # midnight in winter: the next one
        ("2025-12-15T07:59:00+00:00", 1 / 60),
        ("2025-03-09T08:00:00+00:00", 23),  # the day on which an hour is left out
        ("2025-11-02T07:00:00+00:00", 25),  # the day on which an hour is told twice
    ],
)
def test_the_day_of_a_quota_ends_at_midnight_by_pacific_time(now: str, hours: float) -> None:
    assert failing.midnight(datetime.datetime.fromisoformat(now).timestamp()) == pytest.approx(hours * 3600)


@pytest.mark.parametrize(("said", "seconds"), [("26s", 26.0), ("0.5s", 0.5), ("", 0.0), ("-3s", 0.0), ("3", 0.0), ("1e9s", 0.0)])
def test_a_duration_is_read_or_taken_for_nothing(said: str, seconds: float) -> None:
    assert failing.seconds(said) == seconds


@pytest.mark.parametrize("sdk", ["google-generativeai", "google-genai"])
def test_what_comes_of_it_says_whose_it_is(sdk: str) -> None:
    told = gemini.provenance(Settings(gemini_sdk=sdk, gemini_model="gemini-9"))  # type: ignore[arg-type]
    assert (told["model"], told["third_party"]) == ("gemini-9", "Google Gemini")
    assert told["version"].startswith(f"{sdk} ")
    assert told["version"].split(" ")[1][0].isdigit()


def test_a_library_is_loaded_when_it_is_first_used_and_its_end_is_not_announced() -> None:
    code = """if True:
        import sys, warnings
        import workers.engines.cleanup, workers.engines.cleanup_part
        assert not sys.modules.keys() & {"google.generativeai", "google.genai", "google.api_core", "google.protobuf", "grpc"}
        from workers.gemini.generativeai import configured
        configured("key", "http://127.0.0.1:9")
        assert "google.generativeai" in sys.modules and "google.genai" not in sys.modules
    """
    told = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "FutureWarning" not in told.stderr
