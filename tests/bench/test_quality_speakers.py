"""What docs/quality.md says of speakers is measured against who really speaks."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality import speakers


@pytest.mark.parametrize(("name", "count"), list(zip(speakers.SPOKEN, (1, 3, 2, 3), strict=True)))
def test_who_really_speaks_is_known_of_each_recording(name: str, count: int) -> None:
    spoken = speakers.truth(speakers.SPOKEN[name])
    assert len({turn["speaker"] for turn in spoken}) == count
    assert all(turn["start"] < turn["end"] for turn in spoken)
    assert speakers.told(spoken, spoken) == f"0.0 %, {count} of {count} speakers"


def test_noise_is_as_far_below_as_it_says() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 160_000).astype(np.float32)
    noise = speakers.noisy(sound, 20) - sound
    assert 20 * np.log10(sound.std() / noise.std()) == pytest.approx(20, abs=0.2)
