"""What a transcription may be asked for with, in OpenAI's words, and what that is of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from jobs.settings import Settings
from web.body import NewJob
from web.problems import Kind, Problem, invalid
from web.receive import SEVERAL

Granularity = Literal["word", "segment"]
DEFAULT_MODEL = "whisper-1"  #: what clients that know of nothing else send: this installation's own model
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MOST_WORDS, LONGEST_WORDS = 200, 100  #: of a vocabulary


def listed(value: Any) -> Any:
    """Take the values of a field that came several times."""
    return value.split(SEVERAL) if isinstance(value, str) else value


class Asked(BaseModel):
    """The form of POST /v1/audio/transcriptions beside its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        max_length=64, description="whisper-1, or the id of one of /v1/models: this installation's own; or a name that faster-whisper knows"
    )
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}$", description="code of the language spoken; none: detected")
    prompt: str | None = Field(None, max_length=20_000, description="words to expect, apart by commas or lines")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = Field("json", description="form of the answer")
    temperature: float | None = Field(None, ge=0, le=1, description="taken, without effect: bad windows alone are decoded again, by rules")
    timestamp_granularities: Annotated[tuple[Granularity, ...], BeforeValidator(listed)] = Field(
        ("segment",), alias="timestamp_granularities[]", description="what has times; only with verbose_json"
    )
    keywords: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        (), alias="keywords[]", max_length=MOST_WORDS, description="words to expect"
    )
    chunking_strategy: Literal["auto"] | None = Field(None, description="taken, without effect: recordings are always cut in silence")
    stream: Literal["false"] | None = Field(None, description="only false: parts are at /api/jobs/<id>/partial")

    @model_validator(mode="after")
    def _times_have_a_place(self) -> Asked:
        if "word" in self.timestamp_granularities and self.response_format != "verbose_json":
            raise ValueError("timestamp_granularities are told in verbose_json alone: ask for that as response_format")
        return self

    def new_job(self, settings: Settings) -> NewJob:
        """Return the job that makes what is asked for, and nothing more."""
        words = tuple(dict.fromkeys((*vocabulary(self.keywords), *vocabulary([self.prompt or ""]))))[:MOST_WORDS]
        params: dict[str, Any] = {"export": False}
        if self.language:
            params["language"] = self.language
        if words:
            params["vocabulary"] = list(words)
        if "word" in self.timestamp_granularities:
            params["word_timestamps"] = True
        if self.model not in models(settings):
            params["model"] = self.model
        return NewJob(type="transcription", params=params)


FIELDS = frozenset(field.alias or name for name, field in Asked.model_fields.items())


def read(fields: Mapping[str, str]) -> Asked:
    """Return what a form asks for. Raises Problem: INVALID, NOT_FOUND for a model that cannot be there."""
    given = {name: value for name, value in fields.items() if value != ""}
    if given.get("stream", "false").lower() != "false":
        raise Problem(Kind.INVALID, "the answer is not streamed: leave `stream` out; parts are at /api/jobs/<id>/partial", field="stream")
    try:
        asked = Asked.model_validate(given | ({"stream": "false"} if "stream" in given else {}))
    except ValidationError as error:
        raise invalid(error) from error
    if not MODEL.fullmatch(asked.model) or (asked.model.startswith(("gpt-", "whisper-")) and asked.model != DEFAULT_MODEL):
        raise no_model(asked.model)
    return asked


def vocabulary(texts: Iterable[str]) -> Iterable[str]:
    """Yield the words to expect that texts name, apart by commas, semicolons or lines; a sentence too long for one is cut between words."""
    for phrase in (" ".join(found.split()) for text in texts for found in re.split(r"[,;\n]", text)):
        while len(phrase) > LONGEST_WORDS:
            cut = phrase.rfind(" ", 0, LONGEST_WORDS + 1)
            yield phrase[: cut if cut > 0 else LONGEST_WORDS]
            phrase = phrase[cut + 1 if cut > 0 else LONGEST_WORDS :]
        if phrase:
            yield phrase


def models(settings: Settings) -> tuple[str, ...]:
    """Return the ids of this installation's own model: OpenAI's name for it, and its own."""
    own = Path(settings.whisper_model).name if "/" in settings.whisper_model else settings.whisper_model
    return (DEFAULT_MODEL, own) if MODEL.fullmatch(own) and own != DEFAULT_MODEL else (DEFAULT_MODEL,)


def no_model(name: str) -> Problem:
    return Problem(
        Kind.NOT_FOUND,
        f"there is no model {name!r} here; GET /v1/models lists those there are",
        field="model",
        extra={"code": "model_not_found"},
    )
