"""Make the features that a Whisper model hears: faster-whisper's logarithmic Mel spectrogram, half a minute at a time.

faster-whisper transforms all of a stretch at once. Five minutes are then half a gigabyte of arrays that are filled and given back:
more memory than all the rest of a chunk needs, and more of the kernel's time for its pages than the transform takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from faster_whisper.feature_extractor import FeatureExtractor
    from numpy.typing import NDArray

BLOCK = 3000  #: frames of 10 ms
PADDING = 160  #: samples of silence that faster-whisper adds at the end


def features(extractor: FeatureExtractor, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what `extractor(sound)` does, Mel bands × frames. All of it is scaled by its loudest moment, so `sound` must be whole."""
    size, hop = extractor.n_fft, extractor.hop_length
    padded = np.pad(np.pad(sound, (0, PADDING)), size // 2, mode="reflect")
    frames = (len(padded) - size) // hop
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    mel = np.empty((len(extractor.mel_filters), frames), dtype=np.float32)
    for first in range(0, frames, BLOCK):
        end = min(first + BLOCK, frames)
        heard = padded[first * hop : (end - 1) * hop + size]
        spectrum = extractor.stft(heard, size, hop, window=window, center=False, return_complex=True).astype(np.complex64)
        mel[:, first:end] = extractor.mel_filters @ np.abs(spectrum) ** 2
    np.log10(np.maximum(mel, 1e-10, out=mel), out=mel)
    np.maximum(mel, mel.max() - 8.0, out=mel)
    mel += 4.0
    mel /= 4.0
    return mel
