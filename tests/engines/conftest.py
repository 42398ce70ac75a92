"""A run of an engine without Redis: the context writes into lists, the storage is a real folder, the rest is real too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.model import Claimed, Spawn
from jobs.settings import Settings
from jobs.storage import Storage
from workers.engines import align, inspect, merge, prepare, transcribe

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
JOB = "7f3a"


class Appended:
    """What a child has put out so far; outlives its runs, as the list in Redis does."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []

    def items(self) -> list[dict[str, Any]]:
        return list(self.stored)

    def append(self, items: list[dict[str, Any]]) -> None:
        self.stored += items


class Stopped(BaseException):
    """What a checkpoint raises when the run is to stop."""


@dataclass
class Run:
    """One run of one task, as an engine sees it."""

    claimed: Claimed
    settings: Settings
    storage: Storage
    scratch: Path
    appended: Appended
    children: list[Any] = field(default_factory=list)
    messages: list[tuple[float, str]] = field(default_factory=list)
    stops_after: Callable[[], bool] = lambda: False
    corrected: dict[str, Any] | None = None
    others: dict[str, list[Any]] = field(default_factory=dict)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("tests"))

    def key(self, name: str) -> str:
        return f"jobs/{self.claimed.job}/{self.claimed.node}/{self.claimed.run}/{name}"

    def progress(self, fraction: float, message: str = "") -> None:
        assert 0 <= fraction <= 1
        self.messages.append((fraction, message))

    def checkpoint(self) -> None:
        if self.stops_after():
            raise Stopped

    def corrections(self) -> Any:
        return self.corrected

    def writer(self) -> Appended:
        return self.appended

    def children_outputs(self, task: str) -> list[Any]:
        return self.children if task == "transcribe" else self.others[task]


@dataclass
class Pipeline:
    """One transcription job, engine by engine, in this process."""

    settings: Settings
    storage: Storage
    folder: Path
    params: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    children: list[Any] = field(default_factory=list)
    runs: int = 0
    corrected: dict[str, Any] | None = None
    others: dict[str, list[Any]] = field(default_factory=dict)  #: outputs of the children of other tasks than transcribe

    def context(
        self, task: str, child: int | None = None, payload: Mapping[str, Any] | None = None, appended: Appended | None = None
    ) -> Run:
        self.runs += 1
        scratch = self.folder / f"run-{self.runs}"
        scratch.mkdir(exist_ok=True)
        claimed = Claimed(
            run=f"run{self.runs}", job=JOB, task=task, child=child, engine=task, queue="long", type="transcription", version=1, user="ada",
            org="maths", attempt=1, attempts=3, backoff_s=5, timeout_s=3600, claimed_at=0, params=self.params, payload=payload or {},
            inputs={},
        )  # fmt: skip
        return Run(
            claimed,
            self.settings,
            self.storage,
            scratch,
            appended or Appended(),
            self.children,
            corrected=self.corrected,
            others=self.others,
        )

    def inspect(self) -> dict[str, Any]:
        self.outputs["inspect"] = inspect.run(self.context("inspect"), {})  # type: ignore[arg-type]
        return self.outputs["inspect"]

    def prepare(self) -> dict[str, Any]:
        self.outputs["prepare"] = prepare.run(self.context("prepare"), self.outputs)  # type: ignore[arg-type]
        return self.outputs["prepare"]

    def split(self) -> Spawn:
        spawn = transcribe.run(self.context("transcribe"), self.outputs)  # type: ignore[arg-type]
        assert isinstance(spawn, Spawn)
        self.outputs["transcribe"] = spawn.output
        return spawn

    def transcribe(self) -> None:
        for payload in self.split().children:
            self.children.append(transcribe.run(self.context("transcribe", payload["n"], payload), self.outputs))  # type: ignore[arg-type]

    def align(self) -> dict[str, Any]:
        self.outputs["align"] = align.run(self.context("align"), self.outputs)  # type: ignore[arg-type]
        return self.outputs["align"]

    def merge(self) -> dict[str, Any]:
        self.outputs["merge"] = merge.run(self.context("merge"), self.outputs)  # type: ignore[arg-type]
        return self.outputs["merge"]

    def artifact(self, name: str) -> bytes:
        (key,) = (artifact["key"] for artifact in self.outputs["merge"]["artifacts"] if artifact["name"] == name)
        return self.storage.get_bytes(key)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, whisper_model=str(ROOT / "models/demo"), whisper_threads=1)  # type: ignore[call-arg]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.folder(tmp_path / "storage")


@pytest.fixture
def begin(settings: Settings, storage: Storage, tmp_path: Path) -> Callable[..., Pipeline]:
    """Return a function that uploads a file and begins a job on it; keywords in capitals are settings, others parameters."""

    def begin(path: Path, **given: Any) -> Pipeline:
        changed = {name.lower(): value for name, value in given.items() if name.isupper()}
        params = {name: value for name, value in given.items() if not name.isupper()}
        storage.put_file("uploads/u1/recording", path)
        (tmp_path / "scratch").mkdir(exist_ok=True)
        return Pipeline(
            settings.model_copy(update=changed), storage, tmp_path / "scratch", {"upload": "u1", "filename": path.name, **params}
        )

    return begin


@pytest.fixture
def record_as(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the first seconds of the sample lecture in another format."""

    def record(name: str, codec: str, *, rate: int = 24_000, seconds: float = 20, container: str | None = None, **options: str) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", format=container, options=options) as target, av.open(str(SAMPLES / "lecture.ogg")) as source:
            stream = target.add_stream(codec, rate=rate)
            stream.layout = "mono"
            resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
            for frame in source.decode(audio=0):
                if frame.time >= seconds:
                    break
                for piece in resampler.resample(frame):
                    target.mux(stream.encode(piece))
            target.mux(stream.encode(None))
        return path

    return record


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a film of two seconds, with a tone or without sound."""

    def film(name: str, *, sound: bool) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as target:
            pictures = target.add_stream("mpeg4", rate=5)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            track = target.add_stream("aac", rate=16_000, layout="mono") if sound else None
            for _ in range(10):
                target.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
            target.mux(pictures.encode(None))
            if track:
                tone = np.sin(np.arange(32_000) / 5, dtype=np.float32).reshape(1, -1) / 4
                frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                frame.sample_rate = 16_000
                target.mux(track.encode(frame))
                target.mux(track.encode(None))
        return path

    return film


@pytest.fixture(scope="session")
def bare() -> Any:
    """The demo model as faster-whisper loads it, without any of ours."""
    from faster_whisper import WhisperModel

    return WhisperModel(str(ROOT / "models/demo"), device="cpu", compute_type="int8", cpu_threads=1)
