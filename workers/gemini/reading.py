"""Make an instance of the schema out of what Gemini answered, which may be anything."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from workers.gemini.exchange import Answer
from workers.gemini.unanswered import Blocked, Cut

T = TypeVar("T", bound=BaseModel)

FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)\n?\s*```", re.DOTALL)
#: Reasons for which it keeps back what it has, or will not begin. https://ai.google.dev/api/generate-content#FinishReason
KEPT_BACK = {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}
WHOLE = {"STOP", "FINISH_REASON_UNSPECIFIED", ""}


class Unread(Exception):
    """The answer is not what was asked for; asking again may bring it."""


def read(answer: Answer, schema: type[T]) -> T:
    """Return what was answered. Raises Blocked, Cut and Unread, each with a sentence that repeats nothing of the answer."""
    if answer.block_reason and not answer.text:
        raise Blocked(f"Gemini did not take the question ({answer.block_reason})")
    if answer.finish_reason in KEPT_BACK:
        raise Blocked(f"Gemini kept its answer back ({answer.finish_reason})")
    if answer.finish_reason == "MAX_TOKENS":
        raise Cut("Gemini's answer was cut off: it was longer than the model may write (MAX_TOKENS)")
    if answer.finish_reason not in WHOLE:
        raise Unread(f"Gemini broke off ({answer.finish_reason})")
    if not answer.text.strip():
        raise Unread("Gemini answered nothing")
    wrong = ""
    for text in (answer.text, *FENCED.findall(answer.text)):
        try:
            return schema.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            wrong = "it is not JSON" if first["type"] == "json_invalid" else f"{where or 'it'}: {first['msg']}"
    raise Unread(f"Gemini's answer is not what was asked for: {wrong}")
