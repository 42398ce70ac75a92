"""Write `bytes` into storage at once (`to: put`) or piece by piece (`to: writer`), or into the scratch folder (`to: scratch`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> Any:
    payload = context.claimed.payload
    data = bytes(payload["bytes"])
    key = context.key("result.bin")
    match payload["to"]:
        case "put":
            context.storage.put_bytes(key, data)
        case "writer":
            with context.storage.writer(key) as file:
                for first in range(0, len(data), 65536):
                    file.write(data[first : first + 65536])
        case "scratch":
            (context.scratch / "large").write_bytes(data)
            return None
    return {"artifacts": [{"name": "result.bin", "bytes": len(data), "media_type": "application/octet-stream", "key": key}]}
