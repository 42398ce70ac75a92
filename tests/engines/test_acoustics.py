"""Pitch, energy and spectrum are those of sounds made for this."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from workers.engines.acoustics import BLOCK, HOP, Floats, energy_db, frames_in, mfcc, pitch


def voice(hz: float, seconds: float = 1.0, harmonics: int = 12) -> Floats:
    at = np.arange(int(seconds * 16_000)) / 16_000
    return sum(0.2 / n * np.sin(2 * np.pi * hz * n * at) for n in range(1, harmonics)).astype(np.float32)  # type: ignore[union-attr]


@pytest.mark.parametrize("hz", [75, 110, 150, 220, 300, 380])
def test_the_pitch_of_a_voice_is_its_own_and_not_an_octave_off(hz: float) -> None:
    found, strength = pitch(voice(hz))
    inner = slice(2, -3)
    assert np.all(np.abs(found[inner] / hz - 1) < 0.03)
    assert np.all(strength[inner] > 0.8)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 16_000).astype(np.float32)
    for sound in (noise, np.zeros(16_000, np.float32)):
        assert np.mean(pitch(sound)[1] > 0.5) < 0.02


def test_the_energy_is_in_decibels_below_full_scale() -> None:
    assert energy_db(np.full(1600, 1.0, np.float32)) == pytest.approx(0.0, abs=0.01)
    assert energy_db(np.full(1600, 0.1, np.float32)) == pytest.approx(-20.0, abs=0.01)
    assert energy_db(np.zeros(1600, np.float32)) == pytest.approx(-90.0, abs=0.01)


@pytest.mark.parametrize("samples", [1, HOP, HOP + 1, BLOCK * HOP - 1, BLOCK * HOP, BLOCK * HOP + 5 * HOP + 3])
def test_blocks_leave_no_trace(samples: int) -> None:
    sound = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    assert len(mfcc(sound)) == len(energy_db(sound)) == len(pitch(sound)[0]) == frames_in(samples)
    later = HOP * (BLOCK - 2)
    if samples > later:
        np.testing.assert_allclose(mfcc(sound)[BLOCK - 2 :], mfcc(sound[later:]), atol=1e-4)
        np.testing.assert_allclose(pitch(sound)[0][BLOCK - 2 :], pitch(sound[later:])[0])


def test_five_minutes_take_little_memory() -> None:
    sound = np.zeros(300 * 16_000, np.float32)
    tracemalloc.start()
    pitch(sound), mfcc(sound), energy_db(sound)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6
