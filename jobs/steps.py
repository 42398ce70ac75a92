"""What a transcription may be asked for besides its text, how each of it is done on this installation, and what is missing for the rest.

Pure. It goes by the settings of the process that asks: those of the workers count in the end, and are to be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.model import Json
from jobs.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """A switch: `param` of the transcription is `on` or `off`."""

    param: str
    label: str
    says: str  #: what it gives, and how
    on: Json = True
    off: Json = False
    wanted: bool = False  #: unless somebody says otherwise
    missing: str = ""  #: why it cannot be had, and what to do about it; empty: it can
    sends_to: str = ""  #: who is sent the text for it


def steps(settings: Settings, *, admin: bool) -> tuple[Step, ...]:
    """Return the steps in the order in which to offer them. Which setting to change is told to who can."""
    unset = missing_for_gemini(settings)
    by_models = "by the models of sherpa-onnx" if settings.diarization_model_dir else "in a light way, which is experimental"
    better = "; set DIARIZATION_MODEL_DIR for better" if admin and not settings.diarization_model_dir else ""
    remedy = unset if admin else "ask your admin"
    study = "Summary, outline, key terms, questions, flashcards and a quiz"
    return (
        Step("word_timestamps", "Times of each word", "When each word is said, for subtitles and players"),
        Step("speaker_detection", "Speakers", f"Who speaks when, told apart {by_models}{better}", on="diarize", off="none"),
        Step("detect_emotions", "Delivery", "How it is said: energy, pitch, pace and pauses of the voice"),
        Step(
            "llm_cleanup",
            "Clean-up",
            "Punctuation and slips mended by Gemini. The text is sent to Google",
            missing=f"Not configured: {remedy}. It would send the text to Google" if unset else "",
            sends_to="Google",
        ),
        Step("notes", "Notes", f"{study}, made on this server, offline")
        if unset
        else Step("notes", "Notes", f"{study}, by Gemini. The text is sent to Google", sends_to="Google"),
        Step("export", "ZIP package", "Everything in one file, with checksums", wanted=True),
    )


def missing_for_gemini(settings: Settings) -> str:
    """Say what is to be set before content may go to Gemini; empty when all is."""
    if not settings.gemini_api_key.get_secret_value():
        return "set GEMINI_API_KEY" + ("" if settings.third_parties == "gemini" else " and THIRD_PARTIES=gemini")
    return "" if settings.third_parties == "gemini" else "set THIRD_PARTIES=gemini to allow it"
