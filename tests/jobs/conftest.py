"""Hands for every test of the verbs, and an audit of all of Redis when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands


@pytest.fixture
def hands(store: Store) -> Iterator[Hands]:
    yield Hands(store)
    assert audit(store) == []
