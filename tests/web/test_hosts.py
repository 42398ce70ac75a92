"""Which hosts are answered: a name that somebody makes lead here is none of ours."""

from __future__ import annotations

import pytest
from flask import Flask

from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import problem
from web import create_app
from web.hosts import LOOPBACK, is_one_of


def app_for(hosts: str, settings: Settings, store: Store, storage: Storage) -> Flask:
    return create_app(settings.model_copy(update={"allowed_hosts": hosts}), store=store, storage=storage)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST.", "127.0.0.1:1", "[::1]", "[::1]:8000"])
def test_this_machine_is_always_answered(host: str) -> None:
    assert is_one_of(host, LOOPBACK)


@pytest.mark.parametrize(
    "host",
    ["", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "evil.test:127.0.0.1", "127.0.0.1@evil.test", "[::2]", "::1",
     "localhost:x", "localhost\n", "localhost:8000, evil.test", "127.0.0.2"],
)  # fmt: skip
def test_a_name_that_only_looks_like_it_is_not(host: str) -> None:
    assert not is_one_of(host, LOOPBACK)


@pytest.mark.parametrize(
    ("hosts", "host", "answered"),
    [
        ("", "evil.test", True),
        ("*", "evil.test", True),
        ("localhost", "evil.test", False),
        ("localhost", "127.0.0.1:8000", True),
        ("lectern.test, Other.test", "other.test:443", True),
        ("lectern.test", "localhost", True),
        ("lectern.test", "sub.lectern.test", False),
        (".lectern.test", "sub.lectern.test", True),
        (".lectern.test", "lectern.test", True),
        (".lectern.test", "evil-lectern.test", False),
    ],
)
def test_only_the_hosts_that_are_named_are_answered(
    web_settings: Settings, store: Store, storage: Storage, hosts: str, host: str, answered: bool
) -> None:
    client = app_for(hosts, web_settings, store, storage).test_client()

    response = client.get("/api/jobs", headers={"Host": host})

    if answered:
        problem(response, 401, "unauthenticated")
    else:
        told = problem(response, 421, "misdirected")
        assert "ALLOWED_HOSTS" in told["detail"]
        assert host in told["detail"]
    assert client.get("/healthz", headers={"Host": host}).status_code == 200, "a platform asks for health by address"


def test_a_page_says_so_and_nothing_is_changed(web_settings: Settings, store: Store, storage: Storage) -> None:
    client = app_for("localhost", web_settings, store, storage).test_client()

    page = client.get("/signin", headers={"Host": "<b>evil</b>.test", "Accept": "text/html"})
    assert page.status_code == 421
    assert "Not an address of this server" in page.text
    assert "<b>evil" not in page.text
    assert client.get("/static/page.css", headers={"Host": "evil.test"}).status_code == 200, "what shows it"
    assert client.post("/signin", data={}, headers={"Host": "evil.test"}).status_code == 421
