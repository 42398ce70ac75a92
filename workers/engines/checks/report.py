"""Tell what was found in all recordings: a table for spreadsheets, JSON for programs, a page with pictures for people, a ZIP of it all.

report.json:

    {"version": 1, "job", "verdicts": {verdict: count}, "provenance": {"engine", "method", "version", "settings", "third_party"},
     "recordings": [{"filename", "verdict", "remarks": [{"about", "weight", "text"}], "found": {…} or null, "picture": name or null}, …]}

`found` is null where nothing could be listened to.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, cast

from workers.engines.checks import meter, page, verdict
from workers.engines.checks.picture import STYLE

if TYPE_CHECKING:
    from workers.context import Context

PACKAGE = "package.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  #: the earliest time that a ZIP can name; stands for "none"

PROVENANCE = {
    "engine": "quality",
    "method": "loudness by ITU-R BS.1770 and EBU R 128, true peak by fourfold oversampling, levels of tenths of a second",
    "version": "1",
    "settings": {"silent_below_dbfs": meter.SILENT_DBFS, "target_lufs": verdict.TARGET_LUFS},
    "third_party": None,
}

#: Columns of the table: name, what it holds of `found`.
COLUMNS = (
    "seconds", "format", "codec", "sample_rate", "channels", "loudness_lufs", "loudness_range_lu", "true_peak_dbtp", "sample_peak_dbfs",
    "clipped_seconds", "noise_floor_dbfs", "signal_to_noise_db", "silent_share", "longest_silence_s", "bandwidth_hz", "correlation",
    "breaks_off", "missing_s",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  #: what spreadsheets take for one at the beginning of a text


def write(context: Context, recordings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the report into storage and return it, and the pictures that are there already, as artifacts."""
    context.progress(0.99, "Writing the report")
    pictures = [one["picture"] for one in recordings if one.get("picture")]
    artifacts = [
        put(context, "report.html", "text/html; charset=utf-8", page_of(context, recordings)),
        put(context, "report.json", "application/json", iter([as_json(context.claimed.job, recordings)])),
        put(context, "report.csv", "text/csv; charset=utf-8", iter([table(recordings)])),
    ]
    return [*artifacts, pack(context, [*artifacts, *pictures]), *pictures]


def put(context: Context, name: str, media_type: str, pieces: Iterator[bytes]) -> dict[str, Any]:
    key, size = context.key(name), 0
    with context.storage.writer(key) as file:
        for piece in pieces:
            size += file.write(piece)
    return {"name": name, "bytes": size, "media_type": media_type, "key": key}


def as_json(job: str, recordings: Sequence[dict[str, Any]]) -> bytes:
    told = [
        {
            "filename": one["filename"],
            "verdict": one["verdict"],
            "remarks": one["remarks"],
            "found": one["found"],
            "picture": one["picture"]["name"] if one.get("picture") else None,
        }
        for one in recordings
    ]
    counts = {name: sum(one["verdict"] == name for one in recordings) for name in verdict.VERDICTS}
    whole = {"version": 1, "job": job, "verdicts": counts, "provenance": PROVENANCE, "recordings": told}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def table(recordings: Sequence[dict[str, Any]]) -> bytes:
    """Return the table as CSV, with the mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["filename", "verdict", *COLUMNS, "remarks"])
    for one in recordings:
        found = one["found"] or {}
        cells = ["" if found.get(name) is None else found[name] for name in COLUMNS]
        said = "; ".join(remark["text"] for remark in one["remarks"])
        writer.writerow([harmless(one["filename"]), one["verdict"], *cells, harmless(said)])
    return text.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(FORMULA) else text


def page_of(context: Context, recordings: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the page, with one picture at a time in memory."""
    yield page.head(recordings).encode()
    for n, one in enumerate(recordings):
        drawn = ""
        if one.get("picture"):
            drawn = context.storage.get_bytes(one["picture"]["key"]).decode().replace(STYLE, "")
        yield page.section(n, one, drawn).encode()
        context.checkpoint()
    yield page.foot().encode()


def pack(context: Context, artifacts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put all files into a ZIP, which is the same, byte for byte, for the same files."""
    key = context.key(PACKAGE)
    with context.storage.writer(key) as file, zipfile.ZipFile(cast("IO[bytes]", file), "w") as package:
        for artifact in artifacts:
            entry = zipfile.ZipInfo(artifact["name"], EPOCH)
            entry.compress_type, entry.external_attr, entry.file_size = zipfile.ZIP_DEFLATED, 0o644 << 16, artifact["bytes"]
            with package.open(entry, "w") as target:
                for piece in context.storage.read(artifact["key"]):
                    target.write(piece)
            context.checkpoint()
    return {"name": PACKAGE, "bytes": context.storage.size(key), "media_type": "application/zip", "key": key}
