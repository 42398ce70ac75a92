"""Loudness as ITU-R BS.1770-5 and EBU R 128 define it, as a stream, in numpy: K-weighting, gated loudness, range, true peak.

Nothing here grows with the length of what is measured: loudnesses are counted in narrow classes, as libebur128 does.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Values = NDArray[np.float64]

OFFSET_DB = -0.691  #: BS.1770: what makes a sine of 997 Hz have the loudness that its level suggests
SILENT_LUFS = -70.0  #: the absolute gate
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0  #: EBU Tech 3342
IMPULSE_SECONDS = 0.15  #: after so long the filter's impulse response has sunk below -300 dB
FFT_SAMPLES = 1 << 17
CLASSES_A_LU = 50
LOUDEST_LUFS = 30.0

#: Coefficients of the oversampling filter of BS.1770, annex 2; the other two phases are these, mirrored.
PHASES = (
    (0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
     0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
    (-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
     0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)  # fmt: skip


def lufs(energy: float) -> float:
    """Return the loudness of a mean square, summed over channels; -inf of none."""
    return OFFSET_DB + 10 * math.log10(energy) if energy > 0 else -math.inf


def biquads(rate: int) -> list[tuple[list[float], list[float]]]:
    """Return the two stages of the K-weighting at any sample rate: the analogue filters behind the tables of BS.1770 (as in libebur128)."""
    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf_b = [(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0]
    shelf_a = [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return [(shelf_b, shelf_a), ([1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])]


@cache
def impulse(rate: int) -> Values:
    """Return the impulse response of the K-weighting, to where nothing is left of it."""
    values = [1.0] + [0.0] * (int(rate * IMPULSE_SECONDS) - 1)
    for (b0, b1, b2), (_, a1, a2) in biquads(rate):
        x1 = x2 = y1 = y2 = 0.0
        for n, x in enumerate(values):
            y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x1, x2, y1, y2 = x, x1, y, y1
            values[n] = y
    return np.array(values)


class KWeighting:
    """Filters a stream. There is no recursive filter in numpy: it is a convolution with the impulse response, by FFT (overlap-save)."""

    def __init__(self, rate: int, channels: int) -> None:
        response = impulse(rate)
        self.overlap = len(response) - 1
        self.spectrum = np.fft.rfft(response, FFT_SAMPLES)[:, None]
        self.past = np.zeros((self.overlap, channels))

    def filter(self, samples: Samples) -> Values:
        """Return as many filtered samples, rows of channels."""
        step = FFT_SAMPLES - self.overlap
        pieces = [self._filter(samples[first : first + step]) for first in range(0, len(samples), step)]
        return np.concatenate(pieces) if pieces else np.zeros(samples.shape)

    def _filter(self, samples: Samples) -> Values:
        joined = np.concatenate([self.past, samples])
        self.past = joined[len(joined) - self.overlap :]
        filtered = np.fft.irfft(np.fft.rfft(joined, FFT_SAMPLES, axis=0) * self.spectrum, FFT_SAMPLES, axis=0)
        return filtered[self.overlap : len(joined)]


class Classes:
    """How much energy there was in blocks of each loudness above the absolute gate."""

    def __init__(self) -> None:
        size = round((LOUDEST_LUFS - SILENT_LUFS) * CLASSES_A_LU)
        self.counts = np.zeros(size, np.int64)
        self.energies = np.zeros(size)

    def add(self, energies: Values) -> None:
        with np.errstate(divide="ignore"):
            loudness = OFFSET_DB + 10 * np.log10(energies)
        heard = loudness >= SILENT_LUFS
        place = np.minimum(((loudness[heard] - SILENT_LUFS) * CLASSES_A_LU).astype(np.int64), len(self.counts) - 1)
        np.add.at(self.counts, place, 1)
        np.add.at(self.energies, place, energies[heard])

    def above(self, gate_lu: float) -> tuple[NDArray[np.int64], float]:
        """Return the counts of what is louder than `gate_lu` below the mean of all, and its mean energy."""
        total = int(self.counts.sum())
        if not total:
            return self.counts, 0.0
        gate = lufs(float(self.energies.sum()) / total) + gate_lu
        first = max(math.ceil((gate - SILENT_LUFS) * CLASSES_A_LU), 0)
        counts = np.where(np.arange(len(self.counts)) >= first, self.counts, 0)
        return counts, float(self.energies[first:].sum()) / max(int(counts.sum()), 1)


def integrated(blocks: Classes) -> float | None:
    """Return the gated loudness (LUFS) of blocks of 400 ms; None when none was above the absolute gate."""
    energy = blocks.above(RELATIVE_GATE_LU)[1]
    return lufs(energy) if energy > 0 else None


def loudness_range(blocks: Classes) -> float | None:
    """Return the range (LU) between the 10 % and the 95 % of loudness over 3 s, EBU Tech 3342; None when there is none."""
    counts, energy = blocks.above(RANGE_GATE_LU)
    if energy <= 0:
        return None
    places = np.searchsorted(np.cumsum(counts), np.array([0.10, 0.95]) * (counts.sum() - 1), side="right")
    return float(places[1] - places[0]) / CLASSES_A_LU


class TruePeak:
    """The highest value between the samples as well, by fourfold oversampling."""

    def __init__(self, channels: int) -> None:
        self.filters = [np.array(phase) for half in PHASES for phase in (half, half[::-1])]
        #: What the filter can make of a sample at most: blocks that cannot raise the peak are passed over.
        self.gain = max(float(np.abs(phase).sum()) for phase in self.filters)
        self.past = np.zeros((len(PHASES[0]) - 1, channels))
        self.highest = 0.0

    def add(self, samples: Samples) -> None:
        joined = np.concatenate([self.past, samples])
        self.past = joined[len(joined) - len(self.past) :]
        self.highest = max(self.highest, float(np.abs(samples).max(initial=0.0)))
        if float(np.abs(joined).max(initial=0.0)) * self.gain <= self.highest:
            return
        for channel in joined.T:
            for phase in self.filters:
                between = np.convolve(channel, phase, "valid")
                self.highest = max(self.highest, float(np.abs(between).max(initial=0.0)))
