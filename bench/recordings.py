"""A long recording of speech that the demo model understands: the samples, one after the other, as often as it takes."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np

from bench.processes import ROOT

SAMPLES = ("lecture.ogg", "seminar.mp3", "pause.ogg", "short-slt.ogg", "short-f3.ogg")
RATE = 16_000
MODEL = ROOT / "models" / "demo"
SHORT = ROOT / "samples" / "short-slt.ogg"  #: to load a model with


def make(path: Path, seconds: float) -> Path:
    """Write `seconds` of speech to `path` as FLAC, 16 kHz mono, and return it."""
    parts, left = [], int(seconds * RATE)
    for part in itertools.cycle([decoded(ROOT / "samples" / name) for name in SAMPLES]):
        parts.append(part[:left])
        left -= len(parts[-1])
        if not left:
            break
    with av.open(str(path), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=RATE, layout="mono")
        whole = np.concatenate(parts)
        for first in range(0, len(whole), RATE):
            frame = av.AudioFrame.from_ndarray(whole[None, first : first + RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def decoded(path: Path) -> np.ndarray:
    """Return a file's samples, 16 bit at RATE, mono."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as file:
        frames = [*itertools.chain.from_iterable(resampler.resample(frame) for frame in file.decode(audio=0)), *resampler.resample(None)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])
