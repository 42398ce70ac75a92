"""The loopback API, and runs that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobs.model import Claimed
from jobs.settings import Settings
from jobs.storage import Storage
from tests.gemini.api import Api, serving

KEY = "AIzaSy-not-to-be-seen-anywhere"
SDKS = ("google-generativeai", "google-genai")
NOW = 1_750_000_000.0  #: 15:06:40 UTC, 08:06:40 in Los Angeles, on a day of June 2025


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as api:
        yield api


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Run:
    """A run as an engine sees it, without Redis."""

    claimed: Claimed
    settings: Settings
    storage: Storage
    inputs: dict[str, Any] = field(default_factory=dict)
    children: dict[str, list[Any]] = field(default_factory=dict)
    closed: tuple[float, str] = (0.0, "")
    suspensions: list[tuple[str, float, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    stops: BaseException | None = None
    checks: int = 0

    def key(self, name: str) -> str:
        return f"jobs/{self.claimed.job}/{self.claimed.node}/{self.claimed.run}/{name}"

    def progress(self, fraction: float, message: str = "") -> None:
        self.messages.append(message)

    def checkpoint(self) -> None:
        self.checks += 1
        if self.stops is not None:
            raise self.stops

    def corrections(self) -> None:
        """None of the job's owner."""

    def children_outputs(self, task: str) -> list[Any]:
        return self.children.get(task, [])

    def suspended(self, service: str) -> tuple[float, str]:
        assert service == "gemini"
        return self.closed

    def suspend(self, service: str, wait_s: float, why: str) -> None:
        self.suspensions.append((service, wait_s, why))


@pytest.fixture
def run(api: Api, tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes a run; keywords in capitals are settings, others what was claimed."""

    def run(**given: Any) -> Run:
        config = {name.lower(): value for name, value in given.items() if name.isupper()}
        settings = Settings(**{"gemini_api_key": KEY, "gemini_endpoint": api.url, "third_parties": "gemini", **config})
        claimed = Claimed(
            run="r1", job="7f3a", task="cleanup", child=None, engine="cleanup", queue="short", type="transcription", version=1, user="ada",
            org="maths", attempt=1, attempts=3, backoff_s=5, timeout_s=60, claimed_at=NOW, params={}, payload={}, inputs={},
        )  # fmt: skip
        changed = {name: value for name, value in given.items() if not name.isupper()}
        return Run(claimed._replace(**changed), settings, Storage.folder(tmp_path / "storage"))

    return run
