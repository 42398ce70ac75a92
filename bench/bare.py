"""Transcribe with faster-whisper and nothing else: `python -m bench.bare MODEL SHORT LONG`. Prints what it took as JSON.

The options are those of Lectern's own engine. The short recording comes first, so that everything is loaded before it counts.
"""

from __future__ import annotations

import json
import os
import sys
import time

from faster_whisper import WhisperModel


def main(model_folder: str, short: str, long: str) -> None:
    model = WhisperModel(model_folder, device="cpu", compute_type="int8", cpu_threads=1)
    words(model, short)
    wall, before = time.monotonic(), os.times()
    heard = words(model, long)
    took = os.times()
    user_s, system_s = took.user - before.user, took.system - before.system
    print(json.dumps({"wall_s": time.monotonic() - wall, "cpu_s": user_s + system_s, "system_s": system_s, "words": heard}))


def words(model: WhisperModel, path: str) -> int:
    segments, _ = model.transcribe(path, language="en", temperature=0.0, condition_on_previous_text=False, vad_filter=True)
    return sum(len(segment.text.split()) for segment in segments)


if __name__ == "__main__":
    main(*sys.argv[1:])
