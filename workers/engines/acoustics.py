"""Measure a voice: its spectrum (MFCC), its pitch and its energy, fifty times a second, in numpy alone.

Every function takes a chunk's samples at 16 kHz, between -1 and 1, and works through it a block of frames at a time, with a checkpoint
before each: what it needs beyond what it returns does not grow with the chunk. Frame n begins at n × 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from workers.engines.chunks import SAMPLE_RATE

Floats = NDArray[np.float32]

HOP = 320  #: samples from one frame to the next: 20 ms
FRAMES_PER_S = SAMPLE_RATE // HOP
BLOCK = 1024  #: frames

MFCC_SAMPLES, MFCC_FFT = 400, 512  #: 25 ms, the usual length
MELS, LOWEST_HZ, HIGHEST_HZ = 40, 60.0, 7600.0
COEFFICIENTS = 12

PITCH_SAMPLES, PITCH_FFT = 640, 1024  #: 40 ms: two periods of the deepest voice
DEEPEST_HZ, HIGHEST_PITCH_HZ = 60, 400
FIRST_PEAK = 0.9  #: of the highest: a lower octave's peak is nearly as high as the true one and comes later

FLOOR = 1e-9  #: keeps digital silence out of the logarithm: -90 dB


def mfcc(sound: Floats, checkpoint: Callable[[], None] = lambda: None) -> Floats:
    """Return COEFFICIENTS a frame, the first (loudness) left out."""
    bank, cosines, window = mel_bank(), dct(), hann(MFCC_SAMPLES)

    def measure(frames: Floats) -> Floats:
        power = np.abs(np.fft.rfft(frames * window, MFCC_FFT)) ** 2
        measured: Floats = (np.log(power @ bank + 1e-7) @ cosines).astype(np.float32)
        return measured

    return by_blocks(sound, MFCC_SAMPLES, measure, COEFFICIENTS, checkpoint)


def pitch(sound: Floats, checkpoint: Callable[[], None] = lambda: None) -> tuple[Floats, Floats]:
    """Return the pitch of each frame in Hz, and how periodic it is, 0 to 1: above a half somebody voices it.

    The autocorrelation of a windowed frame over that of the window (Boersma 1993); of peaks nearly as high as the highest the first.
    """
    window = hann(PITCH_SAMPLES)
    shortest, longest = SAMPLE_RATE // HIGHEST_PITCH_HZ, SAMPLE_RATE // DEEPEST_HZ
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * PITCH_FFT)) ** 2)[: longest + 1]
    of_window = (of_window / of_window[0]).astype(np.float32)

    def measure(frames: Floats) -> Floats:
        centred = (frames - frames.mean(axis=1, keepdims=True)) * window
        repeats = np.fft.irfft(np.abs(np.fft.rfft(centred, PITCH_FFT)) ** 2)[:, : longest + 1]
        repeats = (repeats / (repeats[:, :1] + FLOOR) / of_window)[:, shortest:]
        peak = np.zeros(repeats.shape, dtype=bool)
        inner = repeats[:, 1:-1]
        peak[:, 1:-1] = (inner >= repeats[:, :-2]) & (inner >= repeats[:, 2:]) & (inner >= FIRST_PEAK * repeats.max(axis=1, keepdims=True))
        lag = np.where(peak.any(axis=1), peak.argmax(axis=1), repeats.argmax(axis=1))
        strength = np.clip(repeats[np.arange(len(repeats)), lag], 0.0, 1.0)
        return np.stack([SAMPLE_RATE / (lag + shortest), strength], axis=1).astype(np.float32)

    found = by_blocks(sound, PITCH_SAMPLES, measure, 2, checkpoint)
    return found[:, 0], found[:, 1]


def energy_db(sound: Floats) -> Floats:
    """Return the mean power of each frame in decibels below full scale."""
    return by_blocks(sound, HOP, lambda frames: 10 * np.log10((frames**2).mean(axis=1, keepdims=True) + FLOOR), 1)[:, 0]


def frames_in(samples: int) -> int:
    """Return how many frames a sound of so many samples has: one for each 20 ms that have begun."""
    return -(-samples // HOP)


def by_blocks(
    sound: Floats, samples: int, measure: Callable[[Floats], Floats], columns: int, checkpoint: Callable[[], None] = lambda: None
) -> Floats:
    """Return what `measure` makes of the frames of `samples` samples, block by block; silence follows the last sample."""
    count = frames_in(len(sound))
    found = np.empty((count, columns), dtype=np.float32)
    for first in range(0, count, BLOCK):
        checkpoint()
        last = min(first + BLOCK, count)
        part = sound[first * HOP : (last - 1) * HOP + samples]
        part = np.pad(part, (0, (last - 1 - first) * HOP + samples - len(part)))
        found[first:last] = measure(np.lib.stride_tricks.sliding_window_view(part, samples)[::HOP])
    return found


@cache
def hann(samples: int) -> Floats:
    return np.hanning(samples).astype(np.float32)


@cache
def mel_bank() -> Floats:
    """Return the weights of the spectrum's lines in MELS bands, triangles that are equally wide to the ear."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = np.linspace(lowest, highest, MELS + 2)
    low, middle, high = (700 * (10 ** (part / 2595) - 1) for part in (edges[:-2], edges[1:-1], edges[2:]))
    lines = (np.arange(MFCC_FFT // 2 + 1) * SAMPLE_RATE / MFCC_FFT)[:, None]
    return np.maximum(0, np.minimum((lines - low) / (middle - low), (high - lines) / (high - middle))).astype(np.float32)


@cache
def dct() -> Floats:
    bands, order = np.arange(MELS)[:, None] + 0.5, np.arange(1, COEFFICIENTS + 1)
    cosines: Floats = (np.cos(np.pi / MELS * bands * order) * np.sqrt(2 / MELS)).astype(np.float32)
    return cosines
