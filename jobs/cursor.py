"""Cursors: small values that a client hands back and must not look into. Short enough for an address; refused when none of ours."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

from jobs.errors import InvalidSubmission

MAX_CHARS = 6000  #: a request line has 8,190 bytes; the offsets of 2,000 children take less than this
MAX_BYTES = 1 << 20  #: of what a cursor may unfold to

SCORE = re.compile(r"\+inf|[0-9]{1,20}", re.ASCII)


def pack(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")


def unpack(cursor: str | None, default: Any) -> Any:
    """Return what `pack` was given, or `default` without a cursor. Raises InvalidSubmission."""
    if not cursor:
        return default
    if len(cursor) > MAX_CHARS:
        raise _not_ours()
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), MAX_BYTES)
        if not inflater.eof:
            raise ValueError("cut off, or unfolds to more than any of ours")
        return json.loads(text)
    except (zlib.error, ValueError, RecursionError):  # binascii's and json's errors are ValueErrors
        raise _not_ours() from None


def read_offsets(cursor: str | None) -> dict[str, list[int]]:
    """Return, by task, how many items of each child were read, in the order of the children."""
    found = unpack(cursor, {})
    lists = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(offsets, list) and all(type(offset) is int and offset >= 0 for offset in offsets) for offsets in lists):
        raise _not_ours()
    return dict(found)


def read_number(cursor: str | None) -> int:
    """Return the number where a list goes on that is in the order of numbers."""
    found = unpack(cursor, 0)
    if type(found) is not int or not 0 <= found < 1 << 31:
        raise _not_ours()
    return found


def read_cursor(cursor: str | None) -> tuple[str, set[str]]:
    """Return the score where a list goes on, and the members of that score that were shown."""
    found = unpack(cursor, ["+inf", []])
    match found:
        case [str(highest), list(after)] if SCORE.fullmatch(highest) and all(isinstance(member, str) for member in after):
            return highest, set(after)
    raise _not_ours()


def write_cursor(highest: str, after: set[str]) -> str:
    return pack([highest, sorted(after)])


def _not_ours() -> InvalidSubmission:
    return InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor")
