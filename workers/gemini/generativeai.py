"""The adapter of google-generativeai, over REST. It has ended, and says so in a warning when it is imported."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

from workers.gemini.exchange import Answer, Failure, Request, Unreached


def send(request: Request) -> Answer:
    """Make one request. Raises Failure and Unreached."""
    model = configured(request.api_key, request.endpoint).GenerativeModel(
        request.model,
        generation_config={
            "response_mime_type": "application/json",
            "response_schema": request.schema,
            "temperature": request.temperature,
        },
        system_instruction=request.instructions or None,
    )
    try:
        # Its own retries are without end and without a word.
        response = model.generate_content(request.prompt, request_options={"retry": None, "timeout": request.timeout_s})
    except Exception as error:
        raise told(error) from None
    if not response.candidates:
        return Answer("", "", named(response.prompt_feedback.block_reason))
    candidate = response.candidates[0]
    text = "".join(part.text for part in candidate.content.parts if "text" in part)
    return Answer(text, named(candidate.finish_reason), named(response.prompt_feedback.block_reason))


@lru_cache(maxsize=1)
def configured(api_key: str, endpoint: str) -> Any:
    """Return the library, set up. What it is set up with is its own global state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import google.generativeai
    library: Any = google.generativeai
    library.configure(api_key=api_key, transport="rest", client_options={"api_endpoint": endpoint} if endpoint else None)
    return library


def told(error: Exception) -> Failure | Unreached:
    """Return what an error of the library, or of the HTTP library under it, says of the exchange."""
    response = getattr(error, "response", None)
    code = getattr(error, "code", None)
    if response is None or code is None:
        return Unreached(error)
    try:
        return Failure(int(code), response.json())
    except ValueError:  # a proxy's page
        return Failure(int(code), None)


def named(reason: Any) -> str:
    """Return the name of a reason: "" for none, a number for one that the library is too old to know."""
    if not reason:
        return ""
    return str(getattr(reason, "name", reason))
