"""Split into `children`, each of which puts out `items`, and note every run of every node in `file`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.model import Spawn


def run(context: Any, inputs: Mapping[str, Any]) -> Any:
    claimed = context.claimed
    payload = claimed.payload
    with Path(payload["file"]).open("a") as file:
        file.write(f"{claimed.node} {claimed.run}\n")
    if claimed.child is None:
        return Spawn(
            ({**payload, "children": 0},) * payload["children"], output={"run": claimed.run}, attempts=claimed.attempts, backoff_s=0
        )
    writer = context.writer()
    for n in range(len(writer.items()), payload["items"]):
        context.progress(n / payload["items"], f"item {n}")
        time.sleep(payload.get("pace_s", 0.0))
        writer.append([{"n": n, "run": claimed.run}])
        context.checkpoint()
    return {"run": claimed.run}
