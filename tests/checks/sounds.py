"""Recordings made to have something wrong with them, and nothing else: what the check of their quality is tried on."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]  #: rows of channels, -1 to 1

RATE = 48_000
SPEECH = Path(__file__).parents[2] / "samples" / "lecture.ogg"


def sine(seconds: float, dbfs: float, *, hertz: float = 997, rate: int = RATE, channels: int = 1) -> Sound:
    """Return a sine whose peaks are at `dbfs`."""
    wave_ = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave_[:, None], channels, axis=1)


def silence(seconds: float, *, rate: int = RATE, channels: int = 1) -> Sound:
    return np.zeros((round(seconds * rate), channels))


def speech(seconds: float = 20) -> Sound:
    """Return the beginning of the sample lecture: good speech, at 48 kHz, in one channel."""
    with av.open(str(SPEECH)) as container:
        frames, samples = [], 0
        for frame in container.decode(audio=0):
            frames.append(frame.to_ndarray().reshape(-1))
            samples += frame.samples
            if samples >= seconds * RATE:
                break
    sound: Sound = np.concatenate(frames)[: round(seconds * RATE)].astype(np.float64)[:, None]
    return sound


def noise(seconds: float, dbfs: float, *, channels: int = 1) -> Sound:
    return 10 ** (dbfs / 20) * np.random.default_rng(7).standard_normal((round(seconds * RATE), channels))


def stereo(left: Sound, right: Sound) -> Sound:
    return np.concatenate([left, right], axis=1)


def narrow(sound: Sound, hertz: float) -> Sound:
    """Return a sound without anything above a frequency."""
    spectrum = np.fft.rfft(sound, axis=0)
    spectrum[np.fft.rfftfreq(len(sound), 1 / RATE) > hertz] = 0
    cut: Sound = np.fft.irfft(spectrum, len(sound), axis=0)
    return cut


def write(path: Path, sound: Sound, *, rate: int = RATE) -> Path:
    """Write a WAV file of 16 bits; what is above full scale is clipped, as a recorder does."""
    samples = np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def encode(path: Path, sound: Sound, codec: str, *, rate: int = RATE) -> Path:
    """Write a compressed file, its container by the name."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=rate)
        stream.layout = "mono" if sound.shape[1] == 1 else "stereo"
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=stream.layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T.astype(np.float32)), format="fltp", layout=stream.layout.name)
        frame.sample_rate = rate
        for piece in resampler.resample(frame):
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return path
