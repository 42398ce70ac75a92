"""Decode a recording to 16 kHz mono and cut it in silence into chunks, each a WAV file in storage.

A process of its own decodes (`workers.engines.decode`), because files from outside are hostile; this one sees only samples.
Never more than one chunk of them is in memory. Every sample is in exactly one chunk, and a chunk knows its first one.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import Misconfigured, Unplayable
from jobs.probe import ROOT, bare_environment
from workers.engines import chunks
from workers.engines.chunks import SAMPLE_BYTES, SAMPLE_RATE

if TYPE_CHECKING:
    from jobs.settings import Settings
    from workers.context import Context

SILENT_SECONDS = 60  #: a decoder that puts out nothing for so long is stuck
USEFUL_SECONDS = 0.1  #: less sound than this is none
READ_BYTES = 1 << 18


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the chunks, how long they are together, and where the recording breaks off if it does. Raises Unplayable, Misconfigured."""
    recording = inputs["inspect"]
    refuse_too_many(recording["seconds"], context.settings)
    path = context.scratch / "recording"
    context.progress(0.0, "Fetching the recording")
    context.storage.fetch(recording["key"], path, each=context.checkpoint)
    prefix = context.key("chunk-")
    counts: list[int] = []
    with decoding(path, context.settings) as decoder:
        blocks = told(context, decoder, recording["seconds"])
        for samples in cut_up(blocks, recording["seconds"], context.settings.chunk_seconds):
            context.storage.put_bytes(chunks.key(prefix, len(counts)), wav(samples))
            counts.append(len(samples) // SAMPLE_BYTES)
    seconds = decoder.samples / SAMPLE_RATE
    if seconds < USEFUL_SECONDS:
        raise Unplayable("none of the recording's sound can be decoded: the file is damaged")
    breaks_off = decoder.broken or falls_short(seconds, recording["seconds"])
    return {
        "chunks": chunks.told(prefix, counts),
        "samples": decoder.samples,
        "sample_rate": SAMPLE_RATE,
        "seconds": seconds,
        "truncated_at_s": seconds if breaks_off else None,
        "warnings": patched_warnings(decoder.patched_s),
    }


def told(context: Context, decoder: Decoder, total_s: float) -> Iterator[bytes]:
    """Pass the decoder's blocks on, and say how far it is."""
    for block in decoder.blocks(context.checkpoint):
        yield block
        done_s = decoder.samples / SAMPLE_RATE
        context.progress(min(done_s / total_s, 0.99), decoded_message(done_s, total_s))


def refuse_too_many(seconds: float, settings: Settings) -> None:
    """Raise Misconfigured if there may be more chunks than a task may have children: now, not after an hour of decoding."""
    from workers.engines.cut import most_chunks

    most = most_chunks(seconds, settings.chunk_seconds)
    if most > settings.max_children:
        raise Misconfigured(
            f"{seconds:.0f} s of recording may become {most} chunks of CHUNK_SECONDS={settings.chunk_seconds:g}, "
            f"more than MAX_CHILDREN={settings.max_children} allows; set CHUNK_SECONDS higher"
        )


def wav(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as header:
        header.setnchannels(1)
        header.setsampwidth(SAMPLE_BYTES)
        header.setframerate(SAMPLE_RATE)
        header.writeframes(samples)
    return file.getvalue()


def cut_up(blocks: Iterator[bytes], total_s: float, longest_s: float) -> Iterator[bytes]:
    """Gather blocks into chunks of at most `longest_s`, cut where `place_to_cut` says; what is behind the cut opens the next one.

    The last ones are shorter, so that workers that share them end together; what fits into one chunk stays in one. `total_s` is
    what the recording says of itself.
    """
    from workers.engines.cut import longest_now, place_to_cut

    gathered = bytearray()
    cut_samples = 0
    most_bytes = chunk_bytes(longest_s if total_s <= longest_s else longest_now(total_s, longest_s))
    for block in blocks:
        gathered += block
        while len(gathered) > most_bytes:
            end = place_to_cut(gathered[:most_bytes])
            yield bytes(gathered[: end * SAMPLE_BYTES])
            del gathered[: end * SAMPLE_BYTES]
            cut_samples += end
            most_bytes = chunk_bytes(longest_now(total_s - cut_samples / SAMPLE_RATE, longest_s))
    if gathered:
        yield bytes(gathered)


def chunk_bytes(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE) * SAMPLE_BYTES


def falls_short(seconds: float, declared_s: float) -> bool:
    """Tell whether so much is missing that it cannot be rounding, or the padding that encoders put at both ends."""
    return declared_s - seconds > max(2.0, 0.01 * declared_s)


def patched_warnings(patched_s: float) -> list[str]:
    return [f"{patched_s:.0f} s of the recording are missing or damaged and were taken as silence"] if patched_s >= 1 else []


def decoded_message(done_s: float, total_s: float) -> str:
    if total_s < 120:
        return f"Decoding, {done_s:.0f} of {total_s:.0f} seconds"
    return f"Decoding, {done_s / 60:.0f} of {total_s / 60:.0f} minutes"


class Decoder:
    """The decoding process as its reader sees it. `broken` and `patched_s` are known when `blocks` has ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.samples = 0
        self.broken = False
        self.patched_s = 0.0

    def blocks(self, checkpoint: Callable[[], None]) -> Iterator[bytes]:
        """Yield whole samples as they come, with a checkpoint at least every second. Raises Unplayable with the decoder's own sentence."""
        half = b""
        for data in self.read(checkpoint):
            data = half + data
            whole = len(data) - len(data) % SAMPLE_BYTES
            half = data[whole:]
            self.samples += whole // SAMPLE_BYTES
            yield data[:whole]
        self.conclude()

    def read(self, checkpoint: Callable[[], None]) -> Iterator[bytes]:
        assert self.process.stdout
        heard_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() - heard_at < SILENT_SECONDS:
                checkpoint()
                if selector.select(timeout=1.0):
                    data = os.read(self.process.stdout.fileno(), READ_BYTES)
                    if not data:
                        return
                    yield data
                    heard_at = time.monotonic()  # after the yield: what the reader does with it is not the decoder's time
        self.process.kill()

    def conclude(self) -> None:
        """Read the decoder's last words. Without any it was killed by a limit or by a crash: the recording breaks off there."""
        assert self.process.stderr
        words = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        try:
            told = json.loads(words[-1]) if self.process.wait() == 0 and words else None
        except ValueError:
            told = None
        if told is None:
            self.broken = True
        elif "refused" in told:
            raise Unplayable(told["refused"])
        else:
            self.last_words(told)

    def last_words(self, told: dict[str, Any]) -> None:
        self.broken, self.patched_s = told["broken"], told["patched_s"]


@contextmanager
def decoding(path: Path, settings: Settings, program: str = "workers.engines.decode") -> Iterator[Decoder]:
    """Run the decoder, or another `program` that takes and says the same, on `path`; it is gone when the block ends."""
    cpu_seconds = 120 + int(settings.max_audio_seconds / 5)
    limits = [str(settings.probe_megabytes), str(cpu_seconds), str(settings.max_audio_seconds)]
    process = subprocess.Popen(
        [sys.executable, "-m", program, str(path), *limits],
        cwd=ROOT,
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Decoder(process)
        finally:
            process.kill()
