"""scripts.submit over a long time: followed, left and followed again, through restarts, and as a program would use it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from jobs import people
from jobs.store import Store
from scripts import address, client, following, submit
from scripts.following import about, standing
from tests.web.conftest import SAMPLES, Worker

RECORDING = str(SAMPLES / "short-slt.ogg")

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def lectern(monkeypatch: pytest.MonkeyPatch, app: Flask, store: Store) -> Iterator[str]:
    """The app in this process, which starts at once; tests/web/test_client.py is about a gunicorn."""
    monkeypatch.setattr(following, "POLL_S", 0.05)
    serving = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{serving.server_port}"
    monkeypatch.setenv("LECTERN_URL", url)
    monkeypatch.setenv("LECTERN_TOKEN", people.add(store, "root", org="local", role="admin"))
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield url
    serving.shutdown()


def clock(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], Any]) -> None:
    """Have the client sleep in this way; nobody else in the process."""
    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers one request after the other as it is told; yield its address and the headers that it was sent."""
    left = list(answers)
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            left.pop(0)(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


def part(body: bytes, *, status: int = 200, announced: int | None = None, **headers: str) -> Answer:
    """An answer with this body; one that breaks off when more was announced."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Connection", "close")  # or the next request goes to a connection that is about to end
        handler.send_header("Content-Length", str(len(body) if announced is None else announced))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


# followed


@pytest.mark.usefixtures("lectern")
def test_jobs_that_were_left_are_followed_again_by_their_ids(capsys: pytest.CaptureFixture[str], worker: Worker, tmp_path: Path) -> None:
    assert submit.main([RECORDING, "--param", "export=false"]) == 0
    job = capsys.readouterr().out.strip()
    for _ in range(3):
        worker.complete()
    worker.publish("transcript.txt", b"Good morning.")

    assert submit.main(["--job", job, "--out", str(tmp_path)]) == 0

    assert (tmp_path / "short-slt" / "transcript.txt").read_text() == "Good morning."
    assert submit.main(["--job", "unheardof", "--quiet"]) == 2
    assert "unheardof: there is no job unheardof" in capsys.readouterr().err


@pytest.mark.usefixtures("lectern")
def test_left_by_ctrl_c_it_says_that_the_jobs_go_on_and_how_to_follow_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "advance", leave)

    assert submit.main([RECORDING, str(SAMPLES / "short-f3.ogg"), "--follow"]) == 130

    told = capsys.readouterr()
    jobs = told.out.split()
    assert f"2 jobs go on; follow them again with: python -m scripts.submit --job {' '.join(jobs)}" in told.err


def test_place_and_time_left_are_said_as_on_the_page() -> None:
    status = {"status": "running", "message": "Listening", "held": None, "queue_position": None, "eta_seconds": None}
    assert standing(status) == "Listening"
    assert standing(status | {"eta_seconds": 735}) == "Listening, about 12 min left"
    assert standing(status | {"eta_seconds": 735, "queue_position": 7}) == "place 7 in the queue, done in about 12 min"
    assert standing(status | {"queue_position": 1}) == "next in the queue"
    assert standing(status | {"held": "queue", "queue_position": 7}) == "Listening"
    assert [about(seconds) for seconds in (7, 42, 75, 735, 3590, 5000, 7200)] == [
        "a few seconds", "about 50 s", "about 1 min", "about 12 min", "about 1 h", "about 1 h 25 min", "about 2 h",
    ]  # fmt: skip


# as a program uses it


@pytest.mark.usefixtures("lectern")
def test_with_json_each_file_is_one_line_for_a_program(capsys: pytest.CaptureFixture[str], worker: Worker, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp3"
    garbage.write_text("no recording\n" * 100)

    assert submit.main([RECORDING, str(garbage), "--json", "--param", "export=false"]) == 2

    accepted, refused = map(json.loads, capsys.readouterr().out.splitlines())
    assert (accepted["file"], accepted["status"], accepted["files"]) == ("short-slt.ogg", "pending", [])
    assert accepted["url"] == f"{os.environ['LECTERN_URL']}/jobs/{accepted['id']}"
    assert (refused["file"], "not a recording" in refused["error"]) == ("garbage.mp3", True)

    for _ in range(3):
        worker.complete()
    worker.publish("transcript.txt", b"Good morning.")
    assert submit.main(["--job", accepted["id"], "--json", "--out", str(tmp_path)]) == 0
    (ended,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ended["status"], ended["files"]) == ("completed", [str(tmp_path / "short-slt" / "transcript.txt")])


# where it is, and who asks


def test_the_lectern_of_the_data_folder_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lectern: str, tmp_path: Path
) -> None:
    monkeypatch.delenv("LECTERN_URL")
    (tmp_path / "admin.token").write_text(os.environ["LECTERN_TOKEN"])
    monkeypatch.delenv("LECTERN_TOKEN")
    address.publish(tmp_path, lectern)

    assert submit.main([RECORDING, "--data", str(tmp_path)]) == 0

    address.withdraw(tmp_path)
    assert address.find(tmp_path) is None


@pytest.mark.parametrize("written", ["", "{}", '{"url": "http://127.0.0.1:1", "pid": 4194999}', '{"url": 1, "pid": "one"}', "[]"])
def test_what_a_serve_left_behind_leads_nowhere(tmp_path: Path, written: str) -> None:
    (tmp_path / "serve.json").write_text(written)
    assert address.find(tmp_path) is None


def test_who_has_no_token_or_a_wrong_one_is_told_where_there_are_some(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lectern: str, tmp_path: Path
) -> None:
    monkeypatch.delenv("LECTERN_TOKEN")
    for arguments in (["--data", str(tmp_path)], ["--token", "lec_wrong"]):
        assert submit.main([RECORDING, "--url", lectern, *arguments]) == 2
        assert f"make one on {lectern}/account" in capsys.readouterr().err.replace("make a token", "make one")


# through trouble


def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = bytes(range(256)) * 800
    waits: list[str] = []
    answers = [
        part(whole[:150_000], announced=len(whole), ETag='"one"'),
        part(b"", status=503, Retry_After="0"),
        part(whole[131_072:], status=206, ETag='"one"'),
    ]
    with server(*answers) as (url, asked):
        client.Client(url, "token", on_wait=waits.append).download("/file", tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == whole
    assert [one.get("Range") for one in asked] == [None, "bytes=131072-", "bytes=131072-"]
    assert asked[2]["If-Range"] == '"one"'
    assert len(waits) == 1
    assert waits[0].endswith("trying again")


def test_a_file_that_was_made_anew_meanwhile_is_fetched_from_its_start(tmp_path: Path) -> None:
    answers = [part(b"former", announced=100, ETag='"one"'), part(b"the new one", ETag='"two"')]
    with server(*answers) as (url, _):
        client.Client(url, "token").download("/file", tmp_path / "file")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"the new one"


def test_a_download_that_is_given_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.5)
    with server(part(b"half", announced=100, ETag='"one"')) as (url, _), pytest.raises(client.Unreachable):
        client.Client(url, "token").download("/file", tmp_path / "file")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait_is_asked_again_when_it_said(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    slept: list[float] = []
    clock(monkeypatch, slept.append)
    later = part(b'{"detail": "not now"}', status=status, Retry_After="7")
    with server(later, later, part(b'{"id": "x"}')) as (url, _):
        assert client.Client(url, "token").status("x") == ({"id": "x"}, None)

    assert slept == [7.0, 7.0]


def test_one_that_asks_for_more_patience_than_there_is_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, lambda _: pytest.fail("it waits"))
    used_up = part(b'{"detail": "your hours of today are used up"}', status=429, Retry_After="40000")
    with server(used_up) as (url, _), pytest.raises(client.Unreachable, match="used up"):
        client.Client(url, "token").status("x")


@pytest.mark.usefixtures("lectern")
def test_a_server_that_is_restarted_while_a_job_is_followed_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    assert submit.main([RECORDING, "--param", "export=false"]) == 0
    job = capsys.readouterr().out.strip()
    clock(monkeypatch, lambda _: worker.complete())  # while nobody answers, the job goes on
    send, lost = client.Client._send, iter([client.Unreachable("it does not answer")] * 4)

    def go_away(self: client.Client, method: str, path: str, **given: Any) -> Any:
        if path.endswith(job) and (error := next(lost, None)):
            raise error
        return send(self, method, path, **given)

    monkeypatch.setattr(client.Client, "_send", go_away)

    assert submit.main(["--job", job]) == 0

    assert "it does not answer; trying again" in capsys.readouterr().err
