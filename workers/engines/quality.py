"""Check many recordings in one run, with processes of its own: each writes what it finds to the key of the recording it has.

A run that takes over from one that was killed or handed back goes on with the recordings that have no verdict yet. A process that dies
fails the recording that it had; the others go on. When the run has to stop, its processes are killed at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.errors import Misconfigured
from workers.engines.checks import report, verdict
from workers.engines.checks.pool import Died, Done, Heard, Pool

if TYPE_CHECKING:
    from workers.context import Context

MOST_PROCESSES = 4  #: unless QUALITY_PROCESSES says otherwise
MOST_NAMED, NAME_CHARACTERS = 5, 80  #: of the names in the output, which is small
GUESSED_SECONDS = 1800.0  #: of a recording of which nobody knows how long it is


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as artifacts, and how many recordings got which verdict. Raises Misconfigured for too many of them."""
    uploads: list[str] = list(context.claimed.params["uploads"])
    if len(uploads) > context.settings.max_children:
        most = context.settings.max_children
        raise Misconfigured(f"{len(uploads)} recordings are more than MAX_CHILDREN={most} allows; set it higher, or check fewer at once")
    names = filenames(context.claimed.params)
    context.progress(0.0, f"0 of {len(uploads)} recordings checked")
    pieces = context.pieces(len(uploads))
    told = [verdict.ended(items) for items in pieces.items()]
    tally = Tally(context.claimed.params.get("lengths") or [0.0] * len(uploads))
    orders = []
    for n, upload in enumerate(uploads):
        if told[n]:
            tally.done(n)
        else:
            shown = {"name": f"recording-{n + 1:03}.svg", "key": context.key(f"recording-{n + 1:03}.svg")}
            orders.append(
                {"n": n, "piece": pieces.tickets[n], "key": f"uploads/{upload}/recording", "filename": names[n], "picture": shown}
            )
    with Pool(processes(context), context.scratch) as pool:
        for event in pool.work(orders):
            match event:
                case Heard(n, seconds, of_s):
                    tally.heard(n, seconds, of_s)
                case Died(n, how):
                    context.log.warning("check_died n=%s how=%s", n, how)
                    if not verdict.ended(pieces.items()[n]):  # else it died with its work done
                        why = verdict.failed(f"the process that listened to it {how}")
                        pieces.append(n, [{"recording": n, "filename": names[n], **why}])
                    tally.done(n)
                case Done(n):
                    tally.done(n)
            context.progress(tally.fraction, tally.message)
    return output(context, [{**items[-1], "filename": names[n]} for n, items in enumerate(pieces.items())])


def filenames(params: Mapping[str, Any]) -> list[str]:
    known = params.get("filenames") or []
    return [known[n] if n < len(known) else f"recording {n + 1}" for n in range(len(params["uploads"]))]


def processes(context: Context) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return context.settings.quality_processes or min(cores, MOST_PROCESSES)


def output(context: Context, recordings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Write the report and return what the job is told."""
    bad = [one["filename"] for one in recordings if one["verdict"] in (verdict.POOR, verdict.UNUSABLE)]
    return {
        "artifacts": report.write(context, recordings),
        "verdicts": {name: sum(one["verdict"] == name for one in recordings) for name in verdict.VERDICTS},
        "bad": [name[:NAME_CHARACTERS] for name in bad[:MOST_NAMED]],
        "seconds": round(sum(one["found"]["seconds"] for one in recordings if one["found"]), 1),
    }


class Tally:
    """How far the run is, by the seconds of sound that were heard."""

    def __init__(self, lengths: Sequence[float]) -> None:
        known = [seconds for seconds in lengths if seconds]
        guessed = sum(known) / len(known) if known else GUESSED_SECONDS
        self._lengths = [seconds or guessed for seconds in lengths]
        self._heard = [0.0] * len(lengths)
        self._done: set[int] = set()

    def heard(self, n: int, seconds: float, of_s: float) -> None:
        self._lengths[n] = max(of_s or self._lengths[n], seconds)
        self._heard[n] = seconds

    def done(self, n: int) -> None:
        self._done.add(n)
        self._heard[n] = self._lengths[n]

    @property
    def fraction(self) -> float:
        return min(sum(self._heard) / max(sum(self._lengths), 1e-9), 0.99)

    @property
    def message(self) -> str:
        return f"{len(self._done)} of {len(self._lengths)} recordings checked"
