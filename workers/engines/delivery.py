"""How something is said, as far as it can be measured: loudness, pitch, how far the pitch moves, pace, pauses. Nothing of it is a feeling.

The label of a segment says in what it stands out from what its speaker does elsewhere in the recording. A model of the installation may
name segments instead: an entry point in the group `lectern.delivery` (see docs/settings.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Misconfigured
from workers.engines.chunks import SAMPLE_RATE

Measured = dict[str, Any]
#: (samples at 16 kHz, between -1 and 1; the sample rate; what was measured) → a label of at most 40 characters
Model = Callable[[NDArray[np.float32], int, Mapping[str, Any]], str]

GROUP = "lectern.delivery"
MOST_CHARACTERS = 40
EVEN = "even"

VOICED = 0.5  #: a frame more periodic than this has a pitch
LEAST_FRAMES = 10  #: voiced ones, for a pitch
LEAST_SEGMENTS = 4  #: of a speaker, to tell what is usual; else all of the recording are taken
STANDS_OUT = 1.5  #: times the usual deviation
#: measure: (label above, label below, deviation below which nobody hears a difference)
LABELS = {
    "energy_db": ("loud", "quiet", 2.0),
    "pitch_range": ("lively", "monotone", 1.5),
    "words_per_s": ("fast", "slow", 0.35),
}


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a segment: energy as power, pitch in Hz and how periodic, and whether somebody speaks."""

    power: NDArray[np.float32]
    hz: NDArray[np.float32]
    strength: NDArray[np.float32]
    spoken: NDArray[np.bool_]


def measure(frames: Frames, words: int, frames_per_s: float) -> Measured:
    """Return the measures of one segment, null for what cannot be told of it.

    energy_db: mean level while somebody speaks, below full scale. pitch_hz: median. pitch_range: semitones between the tenth and the
    ninetieth percentile. words_per_s: of the time in which somebody speaks. pause_s: time within the segment in which nobody does.
    """
    spoken_s = float(frames.spoken.sum()) / frames_per_s
    voiced = frames.hz[frames.spoken & (frames.strength > VOICED)]
    low, middle, high = np.percentile(voiced, (10, 50, 90)) if len(voiced) >= LEAST_FRAMES else (None, None, None)
    power = frames.power[frames.spoken]
    return {
        "energy_db": round(float(10 * np.log10(power.mean() + 1e-9)), 1) if len(power) else None,
        "pitch_hz": round(float(middle), 1) if middle else None,
        "pitch_range": round(float(12 * np.log2(high / low)), 1) if low else None,
        "words_per_s": round(words / spoken_s, 2) if words and spoken_s > 0.2 else None,
        "pause_s": round(len(frames.spoken) / frames_per_s - spoken_s, 2),
    }


def labels(measured: Sequence[Measured], speakers: Sequence[str | None]) -> list[str | None]:
    """Return for each segment in what it stands out most from its speaker's others, EVEN if in nothing, None if nothing was measured."""
    of_speaker: dict[str | None, list[Measured]] = defaultdict(list)
    for one, speaker in zip(measured, speakers, strict=True):
        of_speaker[speaker].append(one)
    usual = {speaker: usually(own if len(own) >= LEAST_SEGMENTS else measured) for speaker, own in of_speaker.items()}
    return [label(one, usual[speaker]) for one, speaker in zip(measured, speakers, strict=True)]


def usually(measured: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """Return the median of each measure and how far it usually is from it: the median deviation, as of a normal distribution."""
    found = {}
    for name, (_, _, least) in LABELS.items():
        known = np.array([one[name] for one in measured if one[name] is not None])
        if len(known):
            middle = float(np.median(known))
            found[name] = (middle, max(1.4826 * float(np.median(np.abs(known - middle))), least))
    return found


def label(one: Measured, usual: Mapping[str, tuple[float, float]]) -> str | None:
    if one["energy_db"] is None:
        return None
    best, word = STANDS_OUT, EVEN
    for name, (above, below, _) in LABELS.items():
        if one[name] is not None and name in usual:
            middle, spread = usual[name]
            off = (one[name] - middle) / spread
            if abs(off) > best:
                best, word = abs(off), above if off > 0 else below
    return word


def model() -> tuple[str, Model] | None:
    """Return the name and the function of the installation's model, the first by its name; None if there is none.

    Raises Misconfigured for one that cannot be loaded. Whoever may install a package here may run code here anyway: no setting names code.
    """
    found: list[EntryPoint] = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if not found:
        return None
    entry = found[0]
    named = f"{entry.name} of {entry.dist.name} {entry.dist.version}" if entry.dist else entry.name
    try:
        loaded = entry.load()
    except Exception as error:  # whatever a foreign package raises when it is imported
        raise Misconfigured(f"the model of delivery {named} cannot be loaded: {error}; mend or remove that package") from error
    return named, loaded


def said_by(name: str, function: Callable[..., Any], sound: NDArray[np.float32], measured: Measured) -> str:
    """Return what the model calls a segment. Raises Misconfigured for what is no label."""
    word = function(sound, SAMPLE_RATE, measured)
    if not isinstance(word, str) or not 0 < len(word) <= MOST_CHARACTERS:
        raise Misconfigured(f"the model of delivery {name} returned {word!r:.80}, not a label of 1 to {MOST_CHARACTERS} characters")
    return word
