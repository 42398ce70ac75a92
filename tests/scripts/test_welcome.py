"""Who is signed in by the link of one's own machine, and where a browser is opened with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import people, people_tokens
from jobs.settings import Settings
from jobs.store import Store
from scripts import first_admin, serve, welcome


@pytest.mark.parametrize(
    ("env", "terminal", "platform", "opened"),
    [
        ({"DISPLAY": ":0"}, True, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, "linux", True),
        ({}, True, "linux", False),
        ({}, True, "darwin", True),
        ({"DISPLAY": ":0"}, False, "linux", False),
        ({}, False, "darwin", False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, True, "linux", False),
        ({"SSH_TTY": "/dev/pts/1"}, True, "darwin", False),
        ({"DISPLAY": ":0", "container": "podman"}, True, "linux", False),
        ({"DISPLAY": ":0", "CI": "true"}, True, "linux", False),
    ],
)
def test_a_browser_is_opened_where_somebody_sits_before_it(
    env: dict[str, str], terminal: bool, platform: str, opened: bool, tmp_path: Path
) -> None:
    assert welcome.has_browser(env, terminal=terminal, platform=platform, root=tmp_path) is opened


def test_no_browser_is_opened_in_a_container(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert not welcome.has_browser({"DISPLAY": ":0"}, terminal=True, platform="linux", root=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "redis_url", "own"),
    [
        ([], "", True),
        (["--host", "::1"], "", True),
        (["--host", "localhost"], "", True),
        (["--host", "127.0.0.2"], "", True),
        (["--host", "0.0.0.0"], "", False),
        (["--host", "192.168.1.7"], "", False),
        (["--host", "lectern.test"], "", False),
        ([], "redis://shared", False),
    ],
)
def test_a_link_is_printed_only_where_who_starts_it_is_who_uses_it(arguments: list[str], redis_url: str, own: bool) -> None:
    plan = serve.read_plan(arguments, Settings.model_validate({"redis_url": redis_url}))
    assert plan.own_machine is own
    assert plan.browser
    assert not serve.read_plan(["--no-browser"], Settings()).browser


def test_the_link_signs_in_who_has_been_admin_for_longest(store: Store, tmp_path: Path) -> None:
    said: list[str] = []
    first_admin.appoint(tmp_path, store, said.append)
    people.add(store, "grace", org="maths", role="admin")
    people.add(store, "ada", org="maths")

    def invited() -> str | None:
        return people_tokens.invited(store, welcome.link_for_admin(store, "http://127.0.0.1:8000").rsplit("/", 1)[1])

    assert invited() == "admin"
    people.remove(store, "admin")
    assert invited() == "grace"
    first_admin.appoint(tmp_path, store, said.append)
    assert [person.user for person in people.listing(store)] == ["ada", "grace"], "who was removed does not come back"
    assert "users token grace" in said[-1]
