"""Which trouble with Redis passes, and how long it is waited for."""

from __future__ import annotations

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from jobs.errors import Overloaded, Stale
from workers.patience import Patience, passes


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("refused"),
        exceptions.TimeoutError(),
        exceptions.BusyLoadingError("LOADING"),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it cannot"),
        exceptions.ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"),
        exceptions.ResponseError(
            "Error running script (call to f_a7): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'."
        ),
        Overloaded("Redis takes no writes now"),
    ],
)
def test_trouble_that_ends_by_itself_is_waited_for(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize("code", ["LOADING", "OOM", "READONLY", "MISCONF", "MASTERDOWN", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN"])
def test_trouble_is_known_in_whatever_class_redis_py_puts_it(code: str) -> None:
    assert passes(BaseParser.parse_error(f"{code} said the server"))


@pytest.mark.parametrize("error", [exceptions.ResponseError("unknown command OOM"), Stale("gone"), ValueError(), exceptions.DataError()])
def test_a_mistake_is_not(error: Exception) -> None:
    assert not passes(error)


def test_the_wait_grows_to_five_seconds_and_starts_anew_after_a_success() -> None:
    patience = Patience()
    waits = [patience.lose() for _ in range(50)]
    assert 0.05 <= waits[0] <= 0.1
    assert all(2.5 <= wait <= 5 for wait in waits[7:])
    assert patience.regain()
    assert not patience.regain()
    assert patience.lose() <= 0.1
