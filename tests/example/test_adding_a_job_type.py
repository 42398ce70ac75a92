"""docs/adding-a-job-type.md is true: its files, taken from the page, are a job type that runs, here and on a worker."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import people, types
from jobs.storage import Storage
from jobs.store import Store
from tests.example import written
from web import create_app

ROOT = Path(__file__).parents[2]
FILES = [
    "jobs/types/wordlist.py",
    "workers/engines/count_words.py",
    "workers/engines/list_words.py",
    "tests/jobs/test_wordlist.py",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page's files, where this process finds the type and the engines."""
    folder = tmp_path_factory.mktemp("example")
    assert [str(path.relative_to(folder)) for path in written.write(folder)] == FILES
    written.install(folder)
    yield folder
    written.remove(folder)
    for name in ("jobs.types.wordlist", "workers.engines.count_words", "workers.engines.list_words"):
        sys.modules.pop(name, None)


def named_tests() -> list[str]:
    found = re.findall(r"^def (test_\w+)", "\n".join(written.blocks("python")), re.M)
    assert found
    return found


@pytest.mark.parametrize("name", named_tests())
def test_the_tests_on_the_page_pass(files: Path, name: str, request: pytest.FixtureRequest) -> None:
    spec = importlib.util.spec_from_file_location("test_wordlist", files / FILES[-1])
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test = getattr(module, name)

    test(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(test).parameters})


def test_the_code_on_the_page_is_in_the_form_of_the_rest(files: Path, tmp_path: Path) -> None:
    for check in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *check, "--config", str(ROOT / "pyproject.toml"), "--no-cache", str(files)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_request_on_the_page_makes_a_job_that_a_worker_does(files: Path, store: Store) -> None:
    command, expected = written.blocks("sh")[0], json.loads(written.blocks("json")[0])
    path = re.search(r"http://127\.0\.0\.1:8000(\S+)", command)
    body = re.search(r"-d '(.*)'\n", command)
    assert path
    assert body
    client = create_app(store=store, storage=Storage.open()).test_client(use_cookies=False)
    bearer = {"Authorization": f"Bearer {people.add(store, 'ada', org='maths')}"}

    answer = client.post(path[1], data=body[1], content_type="application/json", headers=bearer)
    assert answer.status_code == 202, answer.text
    job = answer.get_json()["id"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.example.worker", "short"],
        cwd=ROOT,
        env=os.environ | {"EXAMPLE": str(files)},
        stderr=subprocess.DEVNULL,
    )
    try:
        told = await_end(client, job, bearer)
    finally:
        worker.terminate()
        assert worker.wait(timeout=30) == 0

    assert {name: value.replace(job, "…") if isinstance(value, str) else value for name, value in told.items()} == expected
    assert client.get(told["result_path"], headers=bearer).data == b"word,times\nbe,2\nto,2\n"

    page = client.get(f"/jobs/{job}", headers={**bearer, "Accept": "text/html"}).text
    shown = json.loads(re.search(r'id="initial">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert [(task["name"], task["children"]["completed"]) for task in shown["tasks"]] == [("count", 2), ("list", 0)]
    assert [artifact["name"] for artifact in shown["artifacts"]] == ["words.csv"]


def await_end(client: Any, job: str, bearer: dict[str, str], within_s: float = 60.0) -> dict[str, Any]:
    give_up_at = time.monotonic() + within_s
    while True:
        told: dict[str, Any] = client.get(f"/jobs/{job}", headers=bearer).get_json()
        if told["status"] in ("completed", "failed", "cancelled"):
            return told
        assert time.monotonic() < give_up_at, told
        time.sleep(0.05)


def test_the_page_names_all_that_a_type_may_say() -> None:
    text = written.PAGE.read_text()
    said = set(re.findall(r"`([A-Za-z_]+)(?:\(|`)", types.__doc__ or ""))

    assert {"PRIORITY", "VERSION", "size", "PART_SECONDS"} <= said
    assert [name for name in said if f"| `{name}" not in text] == []
