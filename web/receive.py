"""Receive a multipart body into a temporary file, and stop reading it the moment it is too large.

Werkzeug's own form parser counts the bytes of the whole body and only if their number was announced; here the
file itself is counted as it streams in, so that a chunked upload is stopped as well. Its decoder of the format is
used as it is. Refuses a file name with a path in it, more than one file, and fields nobody asked for.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flask import Request
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from web.problems import Kind, Problem

READ_BYTES = 64 * 1024
MAX_FIELDS_BYTES = 2_000_000  #: all fields that are not the file, together
MAX_PARTS = 20
MAX_BUFFER_BYTES = 1024 * 1024  #: what one header or the text before the first part may take
MAX_FILENAME_BYTES = 255
#: What a file name may not have: control characters, what turns the direction of text or is not seen, and line ends of Unicode.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  #: of the same class, but Persian and family emoji are written with them
STALE_S = 86_400.0  #: a received file this old was left behind by a process that was killed


SEVERAL = "\n"  #: between the values of a field that may come several times: one whose name ends with []

Check = Callable[[dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Received:
    """A file that came in whole. `path` is gone when the request ends."""

    path: Path
    filename: str
    bytes: int
    sha256: str


@dataclass(slots=True)
class Form:
    file: Received | None = None
    fields: dict[str, str] = field(default_factory=dict)

    def recording(self) -> Received:
        """Return the file. Raises Problem when there was none."""
        if self.file is None:
            raise Problem(Kind.INVALID, "send the recording as a multipart part named `file` that has a file name", field="file")
        return self.file


@contextmanager
def receive(
    request: Request,
    folder: Path,
    *,
    max_file_bytes: int,
    fields: frozenset[str] = frozenset(),
    check_fields: Check | None = None,
    refusal: Exception | None = None,
) -> Iterator[Form]:
    """Read the body of `request` and yield its form; the file in `folder` is removed afterwards, whatever happens.

    `check_fields` is given the fields that came before the file, and may raise what refuses it, unread.
    Raises Problem: TOO_LARGE, or `refusal`, as soon as the file passes `max_file_bytes`, MALFORMED, INVALID.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise Problem(Kind.UNSUPPORTED_MEDIA_TYPE, "send multipart/form-data with a part named `file`")
    refusal = refusal or too_large(max_file_bytes)
    # Announced too large: refused before a byte of it is read. What is not the file has its own bound.
    if (request.content_length or 0) > max_file_bytes + MAX_FIELDS_BYTES + MAX_BUFFER_BYTES:
        raise refusal
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-") as target:
        try:
            form = _read(request, boundary.encode("latin-1"), target, max_file_bytes, refusal, fields, check_fields)
        except ValueError as error:  # the decoder's word for what is not multipart
            raise Problem(Kind.MALFORMED, "the multipart body is broken or was cut off") from error
        target.flush()
        yield form


def sweep(folder: Path, *, now: float | None = None) -> int:
    """Remove what killed processes left in `folder`; return how many files."""
    before = (time.time() if now is None else now) - STALE_S
    removed = 0
    for path in folder.glob("upload-*"):
        with suppress(FileNotFoundError):  # its request ended meanwhile, or another process sweeps as well
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def too_large(max_file_bytes: int) -> Problem:
    detail = f"the file is larger than MAX_UPLOAD_BYTES={max_file_bytes} allows; send a shorter or a compressed recording"
    return Problem(Kind.TOO_LARGE, detail, field="file", limit=max_file_bytes)


def _read(
    request: Request,
    boundary: bytes,
    target: IO[bytes],
    max_file_bytes: int,
    refusal: Exception,
    allowed: frozenset[str],
    check_fields: Check | None,
) -> Form:
    decoder = MultipartDecoder(boundary, max_form_memory_size=MAX_BUFFER_BYTES, max_parts=MAX_PARTS)
    form = Form()
    digest = hashlib.sha256()
    part: File | Field | None = None
    text = bytearray()
    file_bytes = fields_bytes = 0
    while True:
        match decoder.next_event():
            case NeedData():
                decoder.receive_data(_read_piece(request) or None)
            case File() as part if part.filename:
                _check_file(part, form)
                if check_fields:
                    check_fields(form.fields)
            case File() | Field() as part:  # a browser sends a part without a file name when no file was chosen
                _check_field(part, form, allowed)
                text.clear()
            case Data(data=data) as event if isinstance(part, File) and part.filename:
                file_bytes += len(data)
                if file_bytes > max_file_bytes:
                    raise refusal
                target.write(data)
                digest.update(data)
                if not event.more_data:
                    form.file = Received(Path(target.name), part.filename, file_bytes, digest.hexdigest())
            case Data(data=data) as event:
                fields_bytes += len(data)
                if fields_bytes > MAX_FIELDS_BYTES:
                    raise Problem(Kind.TOO_LARGE, f"the fields beside the file pass {MAX_FIELDS_BYTES} bytes", limit=MAX_FIELDS_BYTES)
                text += data
                if not event.more_data and isinstance(part, Field):
                    before = f"{form.fields[part.name]}{SEVERAL}" if part.name in form.fields else ""
                    form.fields[part.name] = before + text.decode()
            case Epilogue():
                return form


def _read_piece(request: Request) -> bytes:
    try:
        return request.stream.read(READ_BYTES)
    except Exception as error:  # each server has words of its own for a body that is cut off, or not in chunks as it says
        raise Problem(Kind.MALFORMED, "the body was cut off") from error


def _check_file(part: File, form: Form) -> None:
    if part.name != "file":
        raise Problem(Kind.INVALID, f"the recording belongs in a part named `file`, not {part.name!r}", field=part.name or "file")
    if form.file is not None:
        raise Problem(Kind.INVALID, "send one file at a time", field="file")
    check_filename(part.filename)
    # The decoder takes backslashes for escapes and drops them, so they are looked for in the header itself.
    if re.search(r'\\(?!")', part.headers["content-disposition"]):
        raise _bad_filename("it has a path in it")


def _check_field(part: File | Field, form: Form, allowed: frozenset[str]) -> None:
    if part.name == "file" and isinstance(part, Field):
        raise Problem(Kind.INVALID, "the part `file` is a plain field; send the recording in it with a file name", field="file")
    if part.name == "file":
        return  # no file name: as good as absent, and said so by `Form.recording`
    if part.name not in allowed:
        known = ", ".join(sorted(allowed | {"file"}))
        raise Problem(Kind.INVALID, f"unknown field {part.name!r}; known are {known}", field=part.name or None)
    if part.name in form.fields and not part.name.endswith("[]"):
        raise Problem(Kind.INVALID, f"the field {part.name!r} was sent twice", field=part.name)


def check_filename(filename: str) -> None:
    """Refuse a name that is a path, could be taken for one, or does not fit a file system."""
    if re.search(r"[/\\]", filename) or filename in (".", ".."):
        raise _bad_filename("it has a path in it")
    if any(unicodedata.category(character) in UNSEEN and character not in JOINERS for character in filename):
        raise _bad_filename("it has a character in it that cannot be seen, or a control character")
    if len(filename.encode()) > MAX_FILENAME_BYTES:
        raise Problem(
            Kind.INVALID, f"the file name is longer than {MAX_FILENAME_BYTES} bytes; shorten it", field="file", limit=MAX_FILENAME_BYTES
        )


def _bad_filename(why: str) -> Problem:
    return Problem(Kind.INVALID, f"the file name is not acceptable: {why}; send the bare name", field="file")
