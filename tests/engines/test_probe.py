"""The probe tells recordings from everything else, and nothing that a file does reaches the process that asks."""

from __future__ import annotations

import ast
import os
import random
import resource
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import probe as probing
from jobs.errors import Unplayable
from jobs.probe import probe
from jobs.settings import Settings
from tests.engines.conftest import ROOT, SAMPLES


@pytest.mark.parametrize(
    ("name", "container", "codec", "seconds", "media_type"),
    [
        ("lecture.ogg", "ogg", "opus", 176.4, "audio/ogg"),
        ("seminar.mp3", "mp3", "mp3", 40.6, "audio/mpeg"),
        ("short-en-us.wav", "wav", "pcm_s16le", 6.1, "audio/wav"),
    ],
)
def test_a_recording_is_described(name: str, container: str, codec: str, seconds: float, media_type: str, settings: Settings) -> None:
    found = probe(SAMPLES / name, settings=settings)
    assert (found.format, found.codec, found.channels, found.media_type) == (container, codec, 1, media_type)
    assert found.seconds == pytest.approx(seconds, abs=0.1)
    assert found.sample_rate in (16_000, 48_000)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "container", "options", "media_type"),
    [
        ("phone.m4a", "aac", 24_000, "mp4", {}, "audio/mp4"),
        ("browser.webm", "libopus", 48_000, "webm", {"live": "1"}, "audio/webm"),  # no duration in the header
        ("radio.aac", "aac", 24_000, "adts", {}, "audio/aac"),  # no header at all; FFmpeg's guess is 10 % off
        ("old.mp3", "libmp3lame", 24_000, "mp3", {"write_xing": "0"}, "audio/mpeg"),
        ("archive.flac", "flac", 16_000, None, {}, "audio/flac"),
    ],
)
def test_the_duration_is_right_also_where_the_header_does_not_say_it(
    name: str, codec: str, rate: int, container: str | None, options: dict[str, str], media_type: str,
    record_as: Callable[..., Path], settings: Settings,
) -> None:  # fmt: skip
    found = probe(record_as(name, codec, rate=rate, container=container, seconds=20, **options), settings=settings)
    assert found.seconds == pytest.approx(20, abs=0.2)
    assert found.media_type == media_type


def test_the_name_of_a_file_does_not_matter(tmp_path: Path, settings: Settings) -> None:
    disguised = tmp_path / "recording.txt"
    disguised.write_bytes((SAMPLES / "seminar.mp3").read_bytes())
    assert probe(disguised, settings=settings).format == "mp3"


def refusal(path: Path, settings: Settings) -> str:
    with pytest.raises(Unplayable) as refused:
        probe(path, settings=settings)
    return str(refused.value)


def test_what_is_no_recording_is_refused_with_its_own_sentence(tmp_path: Path, film: Callable[..., Path], settings: Settings) -> None:
    (tmp_path / "empty.mp3").write_bytes(b"")
    assert "empty (0 bytes)" in refusal(tmp_path / "empty.mp3", settings)
    with wave.open(str(tmp_path / "zero.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    assert "empty" in refusal(tmp_path / "zero.wav", settings)
    (tmp_path / "text.wav").write_text("Dear Sir, I am not a recording. " * 1000)
    assert "not a recording" in refusal(tmp_path / "text.wav", settings)
    assert "no sound track" in refusal(film("mute.mp4", sound=False), settings)
    assert probe(film("loud.mp4", sound=True), settings=settings).media_type == "video/mp4"


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_not_taken_for_an_mp3(seed: int, tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "noise.mp3").write_bytes(random.Random(seed).randbytes(300_000))
    assert "not a recording" in refusal(tmp_path / "noise.mp3", settings)


def test_a_recording_that_is_too_long_names_the_limit(settings: Settings) -> None:
    with pytest.raises(Unplayable, match=r"2 min 56 s long; at most 1 min 40 s \(MAX_AUDIO_SECONDS=100\)") as refused:
        probe(SAMPLES / "lecture.ogg", settings=settings.model_copy(update={"max_audio_seconds": 100}))
    assert refused.value.limit == 100


def test_an_mp4_that_lost_its_end_says_what_is_missing(record_as: Callable[..., Path], settings: Settings) -> None:
    whole = record_as("phone.m4a", "aac", container="mp4")
    whole.write_bytes(whole.read_bytes()[:-2000])
    assert "cut off" in refusal(whole, settings)


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="audio/mp4">'
    "<Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{target}\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_cannot_make_the_server_open_another_file(name: str, tmp_path: Path, settings: Settings) -> None:
    for target in ("/etc/passwd", str(SAMPLES / "short-en-us.wav"), "http://127.0.0.1:9/x.ts"):
        (tmp_path / name).write_text(PLAYLISTS[name].format(target=target))
        assert "not a recording" in refusal(tmp_path / name, settings)


def test_a_probe_that_hangs_is_ended(tmp_path: Path, settings: Settings) -> None:
    os.mkfifo(tmp_path / "pipe")
    held_open = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        with pytest.raises(Unplayable, match="could not be examined within 1 s"):
            probing.ask(tmp_path / "pipe", settings.model_copy(update={"probe_seconds": 1}))
    finally:
        os.close(held_open)


def test_a_probe_that_crashes_is_a_refusal(settings: Settings) -> None:
    starved = settings.model_copy(update={"probe_megabytes": 30})  # less than FFmpeg's libraries need to be loaded
    assert "damaged, or not a recording" in refusal(SAMPLES / "lecture.ogg", starved)


def test_the_smallest_memory_that_may_be_set_is_enough(settings: Settings) -> None:
    assert probe(SAMPLES / "lecture.ogg", settings=settings.model_copy(update={"probe_megabytes": 128})).codec == "opus"


def test_the_limits_hold_in_the_probing_process() -> None:
    script = (
        "import resource; from workers.engines.container import confine; confine(megabytes=256, cpu_seconds=7);"
        "print([resource.getrlimit(x) for x in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])"
    )
    environment = probing.bare_environment()
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [(256 << 20, 256 << 20), (7, 7), (0, 0)]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0


def test_secrets_are_not_in_the_probing_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    monkeypatch.setenv("REDIS_URL", "redis://:s3cret@host")
    assert "s3cret" not in str(probing.bare_environment())
