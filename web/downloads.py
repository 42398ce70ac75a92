"""Send a file from storage, in ranges if asked for, under a name that tells whose it is. Knows nothing of who may have it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from urllib.parse import quote

from flask import Response, request
from werkzeug.datastructures import Headers
from werkzeug.http import dump_options_header, is_resource_modified, parse_range_header, quote_etag

from web.backend import backend
from web.problems import Kind, Problem

#: A player that asks for "all from here" gets so much: it asks again when it has played that, and no thread of ours waits for it.
PLAYER_BYTES = 4 << 20
PLAYED_AS = frozenset({"audio", "video"})

#: What a browser may show in place: sound and pictures that move, and not even those with a script beside them.
INLINE = re.compile(r"(?:audio|video)/[a-z0-9.+-]+")
#: No script, no form, no frame; but of the same origin still: a browser's own player asks for the file from within the sandbox.
SANDBOX = "; ".join(("default-src 'none'", "media-src 'self'", "style-src 'unsafe-inline'", "sandbox allow-same-origin"))

MAX_STEM_BYTES = 150  #: file systems take 255 for the whole name
ENDING = re.compile(r"\.(?:[A-Za-z][A-Za-z0-9]{0,4}|3gp|3g2)$")
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  #: some file system or other refuses these


def send(key: str, *, media_type: str, filename: str, inline: bool = False) -> Response:
    """Answer 200 with the whole of a file, 206 with one range, 304 or 416. Several ranges at once get the whole.

    It is an attachment; with `inline` a recording is not. The key stands for the bytes: it must never be written twice.
    """
    total = backend().storage.size(key)
    headers = Headers({"ETag": quote_etag(key.replace("/", "-")), "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"})
    if not is_resource_modified(request.environ, etag=headers["ETag"]):
        return Response(status=304, headers=headers)
    span = asked_range(total, headers["ETag"])
    start, end = span or (0, total)
    headers["Content-Length"] = str(end - start)
    headers["Content-Type"] = media_type
    shown = inline and INLINE.fullmatch(media_type)
    headers["Content-Disposition"] = disposition("inline" if shown else "attachment", filename)
    if inline:
        headers["Content-Security-Policy"] = SANDBOX
    if span:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    chunks = iter(()) if request.method == "HEAD" else backend().storage.read(key, start, end)
    return Response(chunks, 206 if span else 200, headers)


def asked_range(total: int, etag: str) -> tuple[int, int] | None:
    """Return the range asked for as (start, end), end exclusive; None for the whole. Raises Problem 416."""
    asked = parse_range_header(request.headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None  # it is not the file that the client has the other part of
    span = asked.range_for_length(total)
    if span is None:
        detail = f"the file has {total} bytes"
        raise Problem(Kind.RANGE_NOT_SATISFIABLE, detail, limit=total, headers={"Content-Range": f"bytes */{total}"})
    start, end = span
    if asked.ranges[0][1] is None and request.headers.get("Sec-Fetch-Dest") in PLAYED_AS:
        end = min(end, start + PLAYER_BYTES)
    return start, end


def disposition(kind: str, filename: str) -> str:
    """Return Content-Disposition for a name in any script (RFC 6266): plain letters for old clients, UTF-8 for the others."""
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    names = {"filename": plain or "download"}
    if plain != filename:
        names["filename*"] = f"UTF-8''{quote(filename, safe='')}"
    return dump_options_header(kind, names)


def named_after(title: str, name: str) -> str:
    """Return what an artifact is saved as: `lecture-3.ogg`, `transcript.srt` → `lecture-3 transcript.srt`."""
    stem = UNSAFE.sub("_", ENDING.sub("", PurePath(title).name)).strip(" .")
    stem = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip()
    return f"{stem} {name}" if stem else name
