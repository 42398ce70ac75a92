"""Tell who speaks when, and give every word to its speaker: with the operator's models, or by a light built-in way that is experimental."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.engines import hearing
from workers.engines.segments import put, read

if TYPE_CHECKING:
    from workers.context import Context
    from workers.engines.turns import Turn

#: A chunk of five minutes takes models on a slow machine minutes; while they work there are signs of life.
STALL_SECONDS = 300

LIGHT = "voice features and clustering, built in (experimental)"
EXPERIMENTAL = (
    "speakers were told apart by the built-in method, which is experimental and makes mistakes; "
    "DIARIZATION_MODEL_DIR takes models that do better (see the settings)"
)
NOBODY = "no voice was found in the recording, so nobody was told apart"
LISTENING = 0.9  #: of the time it takes


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the segments with their speakers lie, and the turns. Raises Misconfigured for models that are missing or broken."""
    from workers.engines.speakers_assign import assign

    turns, told = with_models(context, inputs) if context.settings.diarization_model_dir else lightly(context, inputs)
    context.progress(LISTENING, "Giving words to speakers")
    segments = read(context, inputs)
    named, spoken = assign(segments, turns)
    context.checkpoint()
    key = context.key("turns.json")
    context.storage.put_bytes(key, json.dumps({"turns": spoken}).encode())
    speakers = len({turn["speaker"] for turn in spoken})
    if segments and not turns:
        told["warnings"] = [*told["warnings"], NOBODY]
    return {"key": put(context, "segments.json", named), "segments": len(named), "turns": key, "speakers": speakers, **told}


def lightly(context: Context, inputs: Mapping[str, Any]) -> tuple[list[Turn], dict[str, Any]]:
    """Return the turns by the built-in way, and what is to be said of it."""
    from workers.engines import speakers_gaussian, speakers_light

    heard = speakers_light.Heard()
    for chunk, sound in hearing.chunks(context, inputs, "Listening to the voices", LISTENING):
        heard.hear(sound, chunk.offset_s, context.checkpoint)
    settings = {"penalty": speakers_gaussian.PENALTY, "most_speakers": speakers_light.MOST_SPEAKERS}
    provenance = {"engine": "diarize", "method": LIGHT, "version": speakers_light.VERSION, "settings": settings, "third_party": None}
    turns = speakers_light.turns(heard, context.checkpoint)
    return turns, {"method": LIGHT, "warnings": [EXPERIMENTAL] if turns else [], "provenance": provenance}


def with_models(context: Context, inputs: Mapping[str, Any]) -> tuple[list[Turn], dict[str, Any]]:
    """Return the turns as the operator's models hear them, and what is to be said of that."""
    from workers.engines import speakers_models

    models = speakers_models.found(context.settings)
    context.progress(0.0, "Loading the models")
    voices: list[speakers_models.Voice] = []
    with speakers_models.listening(models, context.checkpoint) as listener:
        for chunk, sound in hearing.chunks(context, inputs, "Listening to the voices", LISTENING):
            voices += listener.hear(sound, chunk.offset_s, context.scratch)
    turns = speakers_models.turns(voices, models.threshold)
    return turns, {"method": speakers_models.METHOD, "warnings": [], "provenance": models.provenance()}
