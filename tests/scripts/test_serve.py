"""All in one, as `make run` starts it: started, killed in part and in whole, started again, ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import requests
from redis import Redis

from jobs.errors import Misconfigured
from jobs.settings import Settings
from scripts import embedded, serve
from tests.served import Served, served, wait_until


def test_it_serves_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    with served(tmp_path) as lectern:
        assert lectern.answers()
        family = lectern.family()

        lectern.process.send_signal(signal.SIGINT)

        assert lectern.process.wait(timeout=60) == 0
        assert [process for process in family if process.is_running()] == []
        assert not embedded.answers(embedded.address(tmp_path))
        assert "killing it" not in lectern.said


def test_the_first_start_adds_an_admin_and_the_second_keeps_it(tmp_path: Path) -> None:
    with served(tmp_path) as lectern:
        token = (tmp_path / "admin.token").read_text()
        assert stat.S_IMODE((tmp_path / "admin.token").stat().st_mode) == 0o600
        asked = urllib.request.Request(f"{lectern.address}/api/jobs", headers={"Authorization": f"Bearer {token.strip()}"})
        with urllib.request.urlopen(asked, timeout=20) as reply:
            assert reply.status == 200

    with served(tmp_path):
        assert (tmp_path / "admin.token").read_text() == token


def test_on_ones_own_machine_a_link_that_is_printed_signs_in_and_no_other_host_is_answered(tmp_path: Path) -> None:
    with served(tmp_path, "--no-browser") as lectern:
        wait_until(lambda: "Sign in: " in lectern.said)
        link = lectern.said.split("Sign in: ")[1].split()[0]
        assert link.startswith(f"{lectern.address}/signin/")
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(link, timeout=20)
            token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
            assert token
            assert browser.post(link, data={"csrf_token": token[1]}, timeout=20).url == f"{lectern.address}/"
            assert browser.get(f"{lectern.address}/api/me", timeout=20).json()["user"] == "admin"
            labels = [one["label"] for one in browser.get(f"{lectern.address}/api/me/tokens", timeout=20).json()["tokens"]]
            assert labels == ["browser", "admin.token"]
            forged = browser.get(f"{lectern.address}/api/me", headers={"Host": "evil.test"}, timeout=20)
            assert (forged.status_code, forged.json()["type"]) == (421, "urn:lectern:problem:misdirected")


@pytest.mark.chaos
@pytest.mark.parametrize("word", ["redis-server", "gunicorn", "-m workers"])
def test_a_part_that_is_killed_is_back_at_once(tmp_path: Path, word: str) -> None:
    with served(tmp_path) as lectern:
        wait_until(lambda: lectern.part(word))
        killed = lectern.part(word)
        assert killed

        killed.kill()

        wait_until(lambda: "was killed by SIGKILL; starting it again" in lectern.said)
        wait_until(lambda: (now := lectern.part(word)) is not None and now.pid != killed.pid)
        wait_until(lambda: told_ready(lectern))


@pytest.mark.chaos
def test_requests_wait_while_the_web_is_started_again(tmp_path: Path) -> None:
    with served(tmp_path) as lectern:
        web = lectern.part("gunicorn")
        assert web

        for process in (web, *web.children(recursive=True)):
            process.kill()

        assert lectern.answers()  # the first request, with no second try


@pytest.mark.chaos
def test_when_it_is_killed_itself_its_parts_end_and_a_second_start_goes_on(tmp_path: Path) -> None:
    with served(tmp_path) as lectern:
        with Redis.from_url(embedded.url(tmp_path)) as client:
            client.set("kept", "yes")
        family = lectern.family()
        port = lectern.address.rsplit(":", 1)[1]

        lectern.process.kill()
        lectern.process.wait()

    with served(tmp_path, "--port", port) as again, Redis.from_url(embedded.url(tmp_path)) as client:
        assert client.get("kept") == b"yes"
        assert again.answers()
        wait_until(lambda: not any(process.is_running() for process in family), timeout_s=40)


def test_two_on_one_data_folder_are_refused(tmp_path: Path) -> None:
    with served(tmp_path) as lectern:
        second = run_serve("--data", str(tmp_path), "--port", "0")

        assert second.returncode == 2
        assert f"serve: Lectern already runs on {tmp_path} " in second.stderr
        assert f"held by process {lectern.process.pid}): stop it first, or choose another folder with --data" in second.stderr
        assert lectern.answers()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        refused = run_serve("--data", str(tmp_path), "--port", port)

    assert refused.returncode == 2
    assert f"serve: port {port} of 127.0.0.1 is taken: stop what listens there, or choose another with --port" in refused.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    refused = run_serve("--data", str(tmp_path), LEASE_SECONDS="soon")

    assert refused.returncode == 2
    assert refused.stderr.startswith("serve: setting LEASE_SECONDS: ")


def test_a_storage_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    refused = run_serve("--data", str(tmp_path), STORAGE_URL="ftp://x")

    assert refused.returncode == 2
    assert "STORAGE_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_data_folder_that_cannot_be_made_is_named() -> None:
    refused = run_serve("--data", "/proc/nothing")

    assert refused.returncode == 2
    assert "serve: the data folder /proc/nothing cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_redis_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    refused = run_serve("--data", str(tmp_path), "--port", "0", REDIS_URL=f"unix://{tmp_path}/nothing.sock")

    assert refused.returncode == 2
    assert "serve: the Redis of REDIS_URL cannot be used" in refused.stderr


def test_a_redis_that_may_evict_is_refused(tmp_path: Path, redis: Redis, redis_url: str) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        refused = run_serve("--data", str(tmp_path), "--port", "0", REDIS_URL=redis_url)
    finally:
        redis.config_set("maxmemory-policy", "noeviction")

    assert refused.returncode == 2
    assert "maxmemory-policy allkeys-lru" in refused.stderr


def test_another_redis_is_used_when_one_is_named(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    with served(tmp_path, REDIS_URL=redis_url) as lectern:
        assert lectern.answers()
        assert lectern.part("redis-server") is None
        assert "Sign in: " not in lectern.said, "others use that one as well"


def test_a_part_that_cannot_start_ends_it_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_text("this is no append-only file\n")

    failed = run_serve("--data", str(tmp_path), "--port", "0")

    assert failed.returncode == 1
    assert "redis-server ended while starting" in failed.stderr
    assert "Bad file format reading the append only file" in failed.stderr


@pytest.mark.parametrize(
    ("backend", "redis_url", "used"),
    [("", "", ""), ("", "redis://r", "redis://r"), ("redis", "redis://r", "redis://r"), ("embedded", "redis://r", "")],
)
def test_which_redis_is_used(backend: str, redis_url: str, used: str) -> None:
    plan = serve.read_plan([], Settings.model_validate({"job_backend": backend, "redis_url": redis_url}))

    assert plan.redis_url == used


def test_a_backend_without_an_address_is_refused() -> None:
    with pytest.raises(Misconfigured, match="JOB_BACKEND=redis needs a REDIS_URL"):
        serve.read_plan([], Settings.model_validate({"job_backend": "redis"}))


def run_serve(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; for starts that are refused."""
    command = [sys.executable, "-m", "scripts.serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **env}, check=False)


def told_ready(lectern: Served) -> bool:
    try:
        return lectern.answers()
    except OSError:
        return False
