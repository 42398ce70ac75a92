"""A job's transcript in the forms of OpenAI's answers, out of the artifacts that the job has made."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify

from jobs.storage import Storage
from web.languages import LANGUAGES
from web.openai.asked import Asked

NAMES = {code: name.lower() for code, name in LANGUAGES}
#: response_format → the artifact that is its answer as it is
AS_IT_IS = {"text": "transcript.txt", "srt": "transcript.srt", "vtt": "transcript.vtt"}


def answer(storage: Storage, artifacts: Mapping[str, Mapping[str, Any]], asked: Asked) -> Response:
    """Return the answer to `asked`; `artifacts` are those of a job that has completed, by name."""

    def read(name: str) -> str:
        return storage.get_bytes(artifacts[name]["key"]).decode()

    if name := AS_IT_IS.get(asked.response_format):
        return Response(
            read(name), content_type="text/plain; charset=utf-8" if asked.response_format != "vtt" else "text/vtt; charset=utf-8"
        )
    text = read("transcript.txt").strip()
    transcript = json.loads(read("transcript.json"))
    seconds = transcript["recording"]["seconds"]
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    if asked.response_format == "json":
        return jsonify(text=text, usage=usage)
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": NAMES.get(transcript["language"], transcript["language"]),
        "duration": seconds,
        "text": text,
    }
    if "word" in asked.timestamp_granularities:
        spoken = (word for segment in transcript["segments"] for word in segment.get("words", ()))
        told["words"] = [{name: word[name] for name in ("word", "start", "end")} for word in spoken]
    if "segment" in asked.timestamp_granularities:
        told["segments"] = [segment(n, one) for n, one in enumerate(transcript["segments"])]
    return jsonify(told | {"usage": usage})


def segment(n: int, heard: Mapping[str, Any]) -> dict[str, Any]:
    """Return a segment as OpenAI tells it; what a transcript does not keep is null."""
    data = heard["text"].encode()
    return {
        "id": n,
        "seek": None,
        "start": heard["start"],
        "end": heard["end"],
        "text": heard["text"],
        "tokens": None,
        "temperature": None,
        "avg_logprob": heard.get("avg_logprob"),
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 3) if data else None,
        "no_speech_prob": heard.get("no_speech_prob"),
    }
