"""A program: say in one line of JSON what the recording at a path is, or why it is refused.

    python -m workers.engines.probe PATH MEGABYTES SECONDS

Opens a file that anybody may have made, so it first limits itself; whoever starts it (`jobs.probe`) limits its wall time. It
decodes no more than it takes to see that there is sound, and reads on to the end only where the header does not say how long it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workers.engines.container import Refused, confine, names, open_recording, sound_track

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

#: What FFmpeg logs when the duration in its hands is a guess: bytes divided by the bit rate of the first packets.
GUESSED = "Estimating duration from bitrate"
PACKETS_TO_TRY = 500  #: packets in which there must be one that can be decoded

EMPTY = "the recording is empty: it is zero seconds long"
NOT_DECODED = "the file is damaged, or not a recording: nothing of its sound can be decoded"


def examine(path: Path) -> dict[str, object]:
    """Return the fields of `jobs.probe.Probe`. Raises Refused."""
    import av

    av.logging.set_level(av.logging.WARNING)
    with av.logging.Capture() as said, open_recording(path) as container:
        track = sound_track(container)
        listen(container, track)
        guessed = any(GUESSED in message for _, _, message in said)
        seconds = 0.0 if guessed else declared_seconds(container, track)
        if seconds <= 0:
            seconds = counted_seconds(path)
        if seconds <= 0:
            raise Refused(EMPTY)
        name, codec, media_type = names(container, track)
        return {
            "format": name,
            "codec": codec,
            "seconds": round(seconds, 3),
            "channels": track.codec_context.channels,
            "sample_rate": track.codec_context.sample_rate,
            "media_type": media_type,
        }


def listen(container: InputContainer, track: AudioStream) -> None:
    """Decode until a first frame comes out. Raises Refused if there is nothing, or nothing that can be decoded."""
    import av

    packets = 0
    try:
        for packet in container.demux(track):
            packets += bool(packet.size)
            try:
                if any(frame.samples for frame in packet.decode()):
                    return
            except av.FFmpegError:
                pass  # A damaged packet at the start says nothing of the next.
            if packets >= PACKETS_TO_TRY:
                break
    except av.FFmpegError:
        pass
    raise Refused(NOT_DECODED if packets else EMPTY)


def declared_seconds(container: InputContainer, track: AudioStream) -> float:
    """Return how long the header says the sound is; 0 if it does not say."""
    import av

    if track.duration:
        return float(track.duration * (track.time_base or 0))
    return container.duration / av.time_base if container.duration else 0.0


def counted_seconds(path: Path) -> float:
    """Read every packet of the sound track and return how long they are together."""
    import av

    with open_recording(path) as container:
        track = sound_track(container)
        first, last, lengths = None, 0, 0
        try:
            for packet in container.demux(track):
                lengths += packet.duration or 0
                if packet.pts is not None:
                    first = packet.pts if first is None else first
                    last = max(last, packet.pts + (packet.duration or 0))
        except av.FFmpegError:
            pass  # What came before the damage counts; prepare tells where it broke off.
        return float((lengths if first is None else last - first) * (track.time_base or 0))


def main(path: str, megabytes: str, seconds: str) -> None:
    confine(megabytes=int(megabytes), cpu_seconds=int(seconds))
    try:
        told = examine(Path(path))
    except Refused as refused:
        told = {"refused": str(refused)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
