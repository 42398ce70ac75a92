"""Two ONNX models of a few kilobytes that sherpa-onnx takes for a segmentation and an embedding model, written by hand.

The segmentation hears two speakers: one hums at 300 Hz, the other at 2000 Hz. The embedding is the mean spectrum. Only the fields of
ONNX's protobuf messages that are needed are written, by their numbers in onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FLOAT, INT64 = 1, 7
WINDOW, FIELD, SHIFT = 160_000, 991, 270  #: of pyannote's segmentation-3.0
TONES_HZ = (300.0, 2000.0)


def varint(n: int) -> bytes:
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, array: Any) -> bytes:
    return b"".join(field(1, n) for n in array.shape) + field(2, FLOAT) + field(8, name) + field(9, array.astype("<f4").tobytes())


def node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> bytes:
    told = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, op)
    for name, value in attributes.items():
        ints = value if isinstance(value, list) else [value]
        kind = field(20, 7) if isinstance(value, list) else field(20, 2)
        told += field(5, field(1, name) + b"".join(field(8 if isinstance(value, list) else 3, n) for n in ints) + kind)
    return told


def value(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def model(graph: bytes, told: Mapping[str, Any]) -> bytes:
    notes = b"".join(field(14, field(1, key) + field(2, str(text))) for key, text in told.items())
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)) + notes


def segmentation(**changed: Any) -> bytes:
    """Return the model; keywords change what it says of itself, None leaves that out."""
    at = np.arange(FIELD) / 16_000
    filters = np.stack([wave(2 * np.pi * hz * at) * np.hanning(FIELD) / FIELD for hz in TONES_HZ for wave in (np.cos, np.sin)])[:, None, :]
    choose = np.zeros((7, 4, 1))
    choose[1, :2], choose[2, 2:] = 1.0, 1.0
    graph = (
        field(1, node("Conv", ["x", "filters"], "heard", kernel_shape=[FIELD], strides=[SHIFT]))
        + field(1, node("Mul", ["heard", "heard"], "power"))
        + field(1, node("Conv", ["power", "choose", "bias"], "scores", kernel_shape=[1]))
        + field(1, node("Transpose", ["scores"], "y", perm=[0, 2, 1]))
        + field(2, "segmentation")
        + field(5, tensor("filters", filters))
        + field(5, tensor("choose", choose))
        + field(5, tensor("bias", np.array([1e-4, 0, 0, -1, -1, -1, -1])))
        + field(11, value("x", ["n", 1, "samples"]))
        + field(12, value("y", ["n", "frames", 7]))
    )
    told = {
        "num_classes": 7, "num_speakers": 3, "powerset_max_classes": 2, "receptive_field_size": FIELD, "receptive_field_shift": SHIFT,
        "sample_rate": 16_000, "window_size": WINDOW, "model_type": "pyannote-segmentation-3.0",
    } | changed  # fmt: skip
    return model(graph, {key: text for key, text in told.items() if text is not None})


def embedding(**changed: Any) -> bytes:
    graph = (
        field(1, node("ReduceMean", ["x"], "mean", axes=[1], keepdims=0))
        + field(1, node("ReduceMean", ["mean"], "level", axes=[1], keepdims=1))
        + field(1, node("Sub", ["mean", "level"], "y"))
        + field(2, "embedding")
        + field(11, value("x", ["n", "frames", 80]))
        + field(12, value("y", ["n", 80]))
    )
    told = {
        "framework": "wespeaker", "language": "English", "url": "none", "comment": "by hand", "sample_rate": 16_000, "output_dim": 80,
        "normalize_samples": 1, "feature_normalize_type": "",
    } | changed  # fmt: skip
    return model(graph, {key: text for key, text in told.items() if text is not None})


def put(folder: Path, **files: bytes) -> Path:
    """Write both models into `folder`, or what `files` names instead."""
    folder.mkdir(exist_ok=True)
    for name, data in {"segmentation": segmentation(), "embedding": embedding(), **files}.items():
        (folder / f"{name}.onnx").write_bytes(data)
    return folder
