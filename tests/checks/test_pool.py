"""The pool of processes inside a task: what is left when one dies, when the run has to stop, when its horse is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jobs import control, record, show
from jobs.states import JobStatus
from tests.checks.conftest import WORKER, Submit, artifact, children, finish, lives, starts, take
from tests.checks.sounds import speech, write
from tests.workers.conftest import until
from workers.engines import quality
from workers.engines.checks.pool import Broken, Died, Done, Event, Pool
from workers.interrupted import Cancelled, HandBack
from workers.kit import Kit

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
    until(lambda: not any(lives(pid) for pid in seen))  # they were killed: the kernel may take a moment
    assert starts(kit, job) == {f"short {n}.wav": 1 for n in range(3)} | {f"long {n}.wav": 1 for n in range(2)}

    monkeypatch.undo()
    record.hand_back(kit.store, worker=WORKER, run="r1", rq_job=context.claimed.rq_job)


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
