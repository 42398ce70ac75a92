"""Where a command or an answer ends in a stream of bytes, by Redis's protocol (RESP2 and 3)."""

from __future__ import annotations

_COUNTED = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}  #: values for each one that is counted
_SIZED = frozenset((b"$", b"=", b"!"))


def end_of(data: bytes, at: int = 0) -> int | None:
    """Return where the value that begins at `at` ends; None when it is not all there."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind, end = data[at : at + 1], line + 2
    if kind in _SIZED:
        size = int(data[at + 1 : line])
        end += size + 2 if size >= 0 else 0
        return end if end <= len(data) else None
    for _ in range(int(data[at + 1 : line]) * _COUNTED[kind] if kind in _COUNTED else 0):
        inner = end_of(data, end)
        if inner is None:
            return None
        end = inner
    return end_of(data, end) if kind == b"|" else end  # an attribute stands before what it is about


def words_of(command: bytes) -> list[bytes]:
    """Return the words of one command, as clients send it: a list of strings of known size."""
    words = []
    at = command.index(b"\r\n") + 2
    while at < len(command):
        line = command.index(b"\r\n", at)
        size = int(command[at + 1 : line])
        words.append(command[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
    return words
