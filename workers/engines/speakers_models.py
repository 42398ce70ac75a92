"""Tell speakers apart with the operator's models, by sherpa-onnx in a process of its own (`speakers_process`).

A process of its own because sherpa-onnx ends the process it is in when a model lacks what it looks for, brings an ONNX runtime of its own
beside the one of faster-whisper, and cannot be interrupted. It is given one chunk at a time, so that memory does not grow with the
recording: it tells the voices of the chunk apart, and for each what it sounds like (an embedding), by which the voices of all chunks are
matched here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Misconfigured
from jobs.probe import ROOT, bare_environment
from jobs.settings import Settings
from workers.engines.chunks import SAMPLE_BYTES, SAMPLE_RATE
from workers.engines.turns import Turn, renamed

METHOD = "sherpa-onnx with the operator's models"
SEGMENTATION, EMBEDDING = "segmentation.onnx", "embedding.onnx"
MOST_THREADS = 4
LEAST_SECONDS = 2.0  #: a voice heard for less in a chunk is matched with the others', but founds none
READ_BYTES = 1 << 16
WHERE = re.compile(r"^\S+\.(?:cc|h):\w+:\d+ ")  #: of its own source, before what sherpa-onnx says


@dataclass(frozen=True, slots=True)
class Models:
    """Where the models lie, and how far apart two voices are that are two speakers."""

    folder: Path
    threshold: float
    threads: int

    def provenance(self) -> dict[str, Any]:
        """Return what made the turns: the models by their names and what is in them."""
        model = ", ".join(f"{name} sha256:{digest(self.folder / name)[:16]}" for name in (SEGMENTATION, EMBEDDING))
        settings = {"threshold": self.threshold}
        return {
            "engine": "diarize", "method": METHOD, "model": model, "version": f"sherpa-onnx {version('sherpa-onnx')}", "settings": settings,
            "third_party": None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of one chunk: when it speaks on the recording's clock, and what it sounds like."""

    turns: tuple[tuple[float, float], ...]
    embedding: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.turns)


def found(settings: Settings) -> Models:
    """Return the models of DIARIZATION_MODEL_DIR. Raises Misconfigured for what is missing, by name."""
    folder = Path(settings.diarization_model_dir)
    if not folder.is_dir():
        raise Misconfigured(
            f"DIARIZATION_MODEL_DIR={folder} is not a folder; set it to one with {SEGMENTATION} and {EMBEDDING}, or leave it empty"
        )
    for name, what in ((SEGMENTATION, "segmentation"), (EMBEDDING, "speaker embedding")):
        if not (folder / name).is_file():
            raise Misconfigured(
                f"there is no {name} in DIARIZATION_MODEL_DIR={folder}; put the {what} model of sherpa-onnx there by that name"
            )
    threads = settings.whisper_threads or min(MOST_THREADS, os.cpu_count() or 1)
    return Models(folder, settings.diarization_threshold, threads)


class Listener:
    """The process with the models, as who feeds it sees it."""

    def __init__(self, process: subprocess.Popen[bytes], models: Models, said: IO[bytes], checkpoint: Callable[[], None]) -> None:
        self.process = process
        self.models = models
        self.said = said
        self.checkpoint = checkpoint
        self.step = ""  #: what it said it is about to do
        self._read = b""

    def ready(self) -> None:
        """Wait until the models are loaded. Raises Misconfigured for one that is not what it should be, by name."""
        while "ready" not in (told := self.answer()):
            self.step = told["loading"]

    def hear(self, sound: NDArray[np.float32], offset_s: float, scratch: Path) -> list[Voice]:
        """Return the voices of the next chunk, which begins at `offset_s`."""
        assert self.process.stdin
        self.step = ""
        path = scratch / "chunk.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(SAMPLE_BYTES)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype(np.int16).tobytes())
        try:
            self.process.stdin.write(f"{path}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.ended() from None
        voices = self.answer()["voices"]
        return [
            Voice(
                tuple((start + offset_s, end + offset_s) for start, end in voice["turns"]), np.array(voice["embedding"], dtype=np.float64)
            )
            for voice in voices
        ]

    def answer(self) -> dict[str, Any]:
        """Return the next line, with a checkpoint at least every second."""
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._read:
                self.checkpoint()
                if selector.select(timeout=1.0):
                    data = os.read(self.process.stdout.fileno(), READ_BYTES)
                    if not data:
                        raise self.ended()
                    self._read += data
        line, self._read = self._read.split(b"\n", 1)
        told: dict[str, Any] = json.loads(line)
        if "refused" in told:
            raise self.broken(told["refused"])
        return told

    def ended(self) -> Exception:
        """Return the error for a process that has ended by itself: sherpa-onnx does that with a last word on stderr."""
        code = self.process.wait()
        self.said.seek(0)
        words = self.said.read().decode(errors="replace").strip().splitlines()
        why = WHERE.sub("", words[-1].strip())[:200] if words else f"its process ended with {code}"
        return self.broken(why) if self.step else RuntimeError(f"sherpa-onnx ended while it listened: {why}")

    def broken(self, why: str) -> Misconfigured:
        return Misconfigured(
            f"{self.step} in DIARIZATION_MODEL_DIR={self.models.folder} cannot be used by sherpa-onnx: {why}; "
            "put a model there that was made for it (docs/settings.md), or leave DIARIZATION_MODEL_DIR empty"
        )


@contextmanager
def listening(models: Models, checkpoint: Callable[[], None]) -> Iterator[Listener]:
    """Load the models in a process of their own; it is gone when the block ends, however it ends."""
    command = [sys.executable, "-m", "workers.engines.speakers_process", str(models.folder), SEGMENTATION, EMBEDDING]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*command, str(models.threshold), str(models.threads)],
            cwd=ROOT,
            env=bare_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            listener = Listener(process, models, said, checkpoint)
            listener.ready()
            yield listener
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    drop(pipe)


def drop(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):  # what was to be sent to it does not matter any more
        pipe.close()


def turns(voices: Sequence[Voice], threshold: float) -> list[Turn]:
    """Return who speaks when: voices of all chunks that sound alike are one speaker."""
    speakers = matched(voices, threshold)
    told = [Turn(start, end, speaker) for voice, speaker in zip(voices, speakers, strict=True) for start, end in voice.turns]
    return renamed(sorted(told, key=lambda turn: (turn.start, turn.end)))


def matched(voices: Sequence[Voice], threshold: float) -> list[int]:
    """Return a number of a speaker for each voice: the two nearest are joined until none are nearer than `threshold`, by cosine."""
    if not voices:
        return []
    founders = [n for n, voice in enumerate(voices) if voice.seconds >= LEAST_SECONDS] or list(range(len(voices)))
    sums = np.stack([voices[n].embedding / (np.linalg.norm(voices[n].embedding) or 1.0) * voices[n].seconds for n in founders])
    groups = [[n] for n in founders]
    while len(groups) > 1:
        unit = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        gaps = 1 - unit @ unit.T
        np.fill_diagonal(gaps, np.inf)
        i, j = sorted(int(n) for n in np.unravel_index(gaps.argmin(), gaps.shape))
        if gaps[i, j] >= threshold:
            break
        sums[i] += sums[j]
        groups[i] += groups[j]
        sums = np.delete(sums, j, axis=0)
        del groups[j]
    speakers = [int((sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9) @ voice.embedding).argmax()) for voice in voices]
    for speaker, group in enumerate(groups):
        for n in group:
            speakers[n] = speaker
    return speakers


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
