"""Cursors come back from anybody: long ones fit an address, crafted ones are refused."""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any

import pytest

from jobs.cursor import MAX_BYTES, MAX_CHARS, pack, read_cursor, read_offsets, write_cursor
from jobs.errors import InvalidSubmission


def packed(text: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text)).decode().rstrip("=")


def test_what_was_read_of_two_thousand_children_fits_a_request_line() -> None:
    offsets = {"transcribe": [random.Random(n).randrange(1000) for n in range(2000)]}

    cursor = pack(offsets)

    assert len(cursor) <= MAX_CHARS
    assert read_offsets(cursor) == offsets


def test_a_place_in_a_list_comes_back_as_it_was() -> None:
    assert read_cursor(write_cursor("1800000000000000", {"b", "a"})) == ("1800000000000000", {"a", "b"})
    assert read_cursor(None) == read_cursor("") == ("+inf", set())


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"[true,[]]",
        b'[" 5 ",[]]',
        b'["nan",[]]',
        b'["1e5",[]]',
        b'["-inf",[]]',
        b'["5",[1]]',
        b'["5",[["a"]]]',
        b'["5","ab"]',
        b"[5,[]]",
        b'["5"]',
        b"null",
        b"{}",
        b'["\xd9\xa5",[]]',
        b"no JSON",
        b"",
        b'["5",[]]' + b" " * MAX_BYTES,
    ],
    ids=lambda text: text[:20].decode(),
)
def test_a_crafted_place_in_a_list_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidSubmission, match="cursor"):
        read_cursor(packed(text))


@pytest.mark.parametrize("value", [[], None, {"a": 1}, {"a": [-1]}, {"a": [True]}, {"a": ["1"]}, {"a": [1.5]}, {"a": {}}])
def test_crafted_offsets_are_refused(value: Any) -> None:
    with pytest.raises(InvalidSubmission, match="cursor"):
        read_offsets(pack(value))


@pytest.mark.parametrize("cursor", ["!", "\N{SNOWMAN}", "nonsense", "e30", "A" * (MAX_CHARS + 1), pack({"a": [1]})[:-6]])
def test_what_no_server_of_ours_wrote_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidSubmission, match="cursor"):
        read_offsets(cursor)
