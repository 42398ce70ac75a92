"""Choose how long a chunk may be, and where it is cut: in a long silence towards its end, or where it is quietest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from workers.engines.chunks import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCHED = 0.2  #: of the stretch, at its end
SEARCHED_FIRST = 0.05  #: of it: enough if there is a long silence. Listening to all of a chunk is a sixth of the work with the demo model
LONG_SILENCE_SECONDS = 0.6  #: a pause between sentences; a longer one further away would be no better a place
WARM_UP_SECONDS = 2  #: before that, so that the detector knows whether somebody is speaking
SPEECH_BELOW = 0.35  #: a probability below this is silence, as in faster-whisper's own VAD (its threshold less 0.15)
SILENCE_SECONDS = 0.2  #: the shortest silence that is trusted to lie between words
QUIET_SECONDS = 0.1  #: without silence: the quietest such moment

SHARERS = 2  #: the workers of which none is to wait long for another at the end of a recording
SHORTEST_SECONDS = 100.0  #: not cut any shorter for that: each chunk has a last window that is not full, and costs as much as a full one
UNCUT_SECONDS = 1.5 * SHORTEST_SECONDS  #: a rest that stays in one
SHORTER_CHUNKS = 2  #: that there are more of at the end for it, at most


def longest_now(left_s: float, longest_s: float) -> float:
    """Return how many seconds the next chunk may have when `left_s` are left: its workers' equal share of them, within limits.

    So chunks get shorter towards the end, where a worker that has nothing left to do waits for another one's last chunk
    (guided self-scheduling: Polychronopoulos and Kuck, 1987). A `left_s` that is not above 0 is not known.
    """
    if left_s <= UNCUT_SECONDS:
        return longest_s
    return min(longest_s, max(left_s / SHARERS, SHORTEST_SECONDS))


def most_chunks(total_s: float, longest_s: float) -> int:
    """Return how many chunks there may be at most, each cut at the very start of where a place is looked for."""
    return math.ceil(total_s / (longest_s * (1 - SEARCHED))) + (SHORTER_CHUNKS if longest_s > SHORTEST_SECONDS else 0)


def place_to_cut(samples: bytes | bytearray) -> int:
    """Return the sample to cut before, in the last fifth of 16-bit `samples` and not at its very start."""
    sound = np.frombuffer(samples, dtype=np.int16)
    for searched, enough_s in ((SEARCHED_FIRST, LONG_SILENCE_SECONDS), (SEARCHED, SILENCE_SECONDS)):
        silence = longest_silence(sound, max(1, int(len(sound) * (1 - searched))), enough_s)
        if silence is not None:
            return silence
    return quietest(sound, max(1, int(len(sound) * (1 - SEARCHED))))


def longest_silence(sound: NDArray[np.int16], first: int, enough_s: float) -> int | None:
    """Return the middle of the longest silence behind `first`, or None if nobody pauses there for `enough_s`."""
    from workers.engines.voice import FRAME, probabilities

    start = max(0, first - WARM_UP_SECONDS * SAMPLE_RATE)
    heard = np.divide(sound[start:], 32768, dtype=np.float32)
    skipped = -(-(first - start) // FRAME)
    judged = probabilities(heard)[skipped : len(heard) // FRAME]
    silent = np.concatenate(([0], judged < SPEECH_BELOW, [0])).astype(np.int8)
    begins, ends = np.flatnonzero(np.diff(silent) == 1), np.flatnonzero(np.diff(silent) == -1)
    if not len(begins) or (ends - begins).max() * FRAME < enough_s * SAMPLE_RATE:
        return None
    longest = int(np.argmax(ends - begins))
    return start + (skipped + int(begins[longest] + ends[longest]) // 2) * FRAME


def quietest(sound: NDArray[np.int16], first: int) -> int:
    """Return the middle of the moment with the least energy behind `first`."""
    width = min(int(QUIET_SECONDS * SAMPLE_RATE), len(sound) - first)
    energy = np.concatenate(([0.0], np.cumsum(np.square(sound[first:].astype(np.float64)))))
    return first + int(np.argmin(energy[width:] - energy[:-width])) + width // 2
