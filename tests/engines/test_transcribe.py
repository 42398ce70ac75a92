"""A chunk is transcribed as faster-whisper alone would, and comes out the same however often its run is killed."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from jobs.errors import Misconfigured
from jobs.settings import Settings
from jobs.storage import Storage
from tests.engines.conftest import SAMPLES, Appended, Pipeline, Stopped
from workers.engines import transcribe, whisper, windows
from workers.engines.chunks import Chunk
from workers.engines.prepare import wav

Begin = Callable[..., Pipeline]


def child(job: Pipeline, payload: Any, appended: Appended | None = None, stops_after_windows: int | None = None) -> list[dict[str, Any]]:
    """Run a child and return its segments."""
    context = job.context("transcribe", payload["n"], payload, appended)
    if stops_after_windows is not None:
        context.stops_after = lambda: len(context.appended.stored) >= stops_after_windows
    output = transcribe.run(context, job.outputs)  # type: ignore[arg-type]
    assert isinstance(output, dict)
    segments: list[dict[str, Any]] = json.loads(job.storage.get_bytes(output["key"]))["segments"]
    assert output == {"key": context.key("segments.json"), "segments": len(segments), "seconds": payload["seconds"]}
    return segments


@pytest.mark.parametrize(
    ("name", "word_timestamps"), [("lecture.ogg", True), ("seminar.mp3", True), ("seminar.mp3", False), ("pause.ogg", True)]
)
def test_the_segments_are_those_of_faster_whisper_itself(name: str, word_timestamps: bool, settings: Settings, bare: WhisperModel) -> None:
    sound = decode_audio(str(SAMPLES / name))
    segments, _ = bare.transcribe(
        sound, language="en", vad_filter=True, condition_on_previous_text=False, temperature=0.0, word_timestamps=word_timestamps
    )
    model = whisper.load(settings.whisper_model, settings)
    chunk = windows.Chunk(model, sound, language="en", word_timestamps=word_timestamps, vocabulary=())
    assert [segment for window in chunk.windows() for segment in window.segments] == [windows.as_json(segment) for segment in segments]


@pytest.mark.parametrize(("name", "word_timestamps"), [("lecture.ogg", True), ("seminar.mp3", False)])
def test_a_run_killed_after_any_window_is_resumed_to_the_same_text_and_times(name: str, word_timestamps: bool, begin: Begin) -> None:
    job = begin(SAMPLES / name, word_timestamps=word_timestamps, CHUNK_SECONDS=100)
    job.inspect()
    job.prepare()
    payload = job.split().children[-1]  # the lecture's last one: its times are not those of its own start
    undisturbed = Appended()
    segments = child(job, payload, undisturbed)
    assert len(undisturbed.stored) >= 3
    assert [segment for item in undisturbed.stored for segment in item["segments"]] == segments
    for killed_after in range(1, len(undisturbed.stored) + 1):
        resumed = Appended()
        resumed.append(json.loads(json.dumps(undisturbed.stored[:killed_after])))  # as Redis gives it back
        assert child(job, payload, resumed) == segments
        assert resumed.stored == undisturbed.stored


def test_a_run_that_is_stopped_at_a_checkpoint_keeps_the_windows_it_has_decoded(begin: Begin) -> None:
    job = begin(SAMPLES / "seminar.mp3")
    job.inspect()
    job.prepare()
    (payload,) = job.split().children
    undisturbed = child(job, payload)
    appended = Appended()
    for many in (1, 2):
        with pytest.raises(Stopped):
            child(job, payload, appended, stops_after_windows=many)
        assert len(appended.stored) == many
    assert child(job, payload, appended) == undisturbed


def test_every_window_is_appended_on_its_own_with_progress(begin: Begin) -> None:
    job = begin(SAMPLES / "seminar.mp3", CHUNK_SECONDS=30)
    job.inspect()
    job.prepare()
    _, payload = job.split().children
    context = job.context("transcribe", 1, payload)
    transcribe.run(context, job.outputs)  # type: ignore[arg-type]
    items = context.appended.stored
    seeks = [item["seek"] for item in items]
    assert seeks == sorted(set(seeks))
    assert [message for _, message in context.messages][-1] == "Transcribing chunk 2 of 2, 100 %"
    assert len(context.messages) == len(items)
    starts = [segment["start"] for item in items for segment in item["segments"]]
    assert starts == sorted(starts)
    assert payload["offset_s"] <= starts[0] < 41


def test_words_have_plain_numbers_and_stand_in_their_segment(begin: Begin) -> None:
    job = begin(SAMPLES / "seminar.mp3", word_timestamps=True, vocabulary=["sugar", "leaf"])
    job.inspect()
    job.prepare()
    (payload,) = job.split().children
    for segment in child(job, payload):
        assert " ".join(word["word"] for word in segment["words"]) == segment["text"]
        assert all(type(word[name]) is float for word in segment["words"] for name in ("start", "end", "probability"))
        assert segment["start"] == segment["words"][0]["start"]
        assert segment["end"] == segment["words"][-1]["end"]


@pytest.mark.parametrize("sound", [np.zeros(80_000, np.int16), np.zeros(3, np.int16), np.zeros(0, np.int16)])
def test_a_chunk_without_speech_has_no_segments_and_does_not_fail(sound: Any, begin: Begin) -> None:
    job = begin(SAMPLES / "silence.ogg", word_timestamps=True)
    job.storage.put_bytes("jobs/silent.wav", wav(sound.tobytes()))
    payload = {"n": 0, "of": 1, "key": "jobs/silent.wav", "offset_s": 0.0, "seconds": len(sound) / 16_000, "language": "en"}
    appended = Appended()
    assert child(job, payload, appended) == []
    assert appended.stored == []


def test_the_vocabulary_is_a_hint_to_the_first_decoding_of_each_window(
    settings: Settings, bare: WhisperModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[str | None] = []
    prompt = WhisperModel.get_prompt

    def noted(self: WhisperModel, *given: Any, hotwords: str | None = None, **more: Any) -> Any:
        hints.append(hotwords)
        return prompt(self, *given, hotwords=hotwords, **more)

    monkeypatch.setattr(WhisperModel, "get_prompt", noted)
    model = whisper.load(settings.whisper_model, settings)
    sound = decode_audio(str(SAMPLES / "short-slt.ogg"))
    list(windows.Chunk(model, sound, language="en", word_timestamps=False, vocabulary=("sugar", "leaf")).windows())
    assert set(hints) == {"sugar, leaf"}
    nines = decode_audio(str(Path(__file__).parent / "recordings" / "nines.ogg"))
    hints.clear()
    next(windows.Chunk(model, nines, language="en", word_timestamps=False, vocabulary=("sugar",)).windows())
    assert hints == ["sugar", None, None, None, None]  # a hint may be what it goes on repeating


def test_a_vocabulary_that_is_too_long_is_cut_between_words_and_told(begin: Begin) -> None:
    words = [f"mitochondrion{n}" for n in range(200)]
    job = begin(SAMPLES / "short-slt.ogg", vocabulary=words)
    job.inspect()
    job.prepare()
    (warning,) = job.split().output["warnings"]
    taken = int(warning.split("its first ")[1].split()[0])
    assert warning.endswith(f"{taken} of 200 entries were used")
    model = whisper.load(job.settings.whisper_model, job.settings)
    assert windows.fitting(model, words) == words[:taken]
    assert len(model.hf_tokenizer.encode(" " + ", ".join(words[:taken])).ids) < model.max_length // 2
    assert windows.fitting(model, words[:3]) == words[:3]


def test_a_model_is_loaded_once(settings: Settings) -> None:
    assert whisper.load(settings.whisper_model, settings) is whisper.load(settings.whisper_model, settings)


def test_the_task_tells_its_model_and_language(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg")
    job.inspect()
    job.prepare()
    output = job.split().output
    assert (output["model"], output["language"]) == ("demo", "en")
    assert output["versions"]["faster-whisper"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"whisper_compute_type": "int3"}, "WHISPER_COMPUTE_TYPE"),
        ({"whisper_device": "cuda"}, "WHISPER_DEVICE"),
        ({"whisper_device": "abacus"}, "WHISPER_DEVICE"),
    ],
)
def test_a_model_that_cannot_be_loaded_names_the_setting(changed: dict[str, str], named: str, settings: Settings) -> None:
    with pytest.raises(Misconfigured, match=named):
        whisper.load(settings.whisper_model, settings.model_copy(update=changed))


@pytest.mark.parametrize("holds", ["nothing", "rubbish"])
def test_a_folder_without_a_model_names_the_setting(holds: str, tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if holds == "rubbish":
        for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
            (folder / name).write_bytes(b"rubbish")
    with pytest.raises(Misconfigured, match="WHISPER_MODEL"):
        whisper.load(str(folder), settings)


@pytest.mark.parametrize("name", ["/nowhere/model", "./model", "smal", "models/no/where"])
def test_a_name_that_is_none_is_final_and_names_the_setting(name: str, settings: Settings) -> None:
    with pytest.raises(Misconfigured, match=f"{name}.*WHISPER_MODEL"):
        whisper.load(name, settings)


@pytest.mark.parametrize(
    "error", [ConnectionError("no route to host"), LocalEntryNotFoundError("check your connection"), OSError(28, "full")]
)
def test_a_download_that_fails_is_tried_again_and_says_what_to_check(
    error: Exception, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "download_model", raising(error))
    with pytest.raises(
        whisper.NotLoaded, match=r"'small' could not be downloaded: .*; check the network, or set WHISPER_MODEL to a folder"
    ):
        whisper.load("small", settings)


def test_a_model_that_the_hub_does_not_have_is_final(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))  # type: ignore[arg-type]
    monkeypatch.setattr(whisper, "download_model", raising(missing))
    with pytest.raises(Misconfigured, match=r"Hugging Face Hub; set WHISPER_MODEL"):
        whisper.load("somebody/nothing", settings)


@pytest.mark.parametrize(
    "said", ["CUDA failed with error out of memory", "std::bad_alloc", "CUDA failed with error unspecified launch failure"]
)
def test_a_model_that_has_no_room_now_is_tried_again(said: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "_loaded", {})
    monkeypatch.setattr(whisper, "WhisperModel", raising(RuntimeError(said)))
    with pytest.raises(whisper.NotLoaded, match=said):
        whisper.load(settings.whisper_model, settings)


def test_a_model_is_dropped_before_another_one_is_loaded(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = []

    class Model:
        def __init__(self, *_: Any, **__: Any) -> None:
            alive.add(self)
            most.append(len(alive))

    monkeypatch.setattr(whisper, "_loaded", {})
    monkeypatch.setattr(whisper, "WhisperModel", Model)
    for name in ("one", "two", "two", "one"):
        (tmp_path / name).mkdir(exist_ok=True)
        whisper.load(str(tmp_path / name), settings)
    assert most == [1, 1, 1]


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def test_a_job_may_only_name_models_that_faster_whisper_knows(settings: Settings) -> None:
    assert whisper.named("tiny.en", settings) == "tiny.en"
    assert whisper.named(None, settings) == settings.whisper_model
    for name in ("somebody/model", "../model", "demo"):
        with pytest.raises(Misconfigured, match=r"large-v3"):
            whisper.named(name, settings)


def test_a_language_the_model_does_not_know_is_refused(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg", language="de")
    job.inspect()
    job.prepare()
    with pytest.raises(Misconfigured, match=r"'de'.*WHISPER_MODEL"):
        job.split()


class Polyglot:
    """The demo model with the answers of a multilingual one, which would be too large to ship."""

    def __init__(self, model: WhisperModel) -> None:
        self.feature_extractor = model.feature_extractor
        self.model = self
        self.is_multilingual = True
        self.supported_languages = ["en", "fr"]
        self.heard_frames: list[int] = []

    def detect_language(self, features: Any) -> tuple[str, float, list[Any]]:
        self.heard_frames.append(features.shape[-1])
        return "fr", 0.9, []


def test_the_language_is_detected_once_in_the_first_speech(begin: Begin, storage: Storage, bare: WhisperModel) -> None:
    job = begin(SAMPLES / "short-slt.ogg")
    speech = (decode_audio(str(SAMPLES / "short-slt.ogg")) * 32768).astype(np.int16)
    chunks = [Chunk(f"jobs/{n}.wav", 0, 80_000) for n in range(3)]
    for chunk, sound in zip(chunks, (np.zeros(80_000, np.int16), speech, speech), strict=True):
        storage.put_bytes(chunk.key, wav(sound.tobytes()))
    model: Any = Polyglot(bare)
    context: Any = job.context("transcribe")
    assert transcribe.choose_language(context, model, chunks, None) == "fr"
    assert len(model.heard_frames) == 1
    assert transcribe.choose_language(context, model, chunks[:1], None) == "en"
    assert transcribe.choose_language(context, model, chunks, "fr") == "fr"
    assert len(model.heard_frames) == 1
