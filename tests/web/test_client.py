"""scripts.submit against the web under a real gunicorn."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import people, show
from jobs.claim import Idle, claim
from jobs.model import Completed, Failed
from jobs.store import Store
from scripts import client, following, submit
from scripts.following import out_folders
from scripts.submit import read_param
from tests.web.conftest import SAMPLES, Worker

RECORDING = str(SAMPLES / "short-slt.ogg")
Run = tuple[int, str, str]


@pytest.fixture
def lectern(monkeypatch: pytest.MonkeyPatch, served: str, store: Store) -> None:
    monkeypatch.setattr(following, "POLL_S", 0.05)
    monkeypatch.setenv("LECTERN_URL", served)
    monkeypatch.setenv("LECTERN_TOKEN", people.add(store, "root", org="local", role="admin"))


@pytest.fixture
def busy(worker: Worker) -> Iterator[dict[str, str]]:
    """Play a worker that completes whatever becomes ready; `transcribe` fails if told to."""
    told: dict[str, str] = {}
    stop = threading.Event()

    def work() -> None:
        run = 0
        while not stop.wait(0.02):
            run += 1
            claimed = claim(worker.store, worker=worker.name, queues=("short", "long"), run=f"{run:016x}")
            if isinstance(claimed, Idle):
                continue
            if claimed.task == told.get("fails"):
                worker.record(claimed, Failed("the model cannot be loaded: set WHISPER_MODEL", final=True))
                continue
            key = f"jobs/{claimed.job}/{claimed.node}/{claimed.run}/transcript.txt"
            text = f"{claimed.params['filename']} said".encode()
            worker.storage.put_bytes(key, text)
            made = [{"name": "transcript.txt", "bytes": len(text), "media_type": "text/plain", "key": key}]
            worker.record(claimed, Completed({"artifacts": made} if claimed.task == "merge" else {}))

    thread = threading.Thread(target=work)
    thread.start()
    yield told
    stop.set()
    thread.join()


@pytest.mark.usefixtures("lectern")
def test_it_prints_the_id_of_what_was_accepted(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    assert submit.main([RECORDING, "--param", "word_timestamps=true", "--param", "language=en", "--priority", "high"]) == 0

    job = show.job(store, capsys.readouterr().out.strip())
    assert (job.params["word_timestamps"], job.params["language"], job.params["filename"]) == (True, "en", "short-slt.ogg")
    assert job.priority == "high"


@pytest.mark.usefixtures("lectern")
def test_followed_to_the_end_it_downloads_what_was_made(capsys: pytest.CaptureFixture[str], busy: dict[str, str], tmp_path: Path) -> None:
    assert submit.main([RECORDING, "--out", str(tmp_path / "out")]) == 0

    made = tmp_path / "out" / "short-slt" / "transcript.txt"
    assert made.read_text() == "short-slt.ogg said"
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [made]
    told = capsys.readouterr()
    assert str(made) in told.out
    assert "completed" in told.err


@pytest.mark.usefixtures("lectern")
def test_several_recordings_get_a_folder_each(busy: dict[str, str], tmp_path: Path) -> None:
    assert submit.main([RECORDING, str(SAMPLES / "short-f3.ogg"), "--follow", "--out", str(tmp_path)]) == 0

    assert (tmp_path / "short-slt" / "transcript.txt").read_text() == "short-slt.ogg said"
    assert (tmp_path / "short-f3" / "transcript.txt").read_text() == "short-f3.ogg said"


@pytest.mark.usefixtures("lectern")
def test_a_job_that_fails_ends_with_1_and_its_reason(capsys: pytest.CaptureFixture[str], busy: dict[str, str]) -> None:
    busy["fails"] = "transcribe"

    assert submit.main([RECORDING, "--follow"]) == 1

    assert "set WHISPER_MODEL" in capsys.readouterr().err


@pytest.mark.usefixtures("lectern")
def test_what_is_refused_ends_with_2_and_the_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 2.0)
    text = tmp_path / "notes.txt"
    text.write_text("no recording\n" * 100)
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(50_000_000))

    for arguments, sentence in [
        ([str(text)], "not a recording"),
        ([str(large)], "MAX_UPLOAD_BYTES=300000"),
        ([RECORDING, "--param", "colour=red"], "colour"),
        ([RECORDING, "--type", "unheard_of"], "unheard_of"),
        ([RECORDING, "--token", "lec_wrong"], "not valid"),
        ([RECORDING, "--url", "http://127.0.0.1:1"], "is Lectern running"),
    ]:
        assert submit.main(arguments) == 2, arguments
        assert sentence in capsys.readouterr().err
    assert redis.keys("app:jobs*") == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["missing.mp3"],
        [str(SAMPLES)],
        [RECORDING, "--job", "x"],
        [RECORDING, "--param", "language"],
        [RECORDING, "--priority", "urgent"],
    ],
)
def test_a_wrong_call_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        submit.main(arguments)
    assert ended.value.code == 2


@pytest.mark.usefixtures("lectern")
def test_a_job_without_a_file_can_be_submitted(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    assert submit.main(["--type", "synthetic", "--param", 'tasks=[{"name": "only"}]']) == 0

    assert show.job(store, capsys.readouterr().out.strip()).type == "synthetic"


@pytest.mark.usefixtures("lectern")
def test_the_admins_token_is_read_from_the_data_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path
) -> None:
    monkeypatch.delenv("LECTERN_TOKEN")
    assert submit.main([RECORDING, "--data", str(tmp_path)]) == 2
    assert "admin.token" in capsys.readouterr().err

    (tmp_path / "admin.token").write_text(people.new_token(store, "root") + "\n")
    assert submit.main([RECORDING, "--data", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=true", True), ("a=3", 3), ("a=en", "en"), ('a="3"', "3"), ('a=["x"]', ["x"]), ("a=", ""), ("a=b=c", "b=c"), ("a=null", None)],
)
def test_a_parameter_is_json_where_it_can_be(text: str, value: object) -> None:
    assert read_param(text) == ("a", value)


@pytest.mark.usefixtures("lectern")
def test_a_recording_whose_connection_breaks_is_sent_again_and_is_one_job(
    monkeypatch: pytest.MonkeyPatch, served: str, redis: Redis
) -> None:
    sent: list[int] = []
    lost: list[Any] = []
    send = client.Client._send

    def lose_the_first_answer(self: client.Client, *args: str, **given: Any) -> Any:
        answer = send(self, *args, **given)
        if not lost:
            lost.append(answer)
            raise client.Unreachable("the connection broke off")
        return answer

    monkeypatch.setattr(client.Client, "_send", lose_the_first_answer)
    ada = client.Client(served, os.environ["LECTERN_TOKEN"])

    job = ada.submit_file(Path(RECORDING), {"type": "transcription"}, on_sent=sent.append)

    assert job["id"] == lost[0].json()["id"]
    assert sum(sent) == Path(RECORDING).stat().st_size, "the bar ends at the file's size, however often it was sent"
    assert len(redis.keys("app:uploads:*:jobs")) == 1


def test_a_file_name_cannot_end_its_header() -> None:
    body = client.FormBody(io.BytesIO(b"x"), 1, 'a"\r\nX-Header: b.ogg', {}, lambda _: None)

    head = next(iter(body)).decode()

    assert head.endswith('filename="a%22%0D%0AX-Header: b.ogg"\r\n\r\n')


def test_recordings_of_one_name_do_not_share_a_folder(tmp_path: Path) -> None:
    files = ["talk.mp3", "talk.ogg", "other.mp3"]
    assert out_folders(tmp_path, files) == [tmp_path / "talk", tmp_path / "talk-2", tmp_path / "other"]
    assert out_folders(tmp_path, files[:1]) == [tmp_path / "talk"]
    assert out_folders(None, files) == [None, None, None]


def test_a_folder_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    for there in ("talk", "talk-3"):
        (tmp_path / there).mkdir()

    assert out_folders(tmp_path, ["talk.mp3", "talk.ogg"]) == [tmp_path / "talk-2", tmp_path / "talk-4"]


@pytest.mark.usefixtures("lectern")
def test_a_recording_submitted_again_does_not_overwrite_what_was_made_before(busy: dict[str, str], tmp_path: Path) -> None:
    assert submit.main([RECORDING, "--out", str(tmp_path)]) == 0
    (tmp_path / "short-slt" / "transcript.txt").write_text("corrected by hand")

    assert submit.main([RECORDING, "--out", str(tmp_path)]) == 0

    assert (tmp_path / "short-slt" / "transcript.txt").read_text() == "corrected by hand"
    assert (tmp_path / "short-slt-2" / "transcript.txt").read_text() == "short-slt.ogg said"


@pytest.mark.usefixtures("lectern")
def test_a_file_that_is_refused_is_named_and_does_not_keep_the_others_back(
    capsys: pytest.CaptureFixture[str], busy: dict[str, str], tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage.mp3"
    garbage.write_text("no recording\n" * 100)
    out = tmp_path / "out"

    assert submit.main([RECORDING, str(garbage), str(SAMPLES / "short-f3.ogg"), "--out", str(out)]) == 2

    assert "submit: garbage.mp3: " in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["short-f3", "short-slt"]
    assert (out / "short-f3" / "transcript.txt").read_text() == "short-f3.ogg said"


@pytest.mark.usefixtures("lectern")
def test_a_result_that_cannot_be_downloaded_does_not_keep_the_others_back(
    capsys: pytest.CaptureFixture[str], busy: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = client.Client.download

    def refuse_one(self: client.Client, url: str, target: Path) -> None:
        if target.parent.name == "short-slt":
            raise client.Refused("it has expired")
        download(self, url, target)

    monkeypatch.setattr(client.Client, "download", refuse_one)

    assert submit.main([RECORDING, str(SAMPLES / "short-f3.ogg"), "--out", str(tmp_path)]) == 2

    assert "submit: short-slt.ogg: it has expired" in capsys.readouterr().err
    assert (tmp_path / "short-f3" / "transcript.txt").read_text() == "short-f3.ogg said"


@pytest.mark.usefixtures("lectern")
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:1", "is Lectern running there?"),
        ("127.0.0.1:8000", "is no address; it looks like http://host:8000"),
        ("localhost:8000", "is no address"),
        ("ftp://localhost", "is no address"),
        ("http://", "is no address"),
    ],
)
def test_a_server_that_is_not_there_is_told_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, sentence: str
) -> None:
    monkeypatch.setattr(client.Client, "_patiently", lambda *_: pytest.fail("it is asked once, without patience"))

    assert submit.main([RECORDING, "--url", url, "--out", str(tmp_path / "out")]) == 2

    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("lectern")
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], redis: Redis, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert submit.main([RECORDING, "--out", str(out)]) == 2
        assert f"submit: the folder {out} cannot be made: " in capsys.readouterr().err
    assert redis.keys("app:jobs*") == []
