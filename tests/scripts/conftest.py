"""The admin's command line, called in the test's own process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.store import Store
from scripts import admin as command
from tests.jobs.hands import Hands


class Admin:
    """Call the command and read what it prints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Return what it says: its answer, or with code 2 its excuse."""
        assert command.main(list(arguments)) == code
        told = self.capsys.readouterr()
        return told.err if code == 2 else told.out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def refused(self, *arguments: str) -> str:
        """Return what is said of arguments that do not fit."""
        with pytest.raises(SystemExit) as ended:
            command.main(list(arguments))
        assert ended.value.code == 2
        return self.capsys.readouterr().err


@pytest.fixture
def admin(capsys: pytest.CaptureFixture[str], store: Store) -> Admin:
    return Admin(capsys)


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store)
