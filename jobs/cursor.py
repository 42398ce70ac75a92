"""Cursors: small JSON values that a client hands back and must not look into."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from jobs.errors import InvalidSubmission


def pack(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(cursor: str | None, default: Any) -> Any:
    if not cursor:
        return default
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor") from None


def read_offsets(cursor: str | None) -> dict[str, list[int]]:
    """Return, by task, how many items of each child were read, in the order of the children."""
    found = unpack(cursor, {})
    lists = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(offsets, list) and all(type(offset) is int and offset >= 0 for offset in offsets) for offsets in lists):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor")
    return dict(found)


def read_cursor(cursor: str | None) -> tuple[str, set[str]]:
    found = unpack(cursor, ["+inf", []])
    try:
        highest, after = found
        if highest != "+inf" and not math.isfinite(float(highest)):
            raise ValueError(highest)
        return highest, set(after)
    except (TypeError, ValueError):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor") from None


def write_cursor(highest: str, after: set[str]) -> str:
    return pack([highest, sorted(after)])
