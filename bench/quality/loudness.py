"""Quality checks: how near the loudness is to what it should be, which faults are found, and what it costs."""

from __future__ import annotations

import math
import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.processes import ROOT
from jobs.settings import Settings
from workers.engines.checks import listen, verdict
from workers.engines.checks.loudness import integrated, loudness_range
from workers.engines.checks.meter import Meter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sound = NDArray[np.float64]

TITLE = "Checks of recordings"
NOTES = (
    "The signals of EBU Tech 3341 and 3342 are sines of 997 Hz in two channels, made here; their tolerance is 0.1 LU, for the range 1 LU.",
    "Faults are put into good recordings of synthetic voices, one at a time; a fault is found when the remark on it is of the right kind.",
)

SAMPLES = ("lecture.ogg", "seminar.mp3", "short-en-gb.mp3", "short-en-us.wav", "short-f3.ogg", "short-slt.ogg")
RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
GATED = (
    [(10.0, -36.0), (60.0, -23.0), (10.0, -36.0)],
    [(10.0, -72.0), (10.0, -36.0), (60.0, -23.0), (10.0, -36.0), (10.0, -72.0)],
    [(20.0, -26.0), (20.1, -20.0), (20.0, -26.0)],
)
RANGES = (([-20.0, -30.0], 10.0), ([-20.0, -15.0], 5.0), ([-40.0, -20.0], 20.0), ([-50.0, -35.0, -20.0, -35.0, -50.0], 15.0))
BLOCK = 200_000


def measure() -> list[tuple[str, str, str]]:
    import av

    version = ".".join(map(str, av.library_versions["libavfilter"]))
    ffmpeg = f"the same files by its filter ebur128 (libavfilter {version})"
    off = against_ffmpeg()
    clean, found, put_in = faults()
    speed, memory = cost()
    return [
        ("loudness off, sines at 7 sample rates", f"at most {max(map(sine_error, RATES)):.2f} LU", "EBU Tech 3341, case 1, and 997 Hz"),
        ("loudness off, gated signals", f"at most {max(map(gated_error, GATED)):.2f} LU", "EBU Tech 3341, cases 3 to 5"),
        ("loudness range off", f"at most {max(range_error(*one) for one in RANGES):.2f} LU", "EBU Tech 3342, cases 1 to 4"),
        ("loudness, off FFmpeg's", f"at most {max(one[0] for one in off):.2f} LU", f"{len(SAMPLES)} samples; {ffmpeg}"),
        ("true peak, off FFmpeg's", f"at most {max(one[1] for one in off):.2f} dB", "the same"),
        ("faults found", f"{found} of {put_in}", f"{', '.join(FAULTS)}; each in {len(SAMPLES)} samples"),
        ("complaints of good recordings", str(clean), f"the same {len(SAMPLES)} samples as they are"),
        (
            "sound checked in a second of processor time",
            f"{speed:.0f} s",
            "the sample lecture, Opus at 48 kHz: decoder and meter",
        ),
        ("more memory for 60 minutes than for 5", f"{memory:.1f} MB", "traced while it measures 48 kHz mono"),
    ]


def sine(seconds: float, dbfs: float, rate: int = 48_000) -> Sound:
    import numpy as np

    one = 10 ** (dbfs / 20) * np.sin(2 * np.pi * 997 * np.arange(round(seconds * rate)) / rate)
    return np.stack([one, one], axis=1)


def metered(sound: Sound, rate: int = 48_000) -> Meter:
    meter = Meter(rate, sound.shape[1])
    for first in range(0, len(sound), BLOCK):
        meter.add(sound[first : first + BLOCK].astype("float32"))
    meter.end()
    return meter


def sine_error(rate: int) -> float:
    return abs((integrated(metered(sine(20, -23, rate), rate).momentary) or math.inf) + 23)


def gated_error(parts: list[tuple[float, float]]) -> float:
    import numpy as np

    return abs((integrated(metered(np.concatenate([sine(*part) for part in parts])).momentary) or math.inf) + 23)


def range_error(levels: list[float], expected: float) -> float:
    import numpy as np

    found = loudness_range(metered(np.concatenate([sine(20, level) for level in levels])).short_term)
    return abs((math.inf if found is None else found) - expected)


def against_ffmpeg() -> list[tuple[float, float]]:
    """Return by how much loudness and true peak of each sample differ from what FFmpeg's meter says."""
    off = []
    for name in SAMPLES:
        found, _ = listen.check(ROOT / "samples" / name, Settings(), lambda seconds, of_s: None)
        told = ffmpeg_says(ROOT / "samples" / name)
        peak = 20 * math.log10(told["true_peak"])
        off.append((abs(found["loudness_lufs"] - told["I"]), abs(found["true_peak_dbtp"] - peak)))
    return off


def ffmpeg_says(path: Path) -> dict[str, float]:
    import av

    told: dict[str, str] = {}
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        graph = av.filter.Graph()
        source, meter, sink = graph.add_abuffer(template=stream), graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        for frame in container.decode(stream):
            source.push(frame)
            while True:
                try:
                    told |= sink.pull().metadata
                except (av.BlockingIOError, av.EOFError):
                    break
    return {name.removeprefix("lavfi.r128."): float(value) for name, value in told.items()}


def sound_of(path: Path) -> Sound:
    """Return the first 30 seconds of a recording at 48 kHz, in one channel."""
    import av
    import numpy as np

    resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
    with av.open(str(path)) as container:
        pieces = [np.array(piece.to_ndarray()[0]) for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate(pieces)[: 30 * 48_000].astype(np.float64)[:, None]


def clipped(sound: Sound) -> Sound:
    import numpy as np

    return np.clip(sound * 6, -1, 1)


def noisy(sound: Sound) -> Sound:
    import numpy as np

    return sound + 0.04 * np.random.default_rng(7).standard_normal(sound.shape)


def one_sided(sound: Sound) -> Sound:
    import numpy as np

    return np.concatenate([sound, np.zeros_like(sound)], axis=1)


def out_of_phase(sound: Sound) -> Sound:
    import numpy as np

    return np.concatenate([sound, -sound], axis=1)


def narrow(sound: Sound) -> Sound:
    import numpy as np

    spectrum = np.fft.rfft(sound, axis=0)
    spectrum[np.fft.rfftfreq(len(sound), 1 / 48_000) > 3_400] = 0
    cut: Sound = np.fft.irfft(spectrum, len(sound), axis=0)
    return cut


#: What is put in, and the kind of the remark that finds it.
FAULTS: dict[str, tuple[Callable[[Sound], Sound], str]] = {
    "clipped": (clipped, "clipping"),
    "18 dB too quiet": (lambda sound: sound / 8, "loudness"),
    "silent": (lambda sound: sound * 0, "loudness"),
    "noisy": (noisy, "noise"),
    "one side dead": (one_sided, "channels"),
    "out of phase": (out_of_phase, "channels"),
    "telephone": (narrow, "bandwidth"),
}


def complaints(sound: Sound) -> set[str]:
    whole: dict[str, Any] = {"sample_rate": 48_000, "breaks_off": False, "damage": [], "missing_s": 0.0}
    meter = metered(sound)
    _, remarks = verdict.judge({**whole, "declared_s": meter.seconds, **meter.findings()})
    return {remark.about for remark in remarks if remark.weight != verdict.NOTE}


def faults() -> tuple[int, int, int]:
    """Return how many complaints there are of good samples, how many faults are found, and how many were put in."""
    sounds = [sound_of(ROOT / "samples" / name) for name in SAMPLES]
    clean = sum(len(complaints(sound)) for sound in sounds)
    found = sum(about in complaints(spoil(sound)) for spoil, about in FAULTS.values() for sound in sounds)
    return clean, found, len(FAULTS) * len(sounds)


def cost() -> tuple[float, float]:
    """Return the seconds of sound checked in one of processor time, and by how many MB an hour takes more memory than five minutes."""
    begun = processor_s()
    found, _ = listen.check(ROOT / "samples" / "lecture.ogg", Settings(), lambda seconds, of_s: None)
    speed = found["seconds"] / (processor_s() - begun)
    block = sound_of(ROOT / "samples" / "lecture.ogg")[:BLOCK].astype("float32")
    return speed, (traced_bytes(block, 60) - traced_bytes(block, 5)) / 1e6


def processor_s() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def traced_bytes(block: NDArray[np.float32], minutes: int) -> int:
    """Return the most memory that is in use while so much sound is measured, as Python and numpy count it."""
    tracemalloc.start()
    meter = Meter(48_000, 1)
    for _ in range(minutes * 60 * 48_000 // len(block)):
        meter.add(block)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most
