"""What came of the clean-up, for the tasks after it: its parts put together again, and what is to be said of those left as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workers import gemini

if TYPE_CHECKING:
    from workers.context import Context

NO_ANSWER = "Gemini did not answer"
NOT_USED = "begun, and nothing of it used"


def read(context: Context, inputs: Mapping[str, Any]) -> list[str | None]:
    """Return a text for each segment, None where it stays as it was said; [] if nothing was cleaned up."""
    if "cleanup" not in inputs:
        return []
    texts: list[str | None] = [None] * inputs["cleanup"]["segments"]
    for part in context.children_outputs("cleanup"):
        found = json.loads(context.storage.get_bytes(part["key"]))["segments"]
        texts[part["first"] : part["first"] + part["count"]] = found
        context.checkpoint()
    return texts


def warnings(context: Context, inputs: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each reason for which parts were left as they were said."""
    if "cleanup" not in inputs:
        return []
    firsts, total = inputs["cleanup"]["parts"], inputs["cleanup"]["segments"]
    why = dict.fromkeys(firsts, NO_ANSWER) | {part["first"]: part["why"] for part in context.children_outputs("cleanup")}
    left: dict[str, list[list[int]]] = {}  # reason → first and last sentences, counted from 1
    for first, past in pairwise([*firsts, total]):
        if why[first]:
            runs = left.setdefault(why[first], [])
            if runs and runs[-1][1] == first:
                runs[-1][1] = past
            else:
                runs.append([first + 1, past])
    return [f"{told(runs)}: {reason}" for reason, runs in left.items()]


def told(runs: list[list[int]]) -> str:
    if len(runs) == 1 and runs[0][0] == runs[0][1]:
        return f"sentence {runs[0][0]} was left as it was"
    return f"sentences {', '.join(map(counted, runs))} were left as they were"


def counted(run: list[int]) -> str:
    first, last = run
    return f"{first}–{last}" if last > first else str(first)


def provenance(context: Context, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return who cleaned up, or may have seen the text although nothing came of it; None if nobody was asked."""
    if "cleanup" in inputs:
        found: Mapping[str, Any] | None = inputs["cleanup"].get("provenance")
        return found
    # What stands in storage was put there for the children to ask about: of a clean-up that failed or was skipped nothing else is told.
    stored = context.storage.list(f"jobs/{context.claimed.job}/cleanup") if context.claimed.params.get("llm_cleanup") else iter(())
    if next(stored, None) is None:
        return None
    return {"engine": "cleanup", "method": NOT_USED, **gemini.provenance(context.settings), "settings": {}}
