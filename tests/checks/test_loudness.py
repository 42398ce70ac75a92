"""Loudness and peaks, held against the signals that ITU and EBU give for it and against FFmpeg's own meter."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.settings import Settings
from tests.checks import sounds
from tests.checks.sounds import Sound, silence, sine
from workers.engines.checks import listen
from workers.engines.checks.loudness import TruePeak, integrated, loudness_range
from workers.engines.checks.meter import Meter

SAMPLES = Path(__file__).parents[2] / "samples"
TOLERANCE_LU = 0.1  #: of EBU Tech 3341


def measured(sound: Sound, rate: int = sounds.RATE, block: int = 100_000) -> Meter:
    meter = Meter(rate, sound.shape[1])
    for first in range(0, len(sound), block):
        meter.add(sound[first : first + block].astype(np.float32))
    meter.end()
    return meter


def loudness(sound: Sound, rate: int = sounds.RATE, block: int = 100_000) -> float:
    found = integrated(measured(sound, rate, block).momentary)
    assert found is not None
    return found


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("dbfs", [-23.0, -33.0])
def test_a_sine_in_both_channels_is_as_loud_as_its_peaks_at_any_sample_rate(rate: int, dbfs: float) -> None:
    """EBU Tech 3341, cases 1 and 2, with the frequency of BS.1770."""
    assert loudness(sine(20, dbfs, rate=rate, channels=2), rate) == pytest.approx(dbfs, abs=TOLERANCE_LU)


def test_full_scale_in_one_channel_is_3_lu_below() -> None:
    """BS.1770: 0 dBFS in one channel is -3.01 LKFS."""
    assert loudness(sine(10, 0.0)) == pytest.approx(-3.01, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([(10, -36), (60, -23), (10, -36)], -23, id="case 3"),
        pytest.param([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23, id="case 4"),
        pytest.param([(20, -26), (20.1, -20), (20, -26)], -23, id="case 5"),
    ],
)
def test_what_is_much_quieter_than_the_rest_does_not_count(levels: list[tuple[float, float]], expected: float) -> None:
    """EBU Tech 3341, cases 3 to 5: the gates."""
    sound = np.concatenate([sine(seconds, dbfs, channels=2) for seconds, dbfs in levels])
    assert loudness(sound) == pytest.approx(expected, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_the_range_lies_between_the_quiet_and_the_loud_parts(levels: list[float], expected: float) -> None:
    """EBU Tech 3342, cases 1 to 4, each part 20 s; the tolerance is theirs."""
    sound = np.concatenate([sine(20, dbfs, channels=2) for dbfs in levels])
    assert loudness_range(measured(sound).short_term) == pytest.approx(expected, abs=1.0)


def test_silence_has_no_loudness() -> None:
    meter = measured(silence(3))
    assert integrated(meter.momentary) is None
    assert meter.findings()["loudness_lufs"] is None


@pytest.mark.parametrize("block", [1, 999, 4_800, 1 << 17])
def test_it_is_the_same_however_the_samples_come(block: int) -> None:
    sound = sounds.speech(1.5 if block == 1 else 6)
    assert loudness(sound, block=block) == pytest.approx(loudness(sound, block=1 << 20), abs=1e-6)


def test_a_peak_between_the_samples_is_found() -> None:
    """EBU Tech 3341, case 16: a quarter of the sample rate, 45° off, peaks of 0.5; +0.2 and -0.4 dB are allowed."""
    phase = 2 * np.pi * np.arange(sounds.RATE) / 4 + np.pi / 4
    samples = (0.5 * np.sin(phase)).astype(np.float32)[:, None]
    peak = TruePeak(1)
    for first in range(0, len(samples), 1000):
        peak.add(samples[first : first + 1000])
    assert 20 * math.log10(np.abs(samples).max()) < -9
    assert -6.4 < 20 * math.log10(peak.highest) < -5.8


@pytest.mark.parametrize("name", ["lecture.ogg", "pause.ogg", "seminar.mp3", "short-en-us.wav"])
def test_ffmpegs_meter_says_the_same_of_the_samples(name: str) -> None:
    told = ffmpeg_says(SAMPLES / name)
    found, _ = listen.check(SAMPLES / name, Settings(), lambda seconds, of_s: None)
    assert found["loudness_lufs"] == pytest.approx(told["I"], abs=TOLERANCE_LU)
    assert found["loudness_range_lu"] == pytest.approx(told["LRA"], abs=0.5)
    assert found["true_peak_dbtp"] == pytest.approx(20 * math.log10(told["true_peak"]), abs=0.4)


def ffmpeg_says(path: Path) -> dict[str, float]:
    told: dict[str, str] = {}
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        graph = av.filter.Graph()
        steps = [graph.add_abuffer(template=stream), graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")]
        for step, then in itertools.pairwise(steps):
            step.link_to(then)
        graph.configure()
        for frame in container.decode(stream):
            steps[0].push(frame)
            while True:
                try:
                    told |= steps[-1].pull().metadata
                except (av.BlockingIOError, av.EOFError):
                    break
    return {name.removeprefix("lavfi.r128."): float(value) for name, value in told.items()}
