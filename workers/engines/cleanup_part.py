"""Have Gemini clean up some sentences: one request, whose answer counts only if it says what was said.

It answers `{"key": file of {"segments": [text, or null where it stays as it was said, …]}, "first", "count", "why"}`: `why` is what
kept them from being cleaned up, "" for nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from workers import gemini
from workers.engines.drift import drifted
from workers.outcome import GaveUp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.context import Context

QUOTA = gemini.QUOTA

TASK = f"""\
You prepare the transcript of a lecture for reading. {gemini.DATA}

For each numbered line answer with the same number and the line cleaned up: punctuation and capitals set right, fillers (um, uh) and words
said twice by accident left out, plain slips of grammar and words that the speech recognition obviously misheard put right. Keep the
speaker's own words and their order otherwise. Do not translate, shorten, explain, join or split lines, move words from one line to
another, or add anything. Keep every number as it is written, and every "not". A line that needs nothing is answered as it is. Answer with
every number once, in order.\
"""


class Sentence(BaseModel):
    n: int = Field(description="the number of the line")
    text: str = Field(description="the line, cleaned up")


class Sentences(BaseModel):
    sentences: list[Sentence]


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return where the cleaned sentences lie. What Gemini keeps back or what has drifted stays as it was said, with a warning."""
    asked = context.claimed.payload
    first, count = asked["first"], asked["count"]
    raw = json.loads(context.storage.get_bytes(asked["key"]))[first : first + count]
    cleaned: Sequence[str | None] = [None] * count
    why = ""
    try:
        prompt = question(raw, first, asked["language"], context.claimed.params.get("vocabulary") or ())
        cleaned = matched(raw, first, gemini.ask(context, prompt, Sentences, since=asked["since"], instructions=TASK))
    except gemini.QuotaSpent as error:
        raise GaveUp(f"{error}; the step can be retried later") from None
    except gemini.NoAnswer as error:
        why = str(error)
    except Drifted:
        why = "the answer had drifted"
    key = context.key("cleaned.json")
    context.storage.put_bytes(key, json.dumps({"segments": cleaned}, ensure_ascii=False).encode())
    return {"key": key, "first": first, "count": count, "why": why}


def question(raw: Sequence[str], first: int, language: str, vocabulary: Sequence[str]) -> str:
    said = [f"The language is {language}."] if language else []
    if vocabulary:
        words = ", ".join(" ".join(word.split()) for word in vocabulary)
        said.append(f"Words of the course, which the recognition may have misheard: {words}.")
    return "\n".join([*said, f"Lines {first + 1} to {first + len(raw)}:", gemini.numbered(raw, first + 1)])


class Drifted(Exception):
    """The answer is about something else than what was asked about."""


def matched(raw: Sequence[str], first: int, answer: Sentences) -> list[str | None]:
    """Return a text for each sentence of `raw`, None where it stays as it was. Raises Drifted unless all of them say what was said.

    All, since a sentence that has lost words may have lost them to its neighbour.
    """
    if [sentence.n for sentence in answer.sentences] != list(range(first + 1, first + len(raw) + 1)):
        raise Drifted
    texts = [" ".join("".join(c for c in sentence.text if c.isprintable() or c.isspace()).split()) for sentence in answer.sentences]
    if drifted(raw, texts):
        raise Drifted
    return [text or None for text in texts]
