"""Measure a recording as its samples stream by. What is kept does not grow with its length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.engines.checks.columns import Columns
from workers.engines.checks.loudness import Classes, KWeighting, TruePeak, integrated, loudness_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Values = NDArray[np.float64]

TENTH_S = 0.1
SILENT_DBFS = -50.0  #: a tenth of a second that stays below is silent
FULL_SCALE = 0.9995  #: a sample as high as a converter goes, or as good as
CLIP_RUN = 3  #: so many of them in a row are a flattened wave, not a peak
LEVELS_A_DB, LOWEST_DBFS = 2, -120.0
MOST_STRETCHES = 50  #: of silence or damage that are listed
LONG_SILENCE_S = 5.0  #: shorter ones are pauses, and are not listed
SPECTRUM_SAMPLES = 4096
BANDWIDTH_DB = -75.0  #: below the loudest part of the spectrum: what is weaker is none
STEADY_DB = 3.0  #: sound that varies less has no pauses in which noise could be measured


class Meter:
    """Takes blocks of samples (rows of one or two channels) and tells at the end what they were like."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self.tenth = max(round(rate * TENTH_S), 1)
        self.rest: Samples = np.zeros((0, channels), np.float32)
        self.samples = 0
        self.weighting, self.true_peak, self.columns = KWeighting(rate, channels), TruePeak(channels), Columns()
        self.momentary, self.short_term = Classes(), Classes()
        self.past = np.zeros(0)  #: energies of the last tenths of a second, for blocks that reach back
        self.tenths = 0
        self.levels = np.zeros(round((10 - LOWEST_DBFS) * LEVELS_A_DB), np.int64)
        self.sums, self.squares, self.product = np.zeros(channels), np.zeros(channels), 0.0
        self.peaks = np.zeros(channels)
        self.clip_tails = [0] * channels  #: samples at full scale at the end of the last block
        self.clipped_samples, self.clipped_seconds, self.last_clipped = 0, 0, -1
        self.silent_tenths, self.silence = 0, Stretches(LONG_SILENCE_S)
        self.spectrum, self.window = np.zeros(SPECTRUM_SAMPLES // 2 + 1), np.hanning(SPECTRUM_SAMPLES)

    def add(self, block: Samples) -> None:
        joined = np.concatenate([self.rest, block])
        whole = len(joined) // self.tenth * self.tenth
        self.rest = joined[whole:]
        if whole:
            self._measure(joined[:whole], whole // self.tenth)

    def end(self) -> None:
        """Measure what is left over, filled up with silence to a tenth of a second: only where there is nothing else."""
        if len(self.rest) and not self.tenths:
            missing = np.zeros((self.tenth - len(self.rest), self.channels), np.float32)
            samples = len(self.rest)
            self._measure(np.concatenate([self.rest, missing]), 1)
            self.samples = samples
        self.silence.end(self.tenths * TENTH_S)

    @property
    def seconds(self) -> float:
        return (self.samples + (len(self.rest) if self.samples >= self.tenth else 0)) / self.rate

    def _measure(self, samples: Samples, tenths: int) -> None:
        clipped = self._clip(samples, tenths)
        self.samples += len(samples)
        self.true_peak.add(samples)
        self.peaks = np.maximum(self.peaks, np.abs(samples).max(axis=0))
        wide = samples.astype(np.float64)
        self.sums += wide.sum(axis=0)
        self.squares += (wide**2).sum(axis=0)
        self.product += float((wide[:, 0] * wide[:, -1]).sum())
        energies = (self.weighting.filter(samples).reshape(tenths, self.tenth, -1) ** 2).mean(axis=1).sum(axis=1)
        self._gate(energies)
        silent = self._level((wide.reshape(tenths, self.tenth, -1) ** 2).mean(axis=(1, 2)))
        self._listen(samples)
        grouped = samples.reshape(tenths, -1)
        ones = np.ones(tenths)
        self.columns.add(np.stack([grouped.min(axis=1), grouped.max(axis=1), energies, silent.astype(float), ones, clipped], axis=1))
        self.tenths += tenths

    def _gate(self, energies: Values) -> None:
        """Count blocks of 400 ms and of 3 s; one of each begins every 100 ms."""
        joined = np.concatenate([self.past, energies])
        seen = len(self.past)
        sums = np.concatenate([[0.0], np.cumsum(joined)])
        ends = np.arange(seen + 1, len(joined) + 1)
        for classes, length in ((self.momentary, 4), (self.short_term, 30)):
            whole = ends[ends >= length]
            classes.add((sums[whole] - sums[whole - length]) / length)
        self.past = joined[-29:]

    def _level(self, squares: Values) -> NDArray[np.bool_]:
        with np.errstate(divide="ignore"):
            dbfs = np.maximum(10 * np.log10(squares), LOWEST_DBFS)
        np.add.at(self.levels, np.minimum(((dbfs - LOWEST_DBFS) * LEVELS_A_DB).astype(np.int64), len(self.levels) - 1), 1)
        silent: NDArray[np.bool_] = dbfs < SILENT_DBFS
        self.silent_tenths += int(silent.sum())
        for first, last in runs(silent):
            self.silence.add((self.tenths + first) * TENTH_S, (self.tenths + last) * TENTH_S)
        return silent

    def _clip(self, samples: Samples, tenths: int) -> Values:
        """Find runs at full scale, also those that a border between blocks divides; return how many clipped samples each tenth has."""
        found = np.zeros(tenths)
        for channel in range(self.channels):
            high = np.abs(samples[:, channel]) >= FULL_SCALE
            carried, self.clip_tails[channel] = self.clip_tails[channel], 0
            for first, last in runs(high) if high.any() else ():
                length = last - first + (carried if first == 0 else 0)
                if last == len(samples):
                    self.clip_tails[channel] = length
                if length >= CLIP_RUN:
                    counted = carried if first == 0 and carried >= CLIP_RUN else 0
                    self.clipped_samples += length - counted
                    found[first // self.tenth] += length - counted
        for second in sorted({int((self.tenths + tenth) * TENTH_S) for tenth in np.flatnonzero(found)}):
            if second > self.last_clipped:
                self.clipped_seconds, self.last_clipped = self.clipped_seconds + 1, second
        return found

    def _listen(self, samples: Samples) -> None:
        """Add the spectrum of one frame a second."""
        starts = range(0, len(samples) - SPECTRUM_SAMPLES + 1, max(self.rate, SPECTRUM_SAMPLES))
        for start in starts:
            frame = samples[start : start + SPECTRUM_SAMPLES] * self.window[:, None]
            self.spectrum += (np.abs(np.fft.rfft(frame, axis=0)) ** 2).sum(axis=1)

    def findings(self) -> dict[str, Any]:
        """Return what was measured; levels in dB, None where there is nothing to measure."""
        noise, speech = self._percentile(0.10), self._percentile(0.95)
        ratio = speech - noise if noise is not None and speech is not None and speech - noise >= STEADY_DB else None
        return {
            "seconds": round(self.seconds, 3),
            "loudness_lufs": rounded(integrated(self.momentary), 2),
            "loudness_range_lu": rounded(loudness_range(self.short_term)),
            "sample_peak_dbfs": decibels(float(self.peaks.max(initial=0.0))),
            "true_peak_dbtp": decibels(self.true_peak.highest),
            "clipped_samples": self.clipped_samples,
            "clipped_seconds": self.clipped_seconds,
            "noise_floor_dbfs": rounded(noise),
            "signal_to_noise_db": rounded(ratio),
            "silent_share": round(self.silent_tenths / max(self.tenths, 1), 4),
            "longest_silence_s": round(self.silence.longest, 1),
            "silences": self.silence.told(),
            "dc_offset": round(float(np.abs(self.sums).max(initial=0.0)) / max(self.samples, 1), 5),
            "channel_levels_dbfs": [decibels(math.sqrt(square / max(self.samples, 1))) for square in self.squares],
            "correlation": self._correlation(),
            "bandwidth_hz": self._bandwidth(),
        }

    def _percentile(self, share: float) -> float | None:
        """Return the level that so many of the tenths of a second stay below, those without any sound left out."""
        counts = self.levels.copy()
        counts[0] = 0
        total = int(counts.sum())
        if not total:
            return None
        return LOWEST_DBFS + (int(np.searchsorted(np.cumsum(counts), share * total)) + 0.5) / LEVELS_A_DB

    def _correlation(self) -> float | None:
        """Return how alike the two channels are: 1 the same, -1 the same upside down. None of one channel, or when one is silent."""
        loud = math.sqrt(float(self.squares.prod()))
        return round(self.product / loud, 3) if self.channels == 2 and loud > 1e-12 else None

    def _bandwidth(self) -> int | None:
        """Return up to which frequency there is sound."""
        smooth = np.convolve(self.spectrum, np.ones(9) / 9, "same")
        if not smooth.max(initial=0.0) > 0:
            return None
        last = np.flatnonzero(smooth >= smooth.max() * 10 ** (BANDWIDTH_DB / 10))[-1]
        return round(float(last) * self.rate / SPECTRUM_SAMPLES)


class Stretches:
    """Stretches of time, those that touch joined; the first ones of at least so many seconds are listed."""

    def __init__(self, least_s: float) -> None:
        self.least_s = least_s
        self.listed: list[tuple[float, float]] = []
        self.count, self.longest, self.total_s = 0, 0.0, 0.0
        self._open: tuple[float, float] | None = None

    def add(self, start_s: float, end_s: float) -> None:
        """Add a stretch that starts no earlier than the last one."""
        if self._open and start_s <= self._open[1] + 0.05:
            self._open = self._open[0], max(self._open[1], end_s)
            return
        self.end(start_s)
        self._open = start_s, end_s

    def end(self, at_s: float) -> None:
        if self._open:
            start_s, end_s = self._open
            self._open = None
            self.longest, self.total_s = max(self.longest, end_s - start_s), self.total_s + end_s - start_s
            if end_s - start_s >= self.least_s - 1e-6:
                self.count += 1
                if len(self.listed) < MOST_STRETCHES:
                    self.listed.append((start_s, end_s))

    def told(self) -> list[list[float]]:
        return [[round(start, 1), round(end, 1)] for start, end in self.listed]


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where each run of true begins and ends."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in zip(steps[::2], steps[1::2], strict=True)]


def decibels(value: float) -> float | None:
    return round(20 * math.log10(value), 1) if value > 0 else None


def rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
