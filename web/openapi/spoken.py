"""What the endpoints answer that speak as OpenAI's do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from web.openapi.answers import Told


class Wrong(Told):
    model_config = ConfigDict(extra="allow")

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Told):
    """Why a request was not carried out, as OpenAI's client libraries read it."""

    error: Wrong


class Model(Told):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(Told):
    object: Literal["list"]
    data: list[Model]


class Usage(Told):
    type: Literal["duration"]
    seconds: float


class Transcription(Told):
    """The answer in the form `json`."""

    text: str
    usage: Usage


class VerboseTranscription(Transcription):
    """The answer in the form `verbose_json`; words and segments as they were asked for."""

    task: str
    language: str
    duration: float
    words: list[dict[str, Any]] = Field(default_factory=list)
    segments: list[dict[str, Any]] = Field(default_factory=list)


class HandedOut(Told):
    """It takes longer: the job that goes on."""

    object: Literal["job"]
    id: str
    status: str
    status_url: str
    message: str
