"""A program: decode a recording as it is, at its own rate and in one or two channels, as 32-bit samples on stdout.

    python -m workers.engines.checks.decode PATH MEGABYTES CPU_SECONDS MAX_SECONDS

First one line of JSON that describes the recording, then the samples. Ends, as `workers.engines.decode` does, with a line of JSON on
stderr: `{"broken", "patched_s", "damage"}` or `{"refused": sentence}`. Limited like that one, and gone when who started it is.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.engines.checks.leash import die_with
from workers.engines.container import Refused, confine, names
from workers.engines.decode import Decoder, Form

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

HIGHEST_RATE = 48_000  #: nothing that is checked lies above what this rate holds
LOWEST_RATE = 4_000
SAMPLE_BYTES = 4
MOST_STRETCHES = 200
NEAR_S = 0.5  #: damage so close to the last counts as the same stretch


class WholeDecoder(Decoder):
    """Keeps rate and channels (more than two are mixed down to two), and notes where the file is damaged."""

    stretches: list[list[float]]

    def opened(self, container: InputContainer, track: AudioStream) -> None:
        import av

        codec = track.codec_context
        channels = 1 if codec.channels == 1 else 2
        rate = min(max(codec.sample_rate, LOWEST_RATE), HIGHEST_RATE)
        self.form = Form("flt", "mono" if channels == 1 else "stereo", rate, SAMPLE_BYTES * channels)
        self.stretches = []
        name, codec_name, media_type = names(container, track)
        declared = float(track.duration * (track.time_base or 0)) if track.duration else 0.0
        told: dict[str, Any] = {
            "rate": rate,
            "channels": channels,
            "declared_s": declared or (container.duration / av.time_base if container.duration else 0.0),
            "recording": {
                "format": name,
                "codec": codec_name,
                "media_type": media_type,
                "channels": codec.channels,
                "sample_rate": codec.sample_rate,
            },
        }
        sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
        sys.stdout.buffer.flush()

    def damaged(self, at_s: float, seconds: float) -> None:
        last = self.stretches[-1] if self.stretches else None
        if last and at_s <= last[1] + NEAR_S:
            last[1] = max(last[1], at_s + seconds)
        elif len(self.stretches) < MOST_STRETCHES:
            self.stretches.append([at_s, at_s + seconds])


def main(path: str, megabytes: str, cpu_seconds: str, max_seconds: str) -> None:
    die_with(os.getppid())
    confine(megabytes=int(megabytes), cpu_seconds=int(cpu_seconds))
    decoder = WholeDecoder(Path(path), float(max_seconds))
    told: dict[str, object]
    try:
        for block in decoder.blocks():
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
        damage = [[round(start, 2), round(end, 2)] for start, end in decoder.stretches]
        told = {"broken": decoder.broken, "patched_s": round(decoder.patched_s, 1), "damage": damage}
    except BrokenPipeError:
        os._exit(0)  # Nobody listens any more.
    except Refused as refused:
        told = {"refused": str(refused)}
    print(json.dumps(told), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
