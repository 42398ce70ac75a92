"""A transcript and notes in which everything stands that a form may have to cope with."""

from __future__ import annotations

from typing import Any

import pytest

HOSTILE = "<script>alert(1)</script> & *stars* _under_ [link](x) `code` # 1. - | ~~no~~ \\ back"


def segment(start: float, end: float, text: str, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, "avg_logprob": -0.3, "no_speech_prob": 0.0, **more}


def delivered(label: str) -> dict[str, Any]:
    return {"label": label, "energy_db": -23.5, "pitch_hz": 180.0, "pitch_range": 4.0, "words_per_s": 2.5, "pause_s": 0.4}


@pytest.fixture
def transcript() -> dict[str, Any]:
    words = [
        {"word": " Good", "start": 0.0, "end": 0.4, "probability": 0.9},
        {"word": " morning.", "start": 0.5, "end": 1.0, "probability": 0.2, "low": True},
    ]
    return {
        "version": 2,
        "title": "Leaves & light",
        "recording": {"filename": "week 1.ogg", "seconds": 75.0, "format": "ogg", "codec": "opus", "channels": 1, "sample_rate": 48_000},
        "model": "demo",
        "language": "en",
        "versions": {"faster-whisper": "1.2.1"},
        "truncated_at_s": None,
        "parameters": {},
        "steps": {"cleanup": {"engine": "cleanup", "method": "gemini", "version": "1", "third_party": "Google Gemini"}},
        "skipped": [],
        "warnings": ["1 minute of speech was not understood"],
        "segments": [
            segment(0.0, 1.0, "Good morning.", words=words, speaker="S1", delivery=delivered("even")),
            segment(1.0, 4.0, "um the the leaf is green", cleaned="The leaf is green.", speaker="S1", delivery=delivered("lively")),
            segment(5.0, 9.0, HOSTILE, speaker="Dr Ada", delivery=delivered("loud")),
            segment(70.0, 75.0, "=1+1 is what she said", speaker="Dr Ada"),
        ],
    }


@pytest.fixture
def notes() -> dict[str, Any]:
    return {
        "version": 1,
        "language": "en",
        "engine": "gemini",
        "model": "gemini-2.5-flash",
        "title": {"text": "Leaves & light", "segments": [0]},
        "summary": [{"text": "Leaves are green.", "segments": [1]}, {"text": HOSTILE, "segments": [3, 2]}],
        "outline": [
            {"title": "The leaf", "start": 0.0, "end": 9.0, "segments": [0, 1], "points": [{"text": "It is green", "segments": [1]}]},
            {"title": "Light #", "start": 9.0, "end": 75.0, "segments": [2], "points": []},
        ],
        "terms": [{"term": "leaf", "definition": "what is green", "segments": [1]}],
        "questions": [{"text": "Why is it green?", "segments": [1]}],
        "flashcards": [
            {"front": "What is a leaf?", "back": "+ something <green>", "segments": [1]},
            {"front": "=cmd()", "back": "a formula", "segments": [3]},
            {"front": "What is a leaf?", "back": "asked twice", "segments": [2]},
        ],
        "quiz": [{"question": "Which?", "choices": ["red", "green"], "answer": 1, "explanation": "It was said", "segments": [1]}],
        "dropped": 2,
        "warnings": [],
    }


@pytest.fixture
def starts(transcript: dict[str, Any]) -> list[float]:
    return [part["start"] for part in transcript["segments"]]
