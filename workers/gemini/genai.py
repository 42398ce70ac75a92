"""The adapter of google-genai, the successor."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from workers.gemini.exchange import Answer, Failure, Request, Unreached

GOOGLES_OWN = "https://generativelanguage.googleapis.com/"  #: named, so that no variable of the environment changes it


def send(request: Request) -> Answer:
    """Make one request. Raises Failure and Unreached."""
    from google.genai import errors, types

    client = connected(request.api_key, request.endpoint or GOOGLES_OWN)
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_schema=dict(request.schema),
        temperature=request.temperature,
        system_instruction=request.instructions or None,
        http_options=types.HttpOptions(timeout=round(request.timeout_s * 1000)),  # without retry options it makes no retries
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    try:
        response = client.models.generate_content(model=request.model, contents=request.prompt, config=config)
    except errors.APIError as error:
        raise Failure(error.code, error.details) from None
    except Exception as error:  # of the HTTP library, which the library chooses by itself
        raise Unreached(error) from None
    block_reason = named(response.prompt_feedback and response.prompt_feedback.block_reason)
    if not response.candidates:
        return Answer("", "", block_reason)
    candidate = response.candidates[0]
    parts = (candidate.content and candidate.content.parts) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    return Answer(text, named(candidate.finish_reason), block_reason)


@lru_cache(maxsize=1)
def connected(api_key: str, endpoint: str) -> Any:
    from google.genai import Client, types

    return Client(vertexai=False, api_key=api_key, http_options=types.HttpOptions(base_url=endpoint))


def named(reason: Any) -> str:
    """Return the name of a reason, "" for none."""
    return str(reason.value) if reason else ""
