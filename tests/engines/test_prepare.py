"""Prepare decodes what can be decoded, cuts it in silence, and counts every sample once."""

from __future__ import annotations

import io
import json
import os
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from jobs.errors import Misconfigured, NotFound, Unplayable
from jobs.settings import Settings
from jobs.storage import Storage
from tests.engines.conftest import SAMPLES, Pipeline, Stopped
from workers.engines import inspect, prepare
from workers.engines.chunks import Chunk, listed, told
from workers.engines.cut import place_to_cut, quietest
from workers.engines.decode import Decoder, ogg_page_is_cut, wav_is_cut

Begin = Callable[..., Pipeline]


def samples(storage: Storage, told: dict[str, Any]) -> list[np.ndarray]:
    found = []
    for chunk in listed(told):
        with wave.open(io.BytesIO(storage.get_bytes(chunk.key))) as file:
            assert file.getparams()[:3] == (1, 2, 16_000)
            found.append(np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16))
    return found


@pytest.mark.parametrize("chunk_seconds", [300, 40, 7.5])
def test_the_chunks_together_are_the_recording_sample_by_sample(begin: Begin, chunk_seconds: float) -> None:
    job = begin(SAMPLES / "lecture.ogg", CHUNK_SECONDS=chunk_seconds)
    job.inspect()
    output = job.prepare()
    parts = samples(job.storage, output["chunks"])
    whole = (decode_audio(str(SAMPLES / "lecture.ogg")) * 32768).astype(np.int16)
    assert np.array_equal(np.concatenate(parts), whole)
    assert output["samples"] == len(whole)
    assert output["truncated_at_s"] is None
    assert output["warnings"] == []
    start = 0
    for chunk, part in zip(listed(output["chunks"]), parts, strict=True):
        assert (chunk.start_sample, chunk.samples) == (start, len(part))
        assert chunk.offset_s == start / 16_000
        assert chunk.seconds == len(part) / 16_000 <= chunk_seconds
        start += len(part)


def test_what_is_handed_on_of_the_most_chunks_is_far_from_too_much(settings: Settings) -> None:
    counts = [300 * 16_000] * settings.max_children
    assert len(json.dumps(told("jobs/0123456789abcdef/prepare/0123456789abcdef/chunk-", counts))) < settings.max_output_bytes / 2
    assert listed(told("jobs/7f/chunk-", [5, 7, 2])) == [
        Chunk("jobs/7f/chunk-0000.wav", 0, 5), Chunk("jobs/7f/chunk-0001.wav", 5, 7), Chunk("jobs/7f/chunk-0002.wav", 12, 2)
    ]  # fmt: skip


def test_more_chunks_than_children_are_refused_before_anything_is_decoded(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg", CHUNK_SECONDS=2.0, MAX_CHILDREN=100)
    job.inspect()
    with pytest.raises(Misconfigured, match=r"CHUNK_SECONDS=2, more than MAX_CHILDREN=100 allows; set CHUNK_SECONDS"):
        job.prepare()
    assert list(job.storage.list("jobs")) == []


def test_a_recording_whose_first_packet_is_damaged_is_broken_and_no_accident() -> None:
    class Container:
        def demux(self, track: object) -> Iterator[Any]:
            raise av.InvalidDataError(1094995529, "Invalid data found")
            yield

    decoder = Decoder(Path("any"), 10)
    assert list(decoder.frames(Container(), None, [])) == []  # type: ignore[arg-type]
    assert decoder.broken


def test_cuts_fall_between_sentences(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg", CHUNK_SECONDS=25)
    job.inspect()
    cuts = [chunk.offset_s for chunk in listed(job.prepare()["chunks"])][1:]
    assert len(cuts) >= 7
    sentences = json.loads((SAMPLES / "lecture.json").read_text())["sentences"]
    assert [cut for cut in cuts for sentence in sentences if sentence["start"] < cut < sentence["end"]] == []


def test_the_longest_pause_at_the_end_is_chosen_and_nothing_before() -> None:
    speech = (decode_audio(str(SAMPLES / "short-en-us.wav")) * 32768).astype(np.int16)[: 5 * 16_000]
    pauses = [np.zeros(int(seconds * 16_000), np.int16) for seconds in (3.0, 0.6, 1.2)]
    sound = np.concatenate([speech, pauses[0], speech, speech, speech, pauses[1], speech[:32_000], pauses[2], speech[:8_000]])
    end_of_last_pause = len(sound) - 8_000
    assert end_of_last_pause - 1.6 * 16_000 < place_to_cut(sound.tobytes()) < end_of_last_pause


def test_without_a_pause_the_quietest_moment_is_chosen() -> None:
    loud = np.random.default_rng(1).integers(-9000, 9000, 160_000).astype(np.int16)
    loud[150_000:152_000] //= 10
    assert 150_000 < quietest(loud, 128_000) < 152_000


@pytest.mark.parametrize(
    ("name", "codec", "rate", "container", "options"),
    [
        ("cut.ogg", "libopus", 48_000, "ogg", {}),
        ("cut.wav", "pcm_s16le", 16_000, "wav", {}),
        ("cut.mp3", "libmp3lame", 24_000, "mp3", {}),
        ("cut.flac", "flac", 16_000, "flac", {}),
        ("cut.webm", "libopus", 48_000, "webm", {}),
        ("live.webm", "libopus", 48_000, "webm", {"live": "1"}),
        ("cut.m4a", "aac", 24_000, "mp4", {"movflags": "faststart"}),
        ("cut.aac", "aac", 24_000, "adts", {}),
    ],
)
def test_a_recording_that_was_cut_off_is_noticed_and_kept_so_far(
    name: str, codec: str, rate: int, container: str, options: dict[str, str], record_as: Callable[..., Path], begin: Begin
) -> None:
    path = record_as(name, codec, rate=rate, container=container, seconds=20, **options)
    whole = begin(path)
    whole.inspect()
    assert whole.prepare()["truncated_at_s"] is None
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 11])
    half = begin(path)
    half.inspect()
    output = half.prepare()
    assert output["truncated_at_s"] == output["seconds"] == pytest.approx(10, abs=2.5)
    assert sum(map(len, samples(half.storage, output["chunks"]))) == output["samples"]


def test_a_recording_with_nothing_left_in_it_is_unplayable(record_as: Callable[..., Path], begin: Begin) -> None:
    path = record_as("gone.m4a", "aac", container="mp4", movflags="faststart")
    job = begin(path)
    job.inspect()
    index = path.read_bytes().split(b"mdat")[0]
    path.write_bytes(index + b"mdat" + b"\xff" * 100_000)
    job.storage.put_file("uploads/u1/recording", path)
    with pytest.raises(Unplayable, match="damaged"):
        job.prepare()


def test_a_decoder_that_dies_at_once_is_no_traceback(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg", PROBE_MEGABYTES=30)  # less than FFmpeg's libraries need to be loaded
    job.outputs["inspect"] = {"key": "uploads/u1/recording", "seconds": 6.5}
    with pytest.raises(Unplayable, match="damaged"):
        job.prepare()


def test_a_recording_longer_than_its_header_says_is_stopped_at_the_limit(begin: Begin) -> None:
    job = begin(SAMPLES / "seminar.mp3", MAX_AUDIO_SECONDS=20)
    job.outputs["inspect"] = {"key": "uploads/u1/recording", "seconds": 10}
    with pytest.raises(Unplayable, match="MAX_AUDIO_SECONDS=20"):
        job.prepare()


def test_what_is_missing_in_the_middle_is_silence_so_that_times_stay_right(tmp_path: Path, begin: Begin) -> None:
    path = tmp_path / "holes.mka"
    with av.open(str(path), "w") as target, av.open(str(SAMPLES / "lecture.ogg")) as source:
        track = source.streams.audio[0]
        copy = target.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.pts is not None and not 5 <= packet.pts * track.time_base < 9:
                packet.stream = copy
                target.mux(packet)
    job = begin(path)
    job.inspect()
    output = job.prepare()
    assert output["seconds"] == pytest.approx(176.4, abs=0.1)
    assert output["truncated_at_s"] is None
    assert output["warnings"] == ["4 s of the recording are missing or damaged and were taken as silence"]
    (sound,) = samples(job.storage, output["chunks"])
    assert not sound[int(5.2 * 16_000) : int(8.8 * 16_000)].any()
    intact = (decode_audio(str(SAMPLES / "lecture.ogg")) * 32768).astype(np.int16)
    heard, said = (np.abs(part[20 * 16_000 : 60 * 16_000].astype(float)).reshape(-1, 160).mean(axis=1) for part in (sound, intact))
    lag_in_10_ms = int(np.argmax(np.correlate(heard[100:-100] - heard.mean(), said - said.mean(), "valid"))) - 100
    assert abs(lag_in_10_ms) <= 3


def test_progress_is_told_in_minutes_or_seconds(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg")
    job.inspect()
    context = job.context("prepare")
    prepare.run(context, job.outputs)  # type: ignore[arg-type]
    fractions = [fraction for fraction, _ in context.messages]
    assert fractions == sorted(fractions)
    assert context.messages[-1][1] == "Decoding, 3 of 3 minutes"
    assert prepare.decoded_message(7.2, 41) == "Decoding, 7 of 41 seconds"


def test_a_run_that_is_stopped_leaves_no_decoder_behind(begin: Begin) -> None:
    job = begin(SAMPLES / "lecture.ogg")
    job.inspect()
    context = job.context("prepare")
    context.stops_after = lambda: len(context.messages) > 2
    before = child_processes()
    with pytest.raises(Stopped):
        prepare.run(context, job.outputs)  # type: ignore[arg-type]
    assert child_processes() <= before


def child_processes() -> set[str]:
    return {pid for task in Path(f"/proc/{os.getpid()}/task").iterdir() for pid in (task / "children").read_text().split()}


def test_an_upload_that_is_gone_says_so(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg")
    job.storage.delete_prefix("uploads/u1")
    with pytest.raises(Unplayable, match="upload the recording again"):
        inspect.run(job.context("inspect"), {})  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        job.storage.size("uploads/u1/recording")


def test_inspect_hands_on_what_the_next_steps_need(begin: Begin) -> None:
    output = begin(SAMPLES / "short-slt.ogg").inspect()
    assert output == {
        "format": "ogg", "codec": "opus", "seconds": 6.466, "channels": 1, "sample_rate": 48_000, "media_type": "audio/ogg",
        "key": "uploads/u1/recording", "filename": "short-slt.ogg",
    }  # fmt: skip


def test_the_ends_of_ogg_and_wav_files_are_read_as_their_formats_say() -> None:
    page = b"OggS" + bytes(22) + bytes([2, 255, 10]) + bytes(265)
    assert not ogg_page_is_cut(page * 2)
    assert all(ogg_page_is_cut(page + page[:length]) for length in (4, 20, 27, 28, 200, len(page) - 1))
    assert not ogg_page_is_cut(b"")
    head = b"RIFF\0\0\0\0WAVEfmt " + bytes(20) + b"data"
    assert wav_is_cut(head + (1000).to_bytes(4, "little"), 900)
    assert not wav_is_cut(head + (1000).to_bytes(4, "little"), 1044)
    assert not wav_is_cut(head + b"\xff\xff\xff\xff", 900)
    assert not wav_is_cut(head + bytes(4), 900)
