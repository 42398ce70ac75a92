"""Have Gemini write the notes of a part of a transcript, and keep what the transcript bears out.

A child of `notes`. What no other attempt mends is its output all the same, `{"failed": sentence}`: the notes made offline are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.errors import Misconfigured
from workers import gemini
from workers.notes.draft import ASKED, INSTRUCTIONS, Draft, sift
from workers.outcome import GaveUp, NotConfigured, TryAgain

if TYPE_CHECKING:
    from workers.context import Context

QUOTA = "gemini"
TIMEOUT_S = 300.0  #: notes are long
NOT_BORNE_OUT = "nothing of what Gemini wrote is borne out by the transcript"


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the part's notes lie, or why there are none. Lets pass that it is to be tried again, or later."""
    asked = context.claimed.payload
    context.progress(0.0, "Asking Gemini for notes")
    segments = json.loads(context.storage.get_bytes(asked["segments"]))["segments"]
    first, past = asked["first"], asked["past"]
    lines = gemini.numbered([segment["text"] for segment in segments[first:past]], first)
    try:
        draft = gemini.ask(
            context, f"{ASKED}\n\n{gemini.DATA}\n\n{lines}", Draft, since=asked["since"], instructions=INSTRUCTIONS, timeout_s=TIMEOUT_S
        )
    except gemini.QuotaSpent as error:  # the step itself has completed, and is not to be retried
        return {"failed": f"{error}; a job of type notes, of this transcript, asks again later"}
    except (GaveUp, Misconfigured, NotConfigured) as error:
        return {"failed": str(error)}
    except TryAgain as error:
        if context.claimed.attempt < context.claimed.attempts:
            raise
        return {"failed": str(error)}
    context.progress(0.9, "Checking the notes")
    part = sift(draft, segments, first, past, asked["language"])
    if part.empty:
        return {"failed": NOT_BORNE_OUT, "dropped": part.dropped}
    key = context.key("part.json")
    context.storage.put_bytes(key, part.model_dump_json().encode())
    return {"key": key, "first": first, "dropped": part.dropped, "provenance": gemini.provenance(context.settings)}
