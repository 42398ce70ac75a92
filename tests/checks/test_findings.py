"""What is found in recordings that were made to have one thing wrong with them, and what is said of it."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.errors import Unplayable
from jobs.settings import Settings
from tests.checks.sounds import Sound, encode, narrow, noise, silence, sine, speech, stereo, write
from workers.engines import prepare
from workers.engines.checks import columns, listen, picture, verdict
from workers.engines.checks.meter import Meter

SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]


def check(path: Path) -> tuple[dict[str, Any], str, dict[str, str]]:
    """Return what was found, the verdict, and of each thing complained of the weight and the words."""
    found, _ = listen.check(path, SETTINGS, lambda seconds, of_s: None)
    judged, remarks = verdict.judge(found)
    return found, judged, {remark.about: f"{remark.weight}: {remark.text}" for remark in remarks}


def test_good_speech_is_good_and_nothing_is_said_of_it(tmp_path: Path) -> None:
    found, judged, said = check(write(tmp_path / "a.wav", speech()))
    assert (judged, said) == ("good", {})
    assert (found["seconds"], found["sample_rate"], found["channels"], found["codec"]) == (20.0, 48_000, 1, "pcm_s16le")
    assert found["signal_to_noise_db"] > 30
    assert 8_000 < found["bandwidth_hz"] < 12_000


def test_clipping_is_counted_in_seconds_and_says_what_to_do(tmp_path: Path) -> None:
    sound = speech()
    sound[: 5 * 48_000] *= 8
    found, judged, said = check(write(tmp_path / "a.wav", sound))
    assert judged == "poor"
    assert 3 <= found["clipped_seconds"] <= 5
    assert said["clipping"].startswith(f"poor: clipped: distorted in {found['clipped_seconds']} s of 20 s; lower the level")


def test_a_loud_sine_that_just_reaches_full_scale_is_not_clipped(tmp_path: Path) -> None:
    assert check(write(tmp_path / "a.wav", sine(5, -0.01)))[0]["clipped_samples"] == 0


@pytest.mark.parametrize("block", [7, 480, 4_799, 4_801, 100_000])
def test_a_run_at_full_scale_is_counted_once_wherever_blocks_end(block: int) -> None:
    sound = np.zeros((48_000, 1), np.float32)
    sound[4_700:4_900] = 1.0  # over the end of the first tenth of a second
    sound[20_000:20_002] = -1.0  # too short
    sound[30_000:30_003] = -1.0
    meter = Meter(48_000, 1)
    for first in range(0, len(sound), block):
        meter.add(sound[first : first + block])
    assert (meter.clipped_samples, meter.clipped_seconds) == (203, 1)


@pytest.mark.parametrize(
    ("gain_db", "weight", "words"),
    [(-9, "fair", "quiet: −31"), (-16, "poor", "very quiet: −38"), (-40, "unusable", "as good as silent"), (18, "fair", "very loud: −")],
)
def test_what_is_too_quiet_or_too_loud_is_told_with_its_level(tmp_path: Path, gain_db: float, weight: str, words: str) -> None:
    _, judged, said = check(encode(tmp_path / "a.flac", np.clip(speech() * 10 ** (gain_db / 20), -0.99, 0.99), "flac"))
    assert said["loudness"].startswith(f"{weight}: {words}")
    assert judged == weight


def test_silence_is_unusable_and_nothing_else_is_said(tmp_path: Path) -> None:
    found, judged, said = check(write(tmp_path / "a.wav", silence(10, channels=2)))
    assert judged == "unusable"
    assert list(said) == ["loudness"]
    assert "the microphone was switched on" in said["loudness"]
    assert (found["silent_share"], found["longest_silence_s"], found["silences"]) == (1.0, 10.0, [[0.0, 10.0]])


def test_a_long_silence_is_found_where_it_is(tmp_path: Path) -> None:
    sound = np.concatenate([speech(10), silence(130), *[speech(20)] * 8])
    found, judged, said = check(write(tmp_path / "a.wav", sound))
    assert judged == "fair"
    assert said["silence"].startswith("fair: silent for 2:10 from 0:")
    (start, end), *_ = found["silences"]
    assert start == pytest.approx(10, abs=1.0)
    assert end - start == pytest.approx(130, abs=1.5)


def test_noise_is_told_by_its_distance_from_speech(tmp_path: Path) -> None:
    sound = np.concatenate([speech(20), silence(3)])
    for dbfs, weight in ((-26, "poor"), (-36, "fair")):
        found, judged, said = check(write(tmp_path / "a.wav", sound + noise(23, dbfs)))
        assert judged == weight
        assert said["noise"].startswith(f"{weight}: ")
        assert found["noise_floor_dbfs"] == pytest.approx(dbfs, abs=1.0)


def test_a_steady_tone_has_no_pauses_in_which_noise_could_be_measured(tmp_path: Path) -> None:
    found, _, said = check(write(tmp_path / "a.wav", sine(5, -20)))
    assert found["signal_to_noise_db"] is None
    assert "noise" not in said


@pytest.mark.parametrize(("dead", "alive"), [("left", "right"), ("right", "left")])
def test_a_dead_channel_is_named(tmp_path: Path, dead: str, alive: str) -> None:
    sides = {alive: speech(), dead: silence(20)}
    _, judged, said = check(write(tmp_path / "a.wav", stereo(sides["left"], sides["right"])))
    assert judged == "fair"
    assert said["channels"].startswith(f"fair: the {dead} channel is silent")


def test_channels_out_of_phase_are_poor_for_they_are_mixed_to_one(tmp_path: Path) -> None:
    found, judged, said = check(encode(tmp_path / "a.ogg", stereo(speech(), -speech()), "libopus"))
    assert judged == "poor"
    assert found["correlation"] == pytest.approx(-1, abs=0.05)
    assert "out of phase" in said["channels"]


def test_two_channels_of_the_same_are_a_note_and_no_fault(tmp_path: Path) -> None:
    _, judged, said = check(write(tmp_path / "a.wav", stereo(speech(), speech())))
    assert (judged, list(said)) == ("good", ["channels"])


def test_a_telephones_bandwidth_is_heard_behind_a_high_sample_rate(tmp_path: Path) -> None:
    found, judged, said = check(write(tmp_path / "a.wav", narrow(speech(), 3_400)))
    assert judged == "fair"
    assert found["bandwidth_hz"] == pytest.approx(3_400, abs=150)
    assert "telephone" in said["bandwidth"]


def test_a_low_sample_rate_is_told(tmp_path: Path) -> None:
    _, judged, said = check(write(tmp_path / "a.wav", narrow(speech(), 3_400)[::6], rate=8_000))
    assert judged == "fair"
    assert said["bandwidth"].startswith("fair: sampled 8 thousand times")


@pytest.mark.parametrize(("name", "codec"), [("a.ogg", "libopus"), ("a.mp3", "libmp3lame"), ("a.wav", "pcm_s16le")])
def test_a_file_that_is_cut_off_says_where(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, speech(), codec)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    found, judged, said = check(path)
    assert judged == "poor"
    assert found["breaks_off"]
    assert found["seconds"] == pytest.approx(10, abs=1.0)
    assert said["damage"].startswith("poor: breaks off at 0:")


def test_damage_in_the_middle_is_listed_with_its_place(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.ogg", speech(), "libopus")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 12_000] = os.urandom(12_000)
    path.write_bytes(data)
    found, judged, said = check(path)
    assert judged in ("fair", "poor")
    assert said["damage"].startswith(f"{judged}: damaged ")
    assert found["damage"]
    assert found["missing_s"] > 0.5
    assert 6 < found["damage"][0][0] < 14


@pytest.mark.parametrize("data", [b"", b"These are words, not sound.\n" * 99, bytes(range(256)) * 99], ids=["empty", "text", "bytes"])
def test_what_is_no_recording_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    with pytest.raises(Unplayable, match=r"not a recording|damaged|empty"):
        check(path)


TRUE_HEAD = {
    "rate": 8_000,
    "channels": 1,
    "declared_s": 1.0,
    "recording": {"format": "wav", "codec": "x", "media_type": "audio/wav", "channels": 1, "sample_rate": 8_000},
}


@pytest.mark.parametrize(
    "said",
    [{}, {"rate": 10**12}, {"rate": 0}, {"channels": 0}, {"channels": 9}, {"declared_s": float("inf")}, {"recording": {"codec": "<b>"}}],
    ids=str,
)
def test_a_decoder_in_the_power_of_its_file_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]) -> None:
    words = json.dumps({**TRUE_HEAD, **said}) if said else json.dumps({})
    (tmp_path / "lying_decoder.py").write_text(f"import sys\nsys.stdout.buffer.write({words!r}.encode() + b'\\n' + bytes(4000))\n")
    monkeypatch.setattr(listen, "PROGRAM", "lying_decoder")
    monkeypatch.setattr(prepare, "bare_environment", lambda: {**os.environ, "PYTHONPATH": str(tmp_path)})
    with pytest.raises((ValueError, KeyError)):
        check(write(tmp_path / "a.wav", sine(1, -20)))


def test_what_is_kept_does_not_grow_with_the_length() -> None:
    def peak(minutes: int) -> int:
        block = (speech(5) * 0.5).astype(np.float32)
        meter = Meter(48_000, 1)
        meter.add(block)  # what is made once
        tracemalloc.start()
        for _ in range(minutes * 12):
            meter.add(block)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(meter.columns.rows()) <= columns.MOST + 1
        return most

    assert peak(8) < 1.2 * peak(1)


@pytest.mark.parametrize("tenths", [1, 639, 640, 641, 1_283, 12_345])
def test_columns_hold_all_of_a_recording_whatever_its_length(tenths: int) -> None:
    rows = np.zeros((tenths, 6))
    rows[:, columns.COUNT] = 1
    rows[:, columns.HIGHEST] = 0.1
    rows[tenths // 2, columns.HIGHEST] = 0.9
    rows[-1, columns.CLIPPED] = 1
    kept = columns.Columns()
    for first in range(0, tenths, 37):
        kept.add(rows[first : first + 37])
    told = kept.told()
    assert kept.rows()[:, columns.COUNT].sum() == pytest.approx(tenths)
    assert len(told["lowest"]) <= columns.MOST
    assert max(told["highest"]) == 0.9
    assert told["highest"].index(0.9) * told["seconds"] == pytest.approx(tenths // 2 / 10, abs=told["seconds"])
    assert told["clipped"][-1]


def test_a_picture_is_wellformed_whatever_the_recording_is_called() -> None:
    from xml.etree import ElementTree

    meter = Meter(8_000, 1)
    meter.add(np.ones((40_000, 1), np.float32))
    meter.end()
    found = {**meter.findings(), "damage": [[1.0, 2.0]]}
    drawn = picture.draw('<script>alert("x")</script>\x00\x1b & \ud800', meter.columns.told(), found)
    root = ElementTree.fromstring(drawn.encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<script" not in drawn
    kinds = {element.get("class") for element in root.iter()}
    assert {"wave", "loud", "hurt", "clip", "mean"} <= kinds


def sound_of(length: int) -> Sound:
    return sine(length / 48_000, -20)


@pytest.mark.parametrize("length", [1, 100, 4_799, 4_800, 4_801])
def test_the_shortest_recordings_are_measured_too(tmp_path: Path, length: int) -> None:
    found, _, said = check(write(tmp_path / "a.wav", sound_of(length)))
    assert found["seconds"] == pytest.approx(length / 48_000, abs=0.001)
    assert "length" in said
