"""Whether anything may be sent to Gemini at all, and what is told of it in what comes of it."""

from __future__ import annotations

from importlib.metadata import version

from jobs.settings import Settings
from workers.outcome import NotConfigured

THIRD_PARTY = "Google Gemini"


def allowed(settings: Settings) -> None:
    """Raise NotConfigured, with what to set, unless an admin allows it and there is a key."""
    if settings.third_parties != "gemini":
        raise NotConfigured("it sends what was said to Google; an admin has to allow it: THIRD_PARTIES=gemini")
    if not settings.gemini_api_key.get_secret_value():
        raise NotConfigured("there is no key of the Gemini API: set GEMINI_API_KEY")


def possible(settings: Settings) -> bool:
    """Whether it is allowed and there is a key."""
    try:
        allowed(settings)
    except NotConfigured:
        return False
    return True


def provenance(settings: Settings) -> dict[str, str]:
    """Return the model, the library with its version, and whom content was sent to."""
    sdk = settings.gemini_sdk
    return {"model": settings.gemini_model, "version": f"{sdk} {version(sdk)}", "third_party": THIRD_PARTY}
