"""Read Redis's append-only file: every write there was, in order. Knows the file, not what was written.

A script's writes stand between MULTI and EXEC, all or nothing, as Redis carried them out (effects, not the script's text).
Nothing of it may have been rewritten, or the past is gone: start the server with `auto-aof-rewrite-percentage 0`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

Command = list[bytes]


def read(folder: Path) -> bytes:
    """Return the whole log of the server whose files lie in `folder`: one file, or Redis 7's increments in order."""
    parts = sorted((folder / "appendonlydir").glob("*.incr.aof"), key=lambda part: int(part.name.split(".")[-3]))
    return b"".join(part.read_bytes() for part in parts or [folder / "appendonly.aof"])


def commands(log: bytes) -> Iterator[Command]:
    """Yield the commands of `log`. Raises ValueError where it is no log; one cut off at its very end was never answered for."""
    at, end = 0, len(log)
    while at < end:
        line_end = log.find(b"\r\n", at)
        if line_end < 0:
            return
        if log[at] == 35:  # '#': an annotation, as a time
            at = line_end + 2
            continue
        if log[at] != 42:  # '*'
            raise ValueError(f"no command at byte {at} of the log: {log[at : at + 40]!r}")
        words: Command = []
        count, at = int(log[at + 1 : line_end]), line_end + 2
        for _ in range(count):
            line_end = log.find(b"\r\n", at)
            if line_end < 0:
                return
            begin = line_end + 2
            at = begin + int(log[at + 1 : line_end]) + 2
            if at > end:
                return
            words.append(log[begin : at - 2])
        yield words


def transactions(log: bytes) -> Iterator[list[Command]]:
    """Yield what was written at one stroke: what stands between MULTI and EXEC, or a single command. One never closed is left out."""
    together: list[Command] | None = None
    for command in commands(log):
        name = command[0].upper()
        if name == b"MULTI":
            together = []
        elif name == b"EXEC":
            if together:
                yield together
            together = None
        elif together is not None:
            together.append(command)
        elif name != b"SELECT":
            yield [command]
