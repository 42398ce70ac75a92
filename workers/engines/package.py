"""Pack the files of several finished jobs into one ZIP: a folder for each job, `manifest.json` for all, `SHA256SUMS` to check it with.

Written as a stream, straight into storage. The same jobs give the same ZIP, byte for byte, whichever job packs them. What a job has
packed by itself is left out where its files are there anyway. A job that was deleted meanwhile, runs again or has no files is left
out with a warning.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

from jobs.errors import NotFound
from jobs.model import Failed
from jobs.view import iso, told_artifacts
from workers.engines.packing import NAME, add_artifact, asked_for, close, third_parties

if TYPE_CHECKING:
    from jobs.model import JobView
    from workers.context import Context

UNSAFE = re.compile(r"[^\w .,()+=@-]+")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices, for Windows
ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
NAME_CHARACTERS = 80
KNOWN = ("title", "language", "model", "versions", "segments", "words", "parameters", "steps", "skipped")


@dataclass
class Names:
    """Names in one folder: safe on every system, and different also where case does not count."""

    taken: set[str] = field(default_factory=set)

    def take(self, wanted: str) -> str:
        name, n = safe(wanted), 1
        stem, ending = split(name)
        while name.casefold() in self.taken:
            n += 1
            name = f"{stem} ({n}){ending}"
        self.taken.add(name.casefold())
        return name


def split(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and that: `("notes", ".md")`."""
    found = ENDING.search(name)
    return (name[: found.start()], found[0]) if found and found.start() else (name, "")


def safe(name: str) -> str:
    """Return `name` without what a system takes for something else; never empty."""
    plain = UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")[:NAME_CHARACTERS].strip(" .")
    return f"_{plain}" if not plain or RESERVED.fullmatch(plain) else plain


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any] | Failed:
    """Return the package as the only artifact, and what was left out of it."""
    jobs, left_out = found(context)
    key = context.key(NAME)
    folders = Names({"manifest.json", "sha256sums"})
    total = sum(artifact["bytes"] for _, artifacts in jobs for artifact in artifacts)
    packed, files, done = [], [], 0
    if not jobs:
        return Failed(f"there is nothing to pack: {'; '.join(left_out)}", final=True)
    with context.storage.writer(key) as file, zipfile.ZipFile(cast("IO[bytes]", file), "w") as package:
        for job, artifacts in jobs:
            folder, names, of_job = folders.take(title_of(job)), Names(), []
            for artifact in artifacts:
                context.progress(done / total if total else 0.0, f"Packing {folder}")
                try:
                    of_job.append(add_artifact(context, package, f"{folder}/{names.take(artifact['name'])}", artifact))
                except NotFound:  # the job was deleted this moment
                    left_out.append(f"{artifact['name']} of job {job.id} is not there any more")
                done += artifact["bytes"]
            files += of_job
            packed.append({**about(job), "folder": folder, "files": of_job})
        parties = sorted({party for job in packed for party in third_parties(job.get("steps", {}))})
        manifest = {"version": 1, "jobs": packed, "third_parties": parties, "left_out": left_out}
        count = close(package, manifest, files)
    artifact = {"name": NAME, "bytes": context.storage.size(key), "media_type": "application/zip", "key": key}
    return {"artifacts": [artifact], "files": count, "jobs": len(packed), "left_out": len(left_out), "warnings": left_out}


def found(context: Context) -> tuple[list[tuple[JobView, list[dict[str, Any]]]], list[str]]:
    """Return the jobs with the files to pack of each, and of those that have none, why, in sentences."""
    jobs, left_out = [], []
    asked = context.claimed.params["jobs"]
    for n, job in enumerate(asked):
        context.progress(0.0, f"Looking up job {n + 1} of {len(asked)}")
        try:
            seen = context.used(job)
        except NotFound:
            left_out.append(f"job {job} is not there any more")
            continue
        artifacts = told_artifacts(seen)
        files = [artifact for artifact in artifacts if artifact["name"] != NAME] or artifacts
        if not seen.status.ended:
            left_out.append(f"job {job} runs again")
        elif not files:
            left_out.append(f"job {job} has no files")
        else:
            jobs.append((seen, files))
    return jobs, left_out


def title_of(job: JobView) -> str:
    """Return what a job's folder is called: as its recording, without what says its format; else as what it made calls itself."""
    named = split(str(job.params.get("filename") or ""))[0] or merged(job).get("title")
    return str(named or f"{job.type} {job.id}")


def about(job: JobView) -> dict[str, Any]:
    """Return what the manifest says of a job: of what it was made, and how."""
    known = dict(merged(job))
    if "skipped" in known:  # of a transcript; notes alone are told without
        known["parameters"] = asked_for(job.params)
    return {
        "job": job.id,
        "type": job.type,
        "status": str(job.status),
        "created_at": iso(job.created_at),
        "filename": job.params.get("filename"),
        **{name: known[name] for name in KNOWN if name in known},
    }


def merged(job: JobView) -> Mapping[str, Any]:
    """Return what `merge` told of the job, if it has such a task."""
    told = job.outputs.get("merge")
    return told if isinstance(told, dict) else {}
