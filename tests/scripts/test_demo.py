"""`make demo`: the whole way of the sample, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil

from scripts import embedded
from scripts.words import reference, word_error_rate, words

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_a_transcript_notes_and_a_zip_and_leaves_no_process_whatever_is_set_here(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    machine.mkdir()
    (machine / ".env").write_text("MAX_UPLOAD_BYTES=1\nKEY_PREFIX=theirs\n")
    theirs = {"LECTERN_TOKEN": "theirs", "LECTERN_URL": "http://127.0.0.1:1", "MAX_AUDIO_SECONDS": "60", "log_level": "loud"}
    env = {**os.environ, **theirs, "PYTHONPATH": str(ROOT)}

    ended = subprocess.run(demo(tmp_path), cwd=machine, env=env, capture_output=True, text=True, timeout=110, check=False)

    assert ended.returncode == 0, ended.stderr
    transcript = json.loads((tmp_path / "transcript.json").read_text())
    heard = words(" ".join(segment["text"] for segment in transcript["segments"]))
    assert word_error_rate(reference(Path("samples/lecture.json")), heard) <= 0.03
    notes = json.loads((tmp_path / "notes.json").read_text())
    assert all(item["text"] in ended.stdout for item in (notes["title"], *notes["summary"]))
    assert f"{len(notes['quiz'])} quiz questions" in ended.stdout
    assert (tmp_path / "transcript.txt").read_text().strip() in ended.stdout
    assert f"lies in {tmp_path / 'package.zip'}" in ended.stdout
    with zipfile.ZipFile(tmp_path / "package.zip") as package:
        packed = {Path(name).name for name in package.namelist()}
        assert {path.name for path in tmp_path.glob("[nt]*.*")} <= packed
        assert {"transcript.txt", "transcript.srt", "transcript.vtt", "transcript.json", "notes.md", "manifest.json"} <= packed
    assert at_work_on(tmp_path) == []


def heed_ctrl_c() -> None:
    """Who runs the tests in the background has had it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_all_that_the_demo_started(tmp_path: Path) -> None:
    shown = subprocess.Popen(
        demo(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=heed_ctrl_c
    )
    give_up_at = time.monotonic() + 60
    while not (tmp_path / "serve.log").exists() or "Lectern is ready" not in (tmp_path / "serve.log").read_text():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)

    os.killpg(shown.pid, signal.SIGINT)  # as a terminal does: to the whole group

    assert shown.wait(timeout=60) == 130
    assert at_work_on(tmp_path) == []


def test_a_demo_that_shows_no_transcript_does_not_end_well(tmp_path: Path) -> None:
    without_model = (
        "import sys, pathlib; from scripts import demo; demo.MODEL = pathlib.Path('/nowhere'); sys.exit(demo.main(sys.argv[1:]))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", without_model, "--out", str(tmp_path)], capture_output=True, text=True, timeout=110, check=False
    )

    assert ended.returncode == 1
    assert f"demo: there is no transcript; see {tmp_path / 'demo-data' / 'logs'}" in ended.stderr
    assert (tmp_path / "demo-data" / "logs").is_dir()
    assert at_work_on(tmp_path) == []


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    with embedded.hold(tmp_path / "demo.lock"):
        refused = subprocess.run(demo(tmp_path), capture_output=True, text=True, timeout=60, check=False)

    assert refused.returncode == 1
    assert f"demo: {tmp_path / 'demo.lock'} is held by process {os.getpid()}" in refused.stderr


def demo(out: Path) -> list[str]:
    return [sys.executable, "-m", "scripts.demo", "--out", str(out)]


def at_work_on(folder: Path) -> list[str]:
    """Return the command lines of processes that have to do with `folder`, by their arguments or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            of_it = str(folder) in " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            continue
        if of_it and process.pid != os.getpid():
            found.append(" ".join(process.cmdline()))
    return found
