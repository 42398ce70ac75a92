"""Put a file into storage, half and then whole, and give it as an artifact. The first run waits in between until `go` exists.

It never looks whether it still counts: what it does late, it does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run(context: Any, inputs: Mapping[str, Any]) -> Any:
    claimed = context.claimed
    key = context.key("result.txt")
    context.storage.put_bytes(key, b"half")
    context.progress(0.5, "half of it is there")
    while claimed.attempt == 1 and not Path(claimed.payload["go"]).exists():
        time.sleep(0.02)
    whole = claimed.run.encode()
    context.storage.put_bytes(key, whole)
    return {"artifacts": [{"name": "result.txt", "bytes": len(whole), "media_type": "text/plain", "key": key}]}
