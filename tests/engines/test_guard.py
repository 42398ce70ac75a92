"""What a model puts out when it has lost the thread is seen, decoded again, and where that does not help, marked and told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from faster_whisper.audio import decode_audio
from hypothesis import given, settings

from jobs.settings import Settings
from tests.engines.conftest import SAMPLES, Appended, Pipeline
from workers.engines import guard, transcribe, whisper, windows
from workers.engines.prepare import wav

Begin = Callable[..., Pipeline]

RECORDINGS = Path(__file__).parent / "recordings"
SPOKEN = [(0.0, 60.0)]


def segment(text: str, start: float = 0.0, end: float | None = None, avg_logprob: float = -0.3) -> dict[str, Any]:
    """A segment at the pace of people, unless its end is given."""
    return {"start": start, "end": start + max(len(text) / 15, 0.3) if end is None else end, "text": text, "avg_logprob": avg_logprob}


def doubts(*segments: dict[str, Any], spoken: Any = SPOKEN) -> list[str | None]:
    return [judged.get("doubt") for judged in guard.judged(segments, spoken)]


# what is doubtful


@pytest.mark.parametrize(
    "text",
    [
        "Thank you. " * 6,
        "It should have been a dresser. " * 4,
        "so " * 8,
        "and then it and then it and then it and then it and then it and goes on",
        "謝謝觀看" * 4,
        "H" + "m" * 200,
    ],
)
def test_a_loop_is_seen(text: str) -> None:
    assert doubts(segment(text)) == ["repeats"]


def test_a_loop_over_several_segments_is_seen_and_what_stands_before_it_is_not_taken_for_it() -> None:
    said = [segment("Today we learn about the cell.", 0, 3), *(segment("Thank you.", 3 + n, 4 + n) for n in range(6))]

    assert doubts(*said) == [None, *["repeats"] * 6]


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, no! That is very, very, very important.",
        "The number is one. The number is two. The number is three. The number is four. The number is five.",
        "one two three four one two three four one two three four",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "",
    ],
)
def test_what_people_say_again_is_no_loop(text: str) -> None:
    assert doubts(segment(text)) == [None]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(0, 60), st.integers(1, 16))
def test_a_loop_is_found_wherever_it_stands_and_only_its_own_words_are_taken_for_it(around: list[str], at: int, period: int) -> None:
    at = min(at, len(around))
    again = [f"w{n}" for n in range(period)] * guard.LOOPS[period]
    quiet = [f"{unit}{n}" for n, unit in enumerate(around)]  # no two alike

    found = guard.loops([*quiet[:at], *again, *quiet[at:]])

    assert found == [False] * at + [True] * len(again) + [False] * (len(quiet) - at)


def test_a_sentence_in_no_time_is_doubted_and_a_short_word_is_not() -> None:
    assert doubts(segment("Today we learn about the cell.", 5, 5.02), segment("Yes.", 6, 6.02)) == ["hurried", None]


def test_what_is_said_far_from_all_speech_is_doubted() -> None:
    said = [segment("Thank you.", 2.0, 3.0), segment("Welcome.", 4.6, 5.2), segment("Thank you.", 11.0, 12.0)]

    assert doubts(*said, spoken=[(5.0, 10.0)]) == ["silence", None, "silence"]


def test_a_guess_is_doubted() -> None:
    assert doubts(segment("The heart is hot.", avg_logprob=-1.01), segment("The heart is hot.", 9, avg_logprob=-0.99)) == ["unsure", None]


def test_no_text_where_much_is_spoken_is_as_bad_as_can_be() -> None:
    assert guard.doubtfulness([], heard_s=2.5) == 1.0
    assert guard.doubtfulness([], heard_s=1.0) == 0.0
    assert guard.doubtfulness([{**segment("four"), "doubt": "unsure"}, segment("four")], heard_s=30.0) == 0.25


def test_the_warning_joins_neighbours_and_names_places_and_reasons() -> None:
    said = [
        segment("a", 0, 1), {**segment("b", 41, 43), "doubt": "repeats"}, {**segment("b", 43, 47), "doubt": "repeats"},
        {**segment("c", 48.2, 48.7), "doubt": "unsure"},
    ]  # fmt: skip

    assert guard.warnings(said) == [
        "2 passages may not be what was said, decoded again in other ways and still in doubt: 0:41–0:47 (repeats itself) and 0:48 (a guess)"
    ]
    assert guard.warnings(said[:1]) == []
    many = guard.warnings([{**segment("b", 60 * n, 60 * n + 1), "doubt": ("unsure", "repeats")[n % 2]} for n in range(9)])
    assert many[0].startswith("9 passages may")
    assert many[0].endswith("4:00–4:01 (a guess) and 4 more")


# what is done about it


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[guard.Way]:
    """The ways in which windows were decoded since."""
    ways: list[guard.Way] = []
    attempt = windows.Chunk.attempt

    def noted(self: windows.Chunk, seek: int, speech_end_s: float, encoded: Any, way: guard.Way) -> Any:
        ways.append(way)
        return attempt(self, seek, speech_end_s, encoded, way)

    monkeypatch.setattr(windows.Chunk, "attempt", noted)
    return ways


def decoded(sound: Any, settings: Settings, **more: Any) -> list[windows.Window]:
    model = whisper.load(settings.whisper_model, settings)
    return list(windows.Chunk(model, sound, language="en", vocabulary=(), **{"word_timestamps": False, **more}).windows())


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.*") if path.suffix in (".ogg", ".mp3", ".wav")))
@pytest.mark.parametrize("word_timestamps", [False, True])
def test_clear_speech_is_decoded_once_and_is_beyond_doubt_and_silence_is_not_decoded(
    name: str, word_timestamps: bool, settings: Settings, tried: list[guard.Way]
) -> None:
    found = decoded(decode_audio(str(SAMPLES / name)), settings, word_timestamps=word_timestamps)

    assert set(tried) <= {guard.WAYS[0]}
    # The margin behind the last word is left out, unless that word is taken to end too early.
    assert len(tried) <= sum(bool(window.segments) for window in found) + word_timestamps
    assert not any("doubt" in segment for window in found for segment in window.segments)


def test_a_loop_is_decoded_in_other_ways_until_one_ends_it(settings: Settings, tried: list[guard.Way]) -> None:
    first, *_ = decoded(decode_audio(str(RECORDINGS / "laughter.ogg")), settings)

    assert tried[: len(guard.WAYS)] == list(guard.WAYS)  # only the last one does
    assert not any("doubt" in segment for segment in first.segments)
    assert first.segments


def test_what_is_drawn_by_lot_is_the_same_each_time_whatever_was_drawn_before(settings: Settings) -> None:
    laughter = decode_audio(str(RECORDINGS / "laughter.ogg"))
    pause = np.zeros(5 * 16_000, np.float32)
    twice = np.concatenate([np.tile(laughter, 3), pause])

    once = decoded(laughter, settings)
    decoded(twice, settings)  # draws on

    assert decoded(laughter, settings) == once


def test_a_run_killed_after_any_window_comes_to_the_same_text_also_where_it_was_drawn_by_lot(begin: Begin, tried: list[guard.Way]) -> None:
    job = begin(SAMPLES / "silence.ogg", word_timestamps=True)
    seminar, laughter = (decode_audio(str(path)) for path in (SAMPLES / "seminar.mp3", RECORDINGS / "laughter.ogg"))
    sound = (np.concatenate([laughter, seminar[: 22 * 16_000], laughter]) * 32767).astype(np.int16)
    job.storage.put_bytes("jobs/loops.wav", wav(sound.tobytes()))
    payload = {"n": 0, "of": 1, "key": "jobs/loops.wav", "offset_s": 0.0, "seconds": len(sound) / 16_000, "language": "en"}
    undisturbed = Appended()
    context = job.context("transcribe", 0, payload, undisturbed)
    segments = read(job, transcribe.run(context, job.outputs))  # type: ignore[arg-type]
    assert any(way.temperature for way in tried)
    for killed_after in range(len(undisturbed.stored)):
        resumed = Appended()
        resumed.append(json.loads(json.dumps(undisturbed.stored[:killed_after])))
        assert read(job, transcribe.run(job.context("transcribe", 0, payload, resumed), job.outputs)) == segments  # type: ignore[arg-type]


def read(job: Pipeline, output: Any) -> Any:
    return json.load(io.BytesIO(job.storage.get_bytes(output["key"])))["segments"]


def test_what_stays_in_doubt_is_kept_marked_and_told(begin: Begin) -> None:
    job = begin(RECORDINGS / "nines.ogg", CHUNK_SECONDS=60)
    job.inspect()
    job.prepare()
    job.transcribe()
    output = job.merge()

    (warning,) = output["warnings"]
    assert warning.startswith("1 passage may not be what was said")
    assert "(repeats itself)" in warning
    (found,) = json.loads(job.artifact("transcript.json"))["segments"]
    assert found["doubt"] == "repeats"
    assert found["text"].lower().count("nine") > 10


def test_a_sign_of_life_is_given_between_two_ways(settings: Settings) -> None:
    given: list[int] = []

    decoded(decode_audio(str(RECORDINGS / "nines.ogg")), settings, checkpoint=lambda: given.append(1))

    assert len(given) >= len(guard.WAYS) - 1


def test_a_model_that_is_loaded_anew_for_its_lots_is_the_same_one(settings: Settings) -> None:
    model = whisper.load(settings.whisper_model, settings)

    whisper.reseed(model, 7)

    assert whisper.load(settings.whisper_model, settings) is model
    assert model.model.is_multilingual is False


def test_a_model_that_cannot_be_loaded_anew_is_not_kept_half(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = whisper.load(settings.whisper_model, settings)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("std::bad_alloc")

    with monkeypatch.context() as patched:
        patched.setattr(whisper.ctranslate2.models, "Whisper", broken)
        with pytest.raises(whisper.NotLoaded, match="bad_alloc"):
            whisper.reseed(model, 7)

    assert whisper.load(settings.whisper_model, settings) is not model
