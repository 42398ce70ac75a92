"""Settings that do not fit are refused in a sentence that names them."""

from __future__ import annotations

import pytest

from jobs.errors import Misconfigured
from jobs.settings import settings
from jobs.store import connect
from scripts import admin


@pytest.mark.parametrize("level", ["debug", "Warning", "ERROR"])
def test_a_log_level_may_be_written_in_any_case(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    assert settings().log_level == level.upper()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"LEASE_SECONDS": "soon"}, "setting LEASE_SECONDS: expected a number, not 'soon'"),
        ({"LOG_LEVEL": "loud"}, "setting LOG_LEVEL: expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'LOUD'"),
        ({"PROBE_SECONDS": "90"}, "setting PROBE_SECONDS: expected at most 50, not '90'"),
        ({"RENEW_SECONDS": "50", "LEASE_SECONDS": "3"}, "RENEW_SECONDS=50 is more than half of LEASE_SECONDS=3: set RENEW_SECONDS to 1"),
        ({"PORT": "a", "WEB_THREADS": "0"}, "setting PORT: .*; setting WEB_THREADS: "),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=said):
        settings()


def test_a_lease_may_be_renewed_twice_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "10")
    assert settings().renew_seconds == 5


def test_the_command_line_for_admins_names_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "soon")
    assert admin.main(["users", "list"]) == 2
    assert capsys.readouterr().err.startswith("admin: setting LEASE_SECONDS: ")


@pytest.mark.parametrize("url", ["localhost:6379", "http://host", "redis://:secret/word@host:6379/0", "redis://host:6379/0?db=first"])
def test_an_address_that_is_not_one_of_a_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^REDIS_URL is not") as refused:
        connect(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("query", "checked"), [("", "none"), ("?ssl_cert_reqs=required", "required")])
def test_certificates_are_checked_when_the_address_says_so(query: str, checked: str) -> None:
    client = connect(f"rediss://:secret@host:6379/0{query}")
    assert client.connection_pool.connection_kwargs["ssl_cert_reqs"] == checked
