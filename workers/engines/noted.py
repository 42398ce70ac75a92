"""The notes as the tasks after `notes` read them: Gemini's where every part of them came and held, else those made offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.gemini.allowed import THIRD_PARTY
from workers.notes.draft import Part, together
from workers.notes.shape import Notes

if TYPE_CHECKING:
    from workers.context import Context

NO_ANSWER = "it did not answer"


def read(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return notes.json; None when no notes were taken."""
    if "notes" not in inputs:
        return None
    told = inputs["notes"]
    offline = Notes.model_validate_json(context.storage.get_bytes(told["key"]))
    came = answers(context, told)
    why = reason(told, came)
    if why is not None:
        return offline.model_copy(update={"warnings": [*offline.warnings, why]}).model_dump()
    if not came:
        return offline.model_dump()
    parts = [Part.model_validate_json(context.storage.get_bytes(part["key"])) for part in came]
    return together(parts, offline, came[0]["provenance"]["model"]).model_dump()


def warnings(context: Context, inputs: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of the notes and `notes` could not say itself: why they are not Gemini's, how many items were dropped."""
    if "notes" not in inputs:
        return []
    came = answers(context, inputs["notes"])
    why = reason(inputs["notes"], came)
    if why is not None:
        return [why]
    dropped = sum(part["dropped"] for part in came)
    items = "1 item" if dropped == 1 else f"{dropped} items"
    return [f"{items} of Gemini's notes left out: not borne out by the segments named for it"] if dropped else []


def provenance(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what made the notes that `read` returns, and who else may have seen the text, whatever came of asking."""
    if "notes" not in inputs:
        return None
    came = answers(context, inputs["notes"])
    if not came or reason(inputs["notes"], came) is not None:
        own: dict[str, Any] = inputs["notes"]["provenance"]
        return {**own, "third_party": THIRD_PARTY} if inputs["notes"].get("parts") else own
    return {"engine": "notes", "method": "Gemini, each item checked against its segments", **came[0]["provenance"]}


def answers(context: Context, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the children told, those that asked Gemini for a part."""
    return context.children_outputs("notes") if told.get("parts") else []


def reason(told: Mapping[str, Any], came: list[dict[str, Any]]) -> str | None:
    """Return why the notes are not Gemini's although it was asked; None when they are, or it was not."""
    failed = [str(part["failed"]) for part in came if "failed" in part]
    if not failed and len(came) == told.get("parts", 0):
        return None
    return f"the notes were made offline, not by Gemini: {(failed or [NO_ANSWER])[0]}"
