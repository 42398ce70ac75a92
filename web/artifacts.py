"""GET /api/jobs/<id>/artifacts/<name>: what a job has made, streamed from storage, in ranges if asked for."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers
from werkzeug.http import is_resource_modified, parse_range_header, quote_etag

from jobs import show
from jobs.errors import NotFound
from web.auth import person
from web.backend import backend
from web.openapi.describing import ETAG, IF_NONE_MATCH, Answer, Header, describes
from web.problems import Kind, Problem
from web.status import status_of

routes = Blueprint("artifacts", __name__)


RANGE = Header("Range", "one range of bytes: `bytes=0-99`; several at once get the whole")
IF_RANGE = Header("If-Range", "the ETag of what the client has a part of; else it gets the whole")
SENT = [ETAG, Header("Content-Disposition", "`attachment`, and the file's name")]


@routes.get("/api/jobs/<job:job_id>/artifacts/<name>")
@describes(
    "Download what a job has made",
    headers=[RANGE, IF_RANGE, IF_NONE_MATCH],
    answers={
        200: Answer("The file", {"*/*": None}, SENT),
        206: Answer("A part of it", {"*/*": None}, [*SENT, Header("Content-Range", "which part, and of how many bytes")]),
        304: Answer("It is as it was", headers=[ETAG]),
    },
    refuses=[Kind.RANGE_NOT_SATISFIABLE],
)
def artifact(job_id: str, name: str) -> Response:
    """Answer 200 with the whole, 206 with one range, 304 or 416. Several ranges at once get the whole."""
    status_of(backend(), person(), job_id)
    found = next((entry for entry in show.artifacts(backend().store, job_id) if entry["name"] == name), None)
    if found is None:
        raise NotFound(f"job {job_id} has no artifact {name}; its status lists those there are")
    total = backend().storage.size(found["key"])
    # A run's key is never written twice, so it stands for the bytes.
    headers = Headers({"ETag": quote_etag(found["key"].replace("/", "-")), "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"})
    if not is_resource_modified(request.environ, etag=headers["ETag"]):
        return Response(status=304, headers=headers)
    span = _asked_range(total, headers["ETag"])
    start, end = span or (0, total)
    headers["Content-Length"] = str(end - start)
    headers["Content-Type"] = found["media_type"]
    headers.set("Content-Disposition", "attachment", filename=name)
    if span:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    chunks = iter(()) if request.method == "HEAD" else backend().storage.read(found["key"], start, end)
    return Response(chunks, 206 if span else 200, headers)


def _asked_range(total: int, etag: str) -> tuple[int, int] | None:
    """Return the range asked for as (start, end), end exclusive; None for the whole. Raises Problem 416."""
    asked = parse_range_header(request.headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None  # it is not the file that the client has the other part of
    span = asked.range_for_length(total)
    if span is None:
        detail = f"the artifact has {total} bytes"
        raise Problem(Kind.RANGE_NOT_SATISFIABLE, detail, limit=total, headers={"Content-Range": f"bytes */{total}"})
    return span
