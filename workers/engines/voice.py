"""Tell speech from silence: faster-whisper's Silero VAD, given a stretch of sound in blocks that stay in the processor's cache.

faster-whisper gives it five minutes at once. It then fills and gives back some dozen arrays of up to 20 MB: a tenth more processor
time, for the same probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from faster_whisper.vad import SileroVADModel, get_speech_timestamps, get_vad_model
from numpy.typing import NDArray

Sound = NDArray[np.float32]

FRAME = 512  #: samples that are judged at a time: 32 ms
BLOCK = 512  #: frames


class InBlocks:
    """A session of the detector that takes any number of frames, and runs a block of them after the other."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, wanted: Sequence[str] | None, given: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Return the probabilities and the state after the last frame, `h` and `c`, which every block takes from the one before."""
        frames, h, c = given["input"], given["h"], given["c"]
        blocks = []
        for first in range(0, len(frames), BLOCK):
            speech, h, c = self.session.run(wanted, {"input": frames[first : first + BLOCK], "h": h, "c": c})
            blocks.append(speech)
        return np.concatenate(blocks, axis=0), h, c


@cache
def detector() -> SileroVADModel:
    """Return faster-whisper's one detector, which its own functions use as well."""
    model = get_vad_model()
    model.session = InBlocks(model.session)
    return model


def speech_in(sound: Sound) -> list[dict[str, Any]]:
    """Return where somebody speaks: the first sample of each stretch and the one behind its last, as `start` and `end`."""
    detector()
    stretches: list[dict[str, Any]] = get_speech_timestamps(sound)
    return stretches


def probabilities(sound: Sound) -> NDArray[np.float32]:
    """Return how probable it is that somebody speaks, for each frame; the last one is filled up with silence."""
    return np.ravel(detector()(np.pad(sound, (0, -len(sound) % FRAME))))
