"""What every test may ask for: a real Redis, a clean store, settings of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from redis import Redis

from jobs.settings import Settings, settings
from jobs.store import Store, connect
from scripts import embedded

# The short form walks the same walks everywhere: what fails was broken by a change. The long form (make chaos) looks for new ones.
hypothesis.settings.register_profile("short", derandomize=True)
if not os.environ.get("LECTERN_LONG"):
    hypothesis.settings.load_profile("short")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the developer's environment and `.env` out of the test, and what it sets out of the next."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Run one redis-server for the whole session, in memory only."""
    with tempfile.TemporaryDirectory(prefix="lectern-tests-") as folder, embedded.running(Path(folder), durable=False) as url:
        yield url


@pytest.fixture
def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A client of an empty Redis, which is also the one that REDIS_URL names."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    settings.cache_clear()
    client = connect(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def store(redis: Redis) -> Store:
    """A store on an empty Redis."""
    return Store(redis)
