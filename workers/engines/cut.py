"""Choose where a stretch of sound is cut: in its longest silence towards the end, or where it is quietest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.engines.chunks import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = 512  #: samples that Silero VAD judges at a time: 32 ms
SEARCHED = 0.2  #: of the stretch, at its end
WARM_UP_SECONDS = 2  #: before that, so that the detector knows whether somebody is speaking
SPEECH_BELOW = 0.35  #: a probability below this is silence, as in faster-whisper's own VAD (its threshold less 0.15)
SILENCE_SECONDS = 0.2  #: the shortest silence that is trusted to lie between words
QUIET_SECONDS = 0.1  #: without silence: the quietest such moment


def place_to_cut(samples: bytes | bytearray) -> int:
    """Return the sample to cut before, in the last fifth of 16-bit `samples` and not at its very start."""
    sound = np.frombuffer(samples, dtype=np.int16)
    first = max(1, int(len(sound) * (1 - SEARCHED)))
    silence = longest_silence(sound, first)
    return silence if silence is not None else quietest(sound, first)


def longest_silence(sound: NDArray[np.int16], first: int) -> int | None:
    """Return the middle of the longest silence behind `first`, or None if nobody pauses there."""
    from faster_whisper.vad import get_vad_model

    start = max(0, first - WARM_UP_SECONDS * SAMPLE_RATE)
    heard = sound[start:].astype(np.float32) / 32768
    speech = np.ravel(get_vad_model()(np.pad(heard, (0, -len(heard) % FRAME))))
    skipped = -(-(first - start) // FRAME)
    silent = np.concatenate(([0], speech[skipped : len(heard) // FRAME] < SPEECH_BELOW, [0])).astype(np.int8)
    begins, ends = np.flatnonzero(np.diff(silent) == 1), np.flatnonzero(np.diff(silent) == -1)
    if not len(begins) or (ends - begins).max() * FRAME < SILENCE_SECONDS * SAMPLE_RATE:
        return None
    longest = int(np.argmax(ends - begins))
    return start + (skipped + int(begins[longest] + ends[longest]) // 2) * FRAME


def quietest(sound: NDArray[np.int16], first: int) -> int:
    """Return the middle of the moment with the least energy behind `first`."""
    width = min(int(QUIET_SECONDS * SAMPLE_RATE), len(sound) - first)
    energy = np.concatenate(([0.0], np.cumsum(np.square(sound[first:].astype(np.float64)))))
    return first + int(np.argmin(energy[width:] - energy[:-width])) + width // 2
