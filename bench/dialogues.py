"""`python -m bench.dialogues`: how well the built-in way tells speakers apart in dialogues drawn by lot, spoken by espeak-ng.

The way was tuned on such dialogues (seed 1) and measured on others (seed 99), see docs/decisions/0092.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import subprocess
import wave
from collections.abc import Sequence

import numpy as np

from bench.processes import ROOT
from bench.quality.speakers import CHUNK_SECONDS, Sound, heard
from scripts.turns import Turn, diarization_error_rate
from workers.engines.chunks import SAMPLE_RATE

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-029")
VARIANTS = ("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5")
PITCHES = (35, 45, 50, 55, 65)
SPEAKERS = (1, 2, 2, 3, 3, 4, 5)  #: of a dialogue, in turn
SECONDS = (60, 90, 150)
NOISES = (0.0005, 0.002, 0.005)
LEVEL = 0.0625  #: root mean square of every sentence

Voice = tuple[str, int, int]  #: name, words a minute, pitch


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=99, help="another seed draws other voices and words")
    parser.add_argument("--count", type=int, default=28, help="how many dialogues")
    given = parser.parse_args(argv)
    lots = random.Random(given.seed)
    texts = [
        sentence["text"]
        for name in ("lecture", "seminar", "pause")
        for sentence in json.loads((ROOT / "samples" / f"{name}.json").read_text())["sentences"]
    ]
    rates, right = [], 0
    for n in range(given.count):
        voices = drawn(SPEAKERS[n % len(SPEAKERS)], lots)
        sound, spoken = dialogue(voices, texts, lots.choice(SECONDS), lots, lots.choice(NOISES))
        found = heard(sound, CHUNK_SECONDS)
        rates.append(diarization_error_rate(spoken, found))
        count = len({turn["speaker"] for turn in found})
        right += count == len(voices)
        print(f"{len(voices)} voices, {len(sound) / SAMPLE_RATE:.0f} s: {100 * rates[-1]:.1f} % wrong, {count} found", flush=True)
    mean, median = 100 * statistics.mean(rates), 100 * statistics.median(rates)
    print(f"mean {mean:.1f} %, median {median:.1f} %, number of speakers right in {right} of {given.count}")


def drawn(count: int, lots: random.Random) -> list[Voice]:
    """Return so many voices, no two of the same variant."""
    voices: list[Voice] = []
    while len(voices) < count:
        voice = (lots.choice(ACCENTS) + lots.choice(VARIANTS), lots.randint(140, 185), lots.choice(PITCHES))
        if all(voice[0].split("+")[-1] != other[0].split("+")[-1] for other in voices):
            voices.append(voice)
    return voices


def dialogue(voices: Sequence[Voice], texts: Sequence[str], seconds: float, lots: random.Random, noise: float) -> tuple[Sound, list[Turn]]:
    """Return a conversation in turns of one to four sentences, and who says what when."""
    parts: list[Sound] = [np.zeros(int(0.6 * SAMPLE_RATE), dtype=np.float32)]
    turns: list[Turn] = []
    past = len(parts[0])
    last = -1
    while past < seconds * SAMPLE_RATE:
        last = lots.choice([n for n in range(len(voices)) if n != last] or [0])
        for _ in range(lots.randint(1, 4)):
            said = spoken(lots.choice(texts), voices[last])
            turns.append({"start": past / SAMPLE_RATE, "end": (past + len(said)) / SAMPLE_RATE, "speaker": f"V{last + 1}"})
            pause = np.zeros(int(lots.uniform(0.3, 1.2) * SAMPLE_RATE), dtype=np.float32)
            parts += [said, pause]
            past += len(said) + len(pause)
    sound = np.concatenate(parts)
    return sound + np.random.default_rng(lots.randint(0, 10**9)).normal(0, noise, len(sound)).astype(np.float32), turns


def spoken(text: str, voice: Voice) -> Sound:
    """Return a sentence, without the silence around it."""
    name, pace, pitch = voice
    command = ["espeak-ng", "-v", name, "-s", str(pace), "-p", str(pitch), "--stdout", text]
    with wave.open(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)) as file:
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(10**9), dtype=np.int16) / 32768
    sound = np.interp(np.arange(len(sound) * SAMPLE_RATE // rate) * rate / SAMPLE_RATE, np.arange(len(sound)), sound)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[loud[0] : loud[-1] + 1]
    even: Sound = (sound * LEVEL / np.sqrt((sound**2).mean())).astype(np.float32)
    return even


if __name__ == "__main__":
    main()
