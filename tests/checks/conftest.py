"""A check of recordings on a real Redis and a real folder, run by the test itself; and a look at the processes it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from redis import Redis

from jobs import claim, record, show, submit
from jobs.model import Claimed, Completed, JobView, Submission
from jobs.settings import settings
from jobs.store import Store
from tests.checks.sounds import encode, silence, speech, stereo, write
from workers.context import Context
from workers.engines import quality
from workers.kit import Kit
from workers.orders import Orders
from workers.pulse import Pulse

WORKER = "host:1:abc"


@pytest.fixture
def kit(redis: Redis, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kit]:
    monkeypatch.setenv("STORAGE_URL", f"file://{tmp_path}/storage")
    monkeypatch.setenv("QUALITY_PROCESSES", "2")
    settings.cache_clear()
    pulse = Pulse.create()
    (tmp_path / "scratch").mkdir()
    yield Kit(Store(redis), settings(), pulse, Orders(-1), WORKER, tmp_path / "scratch")
    pulse.close()


Submit = Callable[[Mapping[str, Path]], str]


@pytest.fixture
def ask(kit: Kit) -> Submit:
    """Return a function that submits a check of these files, by the names they go by."""

    def ask(files: Mapping[str, Path]) -> str:
        ids = [f"{n:024x}" for n in range(len(files))]
        for one, path in zip(ids, files.values(), strict=True):
            kit.storage.put_file(f"uploads/{one}/recording", path)
        params = {"uploads": ids, "filename": "some", "filenames": list(files), "lengths": [20.0] * len(ids)}
        return submit.submit(kit.store, Submission("quality", params, user="ada", org="maths"))

    return ask


def take(kit: Kit, run: str = "r1") -> Context:
    claimed = claim.claim(kit.store, worker=WORKER, queues=["long"], run=run)
    assert isinstance(claimed, Claimed)
    return Context(claimed, kit)


def finish(kit: Kit, context: Context) -> JobView:
    """Run the engine and record what it returns, as a horse does."""
    output = quality.run(context, {})
    record.record(kit.store, claimed=context.claimed, outcome=Completed(output), worker=WORKER, next_run=None, queues=["long"])
    return show.job(kit.store, context.claimed.job)


def artifact(kit: Kit, job: str, name: str) -> bytes:
    return kit.storage.get_bytes(next(one["key"] for one in show.artifacts(kit.store, job) if one["name"] == name))


def starts(kit: Kit, job: str) -> dict[str, int]:
    """Return how often each recording was begun."""
    items = show.partial(kit.store, job)["items"]
    return {item["filename"]: sum(one["filename"] == item["filename"] and one["state"] == "started" for one in items) for item in items}


@pytest.fixture
def some(tmp_path: Path) -> dict[str, Path]:
    """Recordings that are good, clipped, silent, one-sided, cut off, and none at all."""
    clipped = speech(6)
    clipped[: 3 * 48_000] *= 10
    cut = encode(tmp_path / "cut.mp3", speech(6), "libmp3lame")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / "none").write_bytes(b"no sound\n" * 500)
    return {
        "good.wav": write(tmp_path / "good.wav", speech(6)),
        "=clipped <b>.wav": write(tmp_path / "clipped.wav", clipped),
        "silent.wav": write(tmp_path / "silent.wav", silence(6)),
        "left only.wav": write(tmp_path / "left.wav", stereo(speech(6), silence(6))),
        "cut.mp3": cut,
        "none.mp3": tmp_path / "none",
    }


EXPECTED = {
    "good.wav": "good",
    "=clipped <b>.wav": "poor",
    "silent.wav": "unusable",
    "left only.wav": "fair",
    "cut.mp3": "poor",
    "none.mp3": "unusable",
}


def children(pid: int) -> list[int]:
    """Return the processes below `pid`, of whatever depth."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        if text.rsplit(")", 1)[1].split()[0] not in "ZX":
            below.setdefault(int(text.rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    look = [pid]
    while look:
        found += (mine := below.get(look.pop(), []))
        look += mine
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
