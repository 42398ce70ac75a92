"""Commands go over connections that are used again, and never over one that may hold a piece of another answer."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from jobs import wire
from jobs.store import Store
from jobs.wire import Wire


def used(store: Store) -> int:
    """How many connections the server has taken so far."""
    return int(store.redis.info("stats")["total_connections_received"])


@pytest.fixture
def its(store: Store) -> Wire:
    return Wire(redis.Redis.from_url(url_of(store)))


def url_of(store: Store) -> str:
    return f"unix://{store.redis.connection_pool.connection_kwargs['path']}"


def test_one_connection_serves_one_call_after_the_other(store: Store, its: Wire) -> None:
    its.call("PING")
    before = used(store)
    assert [its.call("ECHO", value) for value in ("a", b"b", 3, 0.5, "ü")] == [b"a", b"b", b"3", b"0.5", "ü".encode()]
    assert used(store) == before


def test_an_error_that_redis_answers_leaves_the_connection_in_use(store: Store, its: Wire) -> None:
    its.call("PING")
    before = used(store)
    with pytest.raises(redis.exceptions.NoScriptError):
        its.call("EVALSHA", "0" * 40, 0)
    assert its.call("ECHO", "x") == b"x"
    assert used(store) == before


def test_a_call_that_was_cut_short_takes_its_connection_with_it(store: Store) -> None:
    its = Wire(redis.Redis.from_url(url_of(store), socket_timeout=0.2))
    with pytest.raises(redis.exceptions.TimeoutError):
        its.call("BLPOP", "nothing", 1)
    time.sleep(1)  # the late answer would lie on the old connection
    assert its.call("ECHO", "x") == b"x"


def test_a_connection_that_the_server_has_closed_meanwhile_is_noticed(store: Store, its: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    its.call("PING")
    store.redis.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(redis.exceptions.ConnectionError):  # used a moment ago: nobody looked
        its.call("PING")
    its.call("PING")
    store.redis.client_kill_filter(_type="normal", skipme=True)
    monkeypatch.setattr(wire, "FRESH_S", 0.0)
    assert its.call("PING") == b"PONG"


def test_threads_share_a_wire_and_hear_their_own_answers(its: Wire) -> None:
    barrier = threading.Barrier(4)

    def ask(who: int) -> bool:
        barrier.wait()
        return all(its.call("ECHO", f"{who}.{n}") == f"{who}.{n}".encode() for n in range(300))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_a_forked_process_takes_connections_of_its_own(its: Wire) -> None:
    its.call("PING")
    child = os.fork()
    if child == 0:
        os._exit(0 if its.call("ECHO", "child") == b"child" else 1)
    assert its.call("ECHO", "parent") == b"parent"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
