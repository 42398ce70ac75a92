"""A program: tell the voices of chunks apart with sherpa-onnx.

    python -m workers.engines.speakers_process FOLDER SEGMENTATION EMBEDDING THRESHOLD THREADS

Says `{"loading": name}` for each model, then `{"ready": true}`; or `{"refused": sentence}`. Then for each path of a WAV file on stdin, a
line each, `{"voices": [{"turns": [[start, end], …], "embedding": [number, …]}, …]}`, in seconds of that file. Ends with its stdin. What
sherpa-onnx itself prints goes to stderr: its last line says why it ended the process, which is how it takes a model that lacks something.
"""

from __future__ import annotations

import json
import os
import sys
import wave
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_SECONDS = 60.0  #: of a voice are listened to for its embedding


def main(folder: str, segmentation: str, embedding: str, threshold: str, threads: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    try:
        import sherpa_onnx as sherpa

        tell(loading=embedding)
        config = sherpa.SpeakerEmbeddingExtractorConfig(model=str(Path(folder, embedding)), num_threads=int(threads))
        extractor = sherpa.SpeakerEmbeddingExtractor(config)
        _ = extractor.dim  # of a kind of model it does not know it made nothing: that ends the process here, where its last word says so
        tell(loading=segmentation)
        diarizer = sherpa.OfflineSpeakerDiarization(
            sherpa.OfflineSpeakerDiarizationConfig(
                segmentation=sherpa.OfflineSpeakerSegmentationModelConfig(
                    pyannote=sherpa.OfflineSpeakerSegmentationPyannoteModelConfig(model=str(Path(folder, segmentation))),
                    num_threads=int(threads),
                ),
                embedding=config,
                clustering=sherpa.FastClusteringConfig(num_clusters=-1, threshold=float(threshold)),
            )
        )
    except Exception as error:  # of a native library: it raises RuntimeError and ValueError for everything
        tell(refused=(str(error).strip().splitlines() or [type(error).__name__])[0])
        return
    tell(ready=True)
    for line in sys.stdin:
        tell(voices=voices(diarizer, extractor, samples(line.rstrip("\n"))))


def samples(path: str) -> tuple[NDArray[np.float32], int]:
    with wave.open(path) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
        return np.divide(sound, 32768, dtype=np.float32), file.getframerate()


def voices(diarizer: Any, extractor: Any, sound: tuple[NDArray[np.float32], int]) -> list[dict[str, Any]]:
    """Return each voice's turns and embedding; one too short to have an embedding is left out."""
    heard, rate = sound
    own: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for turn in diarizer.process(heard).sort_by_start_time():
        own[turn.speaker].append((float(turn.start), float(turn.end)))
    found = []
    for _, turns in sorted(own.items()):
        stream = extractor.create_stream()
        left_s = LONGEST_SECONDS
        for start, end in sorted(turns, key=lambda turn: turn[0] - turn[1]):  # the longest ones: they are the surest
            stop = min(end, start + left_s)
            stream.accept_waveform(rate, heard[round(start * rate) : round(stop * rate)])
            left_s -= stop - start
            if left_s <= 0:
                break
        stream.input_finished()
        if extractor.is_ready(stream):
            found.append({"turns": turns, "embedding": [float(number) for number in extractor.compute(stream)]})
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
