"""Many recordings in one task: a pool of real processes on a real Redis, a key for each recording, and what is left when one dies."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from redis import Redis

from jobs import claim, control, record, show, submit
from jobs.errors import Misconfigured
from jobs.model import Claimed, Completed, JobView, Submission
from jobs.settings import settings
from jobs.states import JobStatus
from jobs.store import Store
from tests.engines.sounds import encode, silence, speech, stereo, write
from workers.context import Context
from workers.engines import quality
from workers.engines.checks.pool import Broken, Died, Done, Event, Pool
from workers.interrupted import Cancelled, HandBack
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


def test_each_recording_gets_a_verdict_a_key_of_its_own_and_a_place_in_the_report(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    view = finish(kit, take(kit))

    items = show.partial(kit.store, job)["items"]
    ended = {item["filename"]: item for item in items if item["state"] == "checked"}
    assert {name: item["verdict"] for name, item in ended.items()} == EXPECTED
    assert {item["child"] for item in items} == {f"quality.{n}" for n in range(6)}
    assert kit.store.redis.hget(f"app:jobs:{job}", "children:quality") == f"6 app:jobs:{job}:children:quality:*".encode()

    told = show.status(kit.store, job)
    assert view.status is JobStatus.COMPLETED
    assert told["message"] == "6 recordings checked: 1 good, 1 fair, 2 poor, 2 unusable"
    assert told["warnings"] == ["4 of 6 recordings are poor or unusable: =clipped <b>.wav, silent.wav, cut.mp3, none.mp3"]
    assert told["result_path"] == f"/api/jobs/{job}/artifacts/report.html"
    names = [one["name"] for one in told["artifacts"]]
    assert names == ["report.html", "report.json", "report.csv", "package.zip", *(f"recording-00{n}.svg" for n in range(1, 6))]


def test_the_report_is_read_by_what_reads_such_files(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    finish(kit, take(kit))

    told = json.loads(artifact(kit, job, "report.json"))
    assert {one["filename"]: one["verdict"] for one in told["recordings"]} == EXPECTED
    assert told["verdicts"] == {"good": 1, "fair": 1, "poor": 2, "unusable": 2}
    assert told["recordings"][5]["found"] is None

    rows = list(csv.DictReader(io.StringIO(artifact(kit, job, "report.csv").decode("utf-8-sig"))))
    assert [row["verdict"] for row in rows] == list(EXPECTED.values())
    assert rows[1]["filename"] == "'=clipped <b>.wav"  # no spreadsheet takes it for a formula
    assert float(rows[0]["loudness_lufs"]) == pytest.approx(-23, abs=2)

    page = Page()
    page.feed(artifact(kit, job, "report.html").decode())
    assert page.open == []
    assert page.tags["svg"] == 5
    assert not page.outside
    assert "=clipped <b>.wav" in page.text

    with zipfile.ZipFile(io.BytesIO(artifact(kit, job, "package.zip"))) as package:
        assert package.testzip() is None
        assert set(package.namelist()) == {one["name"] for one in show.artifacts(kit.store, job)} - {"package.zip"}
        assert package.read("report.html") == artifact(kit, job, "report.html")


class Page(HTMLParser):
    """Reads a page, and notes what is left open in it, what it shows, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.text = ""
        self.outside: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.outside += [(tag, value) for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")]
        self.outside += [(tag, None)] if tag in ("script", "iframe", "object", "link", "b") else []
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_progress_goes_by_seconds_heard_and_says_how_many_are_checked() -> None:
    tally = quality.Tally([60.0, 0.0, 20.0])
    assert (tally.fraction, tally.message) == (0.0, "0 of 3 recordings checked")
    tally.done(2)
    assert (tally.fraction, tally.message) == (pytest.approx(20 / 120), "1 of 3 recordings checked")
    tally.heard(1, 30.0, 120.0)
    assert tally.fraction == pytest.approx(50 / 200)
    tally.heard(0, 90.0, 60.0)  # longer than it says
    tally.done(0)
    tally.done(1)
    assert (tally.fraction, tally.message) == (0.99, "3 of 3 recordings checked")


# what dies


ASSASSIN = """
import os, signal, sys
from workers.engines.checks import listen, member

def check(path, settings, heard):
    if path.read_bytes().startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.read_bytes().startswith(b"bug"):
        raise ZeroDivisionError("a fault of ours")
    return true_check(path, settings, heard)

true_check, listen.check = listen.check, check
member.main(*sys.argv[1:])
"""


@pytest.fixture
def assassin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pool's processes die of files that begin with `kill`, and fail over those that begin with `bug`."""
    (tmp_path / "assassin_member.py").write_text(ASSASSIN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(Pool.__init__, "__defaults__", ("assassin_member",))


@pytest.mark.usefixtures("assassin")
def test_a_process_that_dies_fails_its_recording_with_the_reason_and_the_rest_goes_on(kit: Kit, ask: Submit, tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", speech(3))
    (tmp_path / "kill").write_bytes(b"kill")
    (tmp_path / "bug").write_bytes(b"bug")
    job = ask({"a.wav": good, "kills.wav": tmp_path / "kill", "b.wav": good, "bug.wav": tmp_path / "bug", "c.wav": good})

    view = finish(kit, take(kit))

    assert view.status is JobStatus.COMPLETED
    told = json.loads(artifact(kit, job, "report.json"))["recordings"]
    assert [one["verdict"] for one in told] == ["good", "unusable", "good", "unusable", "good"]
    assert "the process that listened to it was killed by SIGKILL" in told[1]["remarks"][0]["text"]
    assert "ZeroDivisionError: a fault of ours" in told[3]["remarks"][0]["text"]


def test_a_pool_whose_processes_cannot_start_is_broken_and_blames_no_recording(tmp_path: Path) -> None:
    with Pool(2, tmp_path, "no_such_program") as pool, pytest.raises(Broken, match="could not be started"):
        list(pool.work([{"n": 0}]))


def test_trouble_that_is_not_the_recordings_fails_the_run_so_that_it_is_tried_again(
    kit: Kit, ask: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full_member.py").write_text(
        "import sys\nfrom jobs.errors import StorageFull\nfrom jobs.storage import Storage\nfrom workers.engines.checks import member\n"
        "def put(*_):\n    raise StorageFull('the disk is full')\n"
        "Storage.put_bytes = put\nmember.main(*sys.argv[1:])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(Pool.__init__, "__defaults__", ("full_member",))
    job = ask({"a.wav": write(tmp_path / "a.wav", speech(3))})
    with pytest.raises(Broken, match="StorageFull: the disk is full"):
        quality.run(take(kit), {})
    assert [item["state"] for item in show.partial(kit.store, job)["items"]] == ["started"]


# stopping


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


@pytest.fixture
def long(tmp_path: Path) -> dict[str, Path]:
    """Three short recordings, then some that take a while."""
    short = write(tmp_path / "short.wav", speech(2))
    return {**{f"short {n}.wav": short for n in range(3)}, **{f"long {n}.wav": lengthy(tmp_path) for n in range(2)}}


def lengthy(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    if not path.exists():
        write(path, np.tile(speech(20), (30, 1)))
    return path


@pytest.mark.parametrize("why", [Cancelled, HandBack])
def test_a_run_that_has_to_stop_leaves_no_process_behind_and_the_next_one_does_only_the_rest(
    kit: Kit, ask: Submit, long: dict[str, Path], why: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(long)
    before, seen = children(os.getpid()), list[int]()
    context = take(kit)

    def check(run: str) -> None:
        done = [item for item in show.partial(kit.store, job)["items"] if item["state"] == "checked"]
        started = [pid for pid in children(os.getpid()) if pid not in before]
        if len(done) >= 3 and len(started) >= 4:  # two of the pool, and their decoders
            seen.extend(started)
            raise why

    monkeypatch.setattr(kit.orders, "check", check)
    with pytest.raises(why):
        quality.run(context, {})
    assert len(seen) >= 4
    assert not any(lives(pid) for pid in seen)
    assert starts(kit, job) == {f"short {n}.wav": 1 for n in range(3)} | {f"long {n}.wav": 1 for n in range(2)}

    monkeypatch.undo()
    record.hand_back(kit.store, worker=WORKER, run="r1", rq_job=context.claimed.rq_job)


def test_a_run_that_was_killed_is_gone_on_with_where_it_was(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    first = take(kit)
    pieces = first.pieces(6)
    for n, verdict in ((0, "good"), (3, "fair")):
        named = {"filename": list(some)[n]}
        ended = {"state": "checked", "verdict": verdict, "remarks": [], "found": None}
        pieces.append(n, [{**named, "state": "started"}, {**named, **ended}])
    pieces.append(1, [{"state": "started", "filename": list(some)[1]}])  # it was at this one
    record.lost(kit.store, worker=WORKER, run="r1", reason="killed")

    view = finish(kit, take(kit, "r2"))

    assert view.status is JobStatus.COMPLETED
    assert starts(kit, job) == {"good.wav": 1, "=clipped <b>.wav": 2, "silent.wav": 1, "left only.wav": 1, "cut.mp3": 1, "none.mp3": 1}
    told = json.loads(artifact(kit, job, "report.json"))["recordings"]
    assert [one["verdict"] for one in told] == list(EXPECTED.values())


def test_a_run_that_lost_its_task_stops_writing(kit: Kit, ask: Submit, long: dict[str, Path]) -> None:
    job = ask(long)
    context = take(kit)
    control.cancel(kit.store, job)
    with pytest.raises(Cancelled):
        quality.run(context, {})
    assert show.partial(kit.store, job)["items"] == []


def test_the_pool_dies_with_the_process_that_started_it(kit: Kit, ask: Submit, long: dict[str, Path], tmp_path: Path) -> None:
    job = ask(dict(list(long.items())[3:]))
    script = (
        "import sys; from pathlib import Path; from workers.engines.checks.pool import Pool\n"
        f"orders = [{{'n': n, 'piece': ['{job}', 'quality', 'r1', n, 2], 'key': f'uploads/{{n:024x}}/recording', 'filename': 'x',"
        " 'picture': {'name': 'x', 'key': 'x'}} for n in range(2)]\n"
        f"with Pool(2, Path({str(tmp_path)!r})) as pool:\n"
        "    for event in pool.work(orders): print('.', flush=True)\n"
    )
    take(kit)
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, env={**os.environ})
    try:
        end = time.monotonic() + 30
        while len(started := children(starter.pid)) < 4:
            assert time.monotonic() < end
            assert starter.poll() is None
            time.sleep(0.02)
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    while any(lives(pid) for pid in started):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_pool_has_no_more_processes_than_it_may_and_than_there_is_work_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echo_member.py").write_text(
        "import json, sys\nprint(json.dumps({'ready': True}), flush=True)\n"
        "for line in sys.stdin:\n    print(json.dumps({'done': json.loads(line)['n']}), flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = len(children(os.getpid()))
    for size, work, most in ((3, 20, 3), (5, 2, 2)):
        events: list[Event] = []
        with Pool(size, tmp_path, "echo_member") as pool:
            for event in pool.work([{"n": n} for n in range(work)]):
                events.append(event)
                assert len(children(os.getpid())) <= before + most
        assert sorted(event.n for event in events if isinstance(event, Done)) == list(range(work))
        assert not any(isinstance(event, Died) for event in events)
    assert len(children(os.getpid())) == before


def test_more_recordings_than_keys_are_allowed_is_said_before_anything_is_done(
    kit: Kit, ask: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", speech(1))
    ask({"a.wav": path, "b.wav": path})
    monkeypatch.setattr(kit.settings, "max_children", 1)
    with pytest.raises(Misconfigured, match="MAX_CHILDREN=1"):
        quality.run(take(kit), {})
