"""Tell speech from silence: faster-whisper's Silero VAD, given a stretch of sound in blocks that stay in the processor's cache.

faster-whisper gives it five minutes at once. It then fills and gives back some dozen arrays of up to 20 MB: a tenth more processor
time, for the same probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from faster_whisper.vad import SileroVADModel, get_speech_timestamps, get_vad_model
from numpy.typing import NDArray

from workers.engines.chunks import SAMPLE_RATE

Sound = NDArray[np.float32]
Span = tuple[float, float]

FRAME = 512  #: samples that are judged at a time: 32 ms
BLOCK = 512  #: frames

#: Probabilities from the first of which on it is speech, until below the second: as in faster-whisper's own VAD, and if in doubt.
SURELY, PERHAPS = (0.5, 0.35), (0.2, 0.1)
PAUSE_SECONDS = 0.3  #: a shorter one is part of speech


class InBlocks:
    """A session of the detector that takes any number of frames, and runs a block of them after the other."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.told: list[NDArray[np.float32]] = []  #: by each call since it was last emptied

    def run(self, wanted: Sequence[str] | None, given: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Return the probabilities and the state after the last frame, `h` and `c`, which every block takes from the one before."""
        frames, h, c = given["input"], given["h"], given["c"]
        blocks = []
        for first in range(0, len(frames), BLOCK):
            speech, h, c = self.session.run(wanted, {"input": frames[first : first + BLOCK], "h": h, "c": c})
            blocks.append(speech)
        self.told.append(np.concatenate(blocks, axis=0))
        return self.told[-1], h, c


@cache
def detector() -> SileroVADModel:
    """Return faster-whisper's one detector, which its own functions use as well."""
    model = get_vad_model()
    model.session = InBlocks(model.session)
    return model


class Heard(NamedTuple):
    stretches: list[dict[str, Any]]  #: what is to be transcribed, in samples: with margins, and with pauses of up to 2 s
    spoken: list[Span]  #: when somebody speaks, in seconds
    perhaps: list[Span]  #: when somebody might; nobody speaks at any other time


def speech_in(sound: Sound) -> list[dict[str, Any]]:
    """Return where somebody speaks: the first sample of each stretch and the one behind its last, as `start` and `end`."""
    return listen(sound).stretches


def listen(sound: Sound) -> Heard:
    """Return all that can be told of speech in `sound` by hearing it once."""
    told = detector().session.told
    told.clear()
    stretches: list[dict[str, Any]] = get_speech_timestamps(sound)
    judged = np.ravel(np.concatenate(told))
    told.clear()
    return Heard(stretches, spans(judged, len(sound), *SURELY), spans(judged, len(sound), *PERHAPS))


def spans(judged: NDArray[np.float32], samples: int, speech_from: float, silence_below: float) -> list[Span]:
    """Return the seconds from and to which somebody speaks without a pause, by the probability of each frame."""
    marks = np.where(judged >= speech_from, 1, np.where(judged < silence_below, 0, -1))
    last_told = np.maximum.accumulate(np.where(marks >= 0, np.arange(len(marks)), 0))
    speaking = np.concatenate(([0], marks[last_told] == 1, [0])).astype(np.int8)
    begins, ends = np.flatnonzero(np.diff(speaking) == 1) * FRAME, np.flatnonzero(np.diff(speaking) == -1) * FRAME
    found: list[list[int]] = []
    for begin, end in zip(begins.tolist(), np.minimum(ends, samples).tolist(), strict=True):
        if found and begin - found[-1][1] < PAUSE_SECONDS * SAMPLE_RATE:
            found[-1][1] = end
        else:
            found.append([begin, end])
    return [(begin / SAMPLE_RATE, end / SAMPLE_RATE) for begin, end in found]


def probabilities(sound: Sound) -> NDArray[np.float32]:
    """Return how probable it is that somebody speaks, for each frame; the last one is filled up with silence."""
    detector().session.told.clear()
    return np.ravel(detector()(np.pad(sound, (0, -len(sound) % FRAME))))
