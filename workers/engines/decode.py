"""A program: decode the sound of a recording to 16 kHz mono 16-bit samples on stdout, as a stream.

    python -m workers.engines.decode PATH MEGABYTES CPU_SECONDS MAX_SECONDS

Ends with one line of JSON on stderr: `{"broken": bool, "patched_s": float}` or `{"refused": sentence}`. `broken` means that the
file itself shows that it was cut off. Samples stand at the recording's own clock: where packets are missing or damaged there is
silence of the same length, so that times in the transcript stay those of a player. Keeps nothing but the frame at hand in memory.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workers.engines.chunks import SAMPLE_BYTES, SAMPLE_RATE
from workers.engines.container import Refused, confine, is_cover, open_recording, sound_track

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

GAP_SECONDS = 0.5  #: the clock of a packet may be off by less without being a gap

#: What FFmpeg logs of a file that ends before its container says so.
ENDS_EARLY = ("File ended prematurely", "partial file")


class Form(NamedTuple):
    """What samples look like when they are put out."""

    format: str  #: as FFmpeg calls it, packed
    layout: str
    rate: int
    bytes: int  #: of one sample of all channels


SPEECH = Form("s16", "mono", SAMPLE_RATE, SAMPLE_BYTES)  #: what speech models take


class Decoder:
    """Decodes one recording; `broken` and `patched_s` are known when `blocks` has ended."""

    def __init__(self, path: Path, max_seconds: float) -> None:
        self.path = path
        self.max_seconds = max_seconds
        self.form = SPEECH
        self.samples = 0  #: put out so far
        self.clock_s = 0.0  #: where in the recording the next frame is expected
        self.patched_s = 0.0  #: of these, silence in the place of what was missing
        self.broken = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the samples as they are decoded. Raises Refused when there are more than `max_seconds` of them."""
        import av

        av.logging.set_level(av.logging.WARNING)
        with av.logging.Capture() as said, open_recording(self.path) as container:
            track = sound_track(container)
            starts_at_s = start_seconds(container, track)
            declared_s = container.duration / av.time_base if container.duration else 0.0
            self.opened(container, track)
            resampling = Resampling(self.form)
            for frame in self.frames(container, track, said):
                if frame.pts is not None and frame.time_base is not None:
                    stands_at_s = float(frame.pts * frame.time_base) - starts_at_s
                    # A clock that jumps beyond the recording's end is not believed.
                    if stands_at_s - self.clock_s >= GAP_SECONDS and stands_at_s <= declared_s:
                        yield from map(self.counted, resampling.flush())
                        yield from map(self.counted, self.silence(stands_at_s - self.clock_s))
                self.clock_s += frame.samples / frame.sample_rate
                yield from map(self.counted, resampling.take(frame))
            yield from map(self.counted, resampling.flush())
            self.broken = self.broken or ends_early(said) or lacks_its_end(self.path, container.format.name)

    def opened(self, container: InputContainer, track: AudioStream) -> None:
        """Choose the form of the samples, now that theirs is known."""

    def damaged(self, at_s: float, seconds: float) -> None:
        """Note that nothing can be heard from there on for so long; for 0 s when only a packet could not be decoded."""

    def frames(self, container: InputContainer, track: AudioStream, said: list[Any]) -> Iterator[AudioFrame]:
        """Decode packet by packet. Damaged packets are passed over; damage that lasts until the end means that it breaks off there."""
        import av

        packets = container.demux(track)
        while True:
            packet = None
            try:
                packet = next(packets)
                damaged = packet.is_corrupt
                frames = packet.decode()
            except (StopIteration, av.EOFError):
                return
            except av.FFmpegError as error:
                if not isinstance(error, av.InvalidDataError):
                    self.broken = True
                    return
                frames, damaged = [], True
            if packet is None or packet.size:  # The last one, which flushes the decoder, is empty and says nothing.
                self.broken = damaged
                if damaged:
                    self.damaged(self.clock_s, 0.0)
            yield from frames
            del said[:-20]

    def silence(self, seconds: float) -> Iterator[bytes]:
        """Yield silence in the place of what is missing."""
        self.damaged(self.clock_s, seconds)
        self.patched_s += seconds
        self.clock_s += seconds
        missing = int(seconds * self.form.rate)
        while missing > 0:
            count = min(missing, self.form.rate)
            yield bytes(count * self.form.bytes)
            missing -= count

    def counted(self, block: bytes) -> bytes:
        self.samples += len(block) // self.form.bytes
        if self.samples > int(self.max_seconds * self.form.rate):
            limit = self.max_seconds
            raise Refused(f"the recording goes on for longer than the {limit:g} s that are accepted (MAX_AUDIO_SECONDS={limit:g})")
        return block


class Resampling:
    """Turns frames of any form into samples. Gathers some seconds at a time: frame by frame takes half as long again."""

    GATHERED_SECONDS = 4

    def __init__(self, wanted: Form = SPEECH) -> None:
        self.wanted = wanted
        self.form: tuple[str, str, int] | None = None

    def take(self, frame: AudioFrame) -> Iterator[bytes]:
        import av

        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self.form:
            yield from self.flush()
            self.form = form
            self.resampler = av.AudioResampler(format=self.wanted.format, layout=self.wanted.layout, rate=self.wanted.rate)
            self.gathered = av.AudioFifo()
        frame.pts = None  # The clock is followed by the decoder; here it would only be found to jump.
        self.gathered.write(frame)
        if self.gathered.samples >= self.GATHERED_SECONDS * frame.sample_rate:
            yield from self.resample(self.gathered.read())

    def flush(self) -> Iterator[bytes]:
        """Yield what is left inside, and forget the form."""
        if self.form:
            self.form = None
            if self.gathered.samples:
                yield from self.resample(self.gathered.read())
            yield from self.resample(None)

    def resample(self, frame: AudioFrame | None) -> Iterator[bytes]:
        for piece in self.resampler.resample(frame):
            yield bytes(piece.planes[0])[: piece.samples * self.wanted.bytes]


def start_seconds(container: InputContainer, track: AudioStream) -> float:
    """Return where the recording's clock starts: with its pictures if it has some, as a player shows it, else with its sound."""
    import av

    if any(not is_cover(stream) for stream in container.streams.video) and container.start_time is not None:
        return container.start_time / av.time_base
    return float(track.start_time * (track.time_base or 0)) if track.start_time is not None else 0.0


def ends_early(said: list[Any]) -> bool:
    return any(sign in message for _, _, message in said for sign in ENDS_EARLY)


def lacks_its_end(path: Path, container_format: str) -> bool:
    """Tell by the file's own structure that bytes are missing at its end, for the containers of which FFmpeg does not say so."""
    with path.open("rb") as file:
        if container_format == "ogg":
            file.seek(max(0, path.stat().st_size - 2 * 65_307))  # the largest page is 65,307 bytes
            return ogg_page_is_cut(file.read())
        if container_format == "wav":
            return wav_is_cut(file.read(4096), path.stat().st_size)
    return False


def ogg_page_is_cut(tail: bytes) -> bool:
    """Tell whether the last page of an Ogg file is incomplete (RFC 3533: 27 bytes of header, a table, what the table adds up to)."""
    start = tail.rfind(b"OggS")
    if start < 0:
        return False
    page = tail[start:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def wav_is_cut(head: bytes, file_bytes: int) -> bool:
    """Tell whether a WAV file is shorter than its data chunk says. Streams say 0 or nearly 4 GiB there, and mean "unknown"."""
    start = head.find(b"data")
    if not head.startswith(b"RIFF") or start < 0 or len(head) < start + 8:
        return False
    (data_bytes,) = struct.unpack_from("<I", head, start + 4)
    return bool(0 < data_bytes < 0x7FFF0000 and start + 8 + data_bytes > file_bytes)


def main(path: str, megabytes: str, cpu_seconds: str, max_seconds: str) -> None:
    confine(megabytes=int(megabytes), cpu_seconds=int(cpu_seconds))
    decoder = Decoder(Path(path), float(max_seconds))
    told: dict[str, object]
    try:
        for block in decoder.blocks():
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
        told = {"broken": decoder.broken, "patched_s": round(decoder.patched_s, 1)}
    except BrokenPipeError:
        os._exit(0)  # Nobody listens any more.
    except Refused as refused:
        told = {"refused": str(refused)}
    print(json.dumps(told), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
