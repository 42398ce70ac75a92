"""Judge a horse by its pulse: has its run timed out, does it still give signs of life, did it stop when told to. Pure.

Time is the machine's monotonic clock, which the horse uses as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.orders import Why
from workers.outcome import timed_out
from workers.pulse import Beat, Phase

TIMEOUT_GRACE_S = 10.0  #: for an engine to end by itself after its timeout
STOP_GRACE_S = 6.0  #: for an engine to reach a checkpoint after a cancel; with a renewal every 5 s it is gone within 12 s
SILENCE_S = 60.0  #: a horse without an engine at work that gives no sign of life for so long hangs


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell the horse to stop this run."""

    run: str
    why: Why


@dataclass(frozen=True, slots=True)
class Kill:
    reason: str  #: what its task is told


class Watch:
    """What is remembered of one horse between two looks at its pulse."""

    def __init__(self, now: float) -> None:
        self._signs: tuple[int, int] = (0, 0)
        self._signed_at = now
        self._stops: dict[str, tuple[float, Why]] = {}

    def told_to_stop(self, run: str, why: Why, now: float) -> bool:
        """Remember that `run` was told to stop. False if it was before."""
        if run in self._stops:
            return False
        self._stops[run] = (now, why)
        return True

    def excuse(self, unseen_s: float) -> None:
        """Nobody looked for so long, for the supervisor itself was stopped, and its horse perhaps with it: that is no silence."""
        self._signed_at += unseen_s
        self._stops = {run: (told_at + unseen_s, why) for run, (told_at, why) in self._stops.items()}

    def judge(self, beat: Beat, signs: int, now: float) -> Stop | Kill | None:
        """Return what is to be done about a horse with this pulse at `now`."""
        if self._signs != (beat.number, signs):
            self._signs, self._signed_at = (beat.number, signs), now
        self._stops = {run: told for run, told in self._stops.items() if run == beat.run}
        silent_s = now - self._signed_at
        if beat.phase is not Phase.WORKING:
            return Kill(f"gave no sign of life for {SILENCE_S:g} s") if silent_s > SILENCE_S else None
        if beat.run in self._stops:
            told_at, why = self._stops[beat.run]
            if why is not Why.TIMEOUT and now - told_at > STOP_GRACE_S:
                return Kill(f"did not stop within {STOP_GRACE_S:g} s of being told that its run is {why}")
        if now - beat.started > beat.timeout_s + TIMEOUT_GRACE_S:
            return Kill(timed_out(beat.timeout_s))
        if silent_s > beat.stall_s:
            return Kill(f"engine {beat.engine} gave no sign of life for {beat.stall_s:g} s")
        if now - beat.started > beat.timeout_s and self.told_to_stop(beat.run, Why.TIMEOUT, now):
            return Stop(beat.run, Why.TIMEOUT)
        return None
