"""What is counted on the wire is what clients do: on a real Redis."""

from __future__ import annotations

import select
from pathlib import Path

import pytest
from redis import Redis

from bench.bench import open_store
from bench.fill import GRAPH, ONE, fill, synthetic, wide
from bench.footprint import kind
from bench.http_load import is_whole
from bench.wire import Wire, commands
from jobs import show, submit
from jobs.settings import settings
from jobs.store import Store, connect


def test_a_pipeline_is_one_round_trip_and_a_command_is_one(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Wire(redis_url, tmp_path / "wire.sock") as wire:
        client = connect(wire.url)
        client.ping()

        def ask() -> None:
            with client.pipeline(transaction=False) as pipe:
                for n in range(10):
                    pipe.set(f"k{n}", "x")
                pipe.execute()
            client.get("k1")
            client.get("k2")

        assert wire.count(ask) == 3
        client.close()


def test_round_trips_are_told_apart_by_connection(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Wire(redis_url, tmp_path / "wire.sock") as wire:
        one, other = connect(wire.url), connect(wire.url)
        one.ping()
        other.ping()
        before = wire.by_connection()
        for _ in range(3):
            other.ping()

        assert [now - then for now, then in zip(wire.by_connection(), before, strict=True)] == [0, 3]
        one.close()
        other.close()


def test_a_server_that_hangs_up_is_passed_on(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Wire(redis_url, tmp_path / "wire.sock") as wire:
        client = connect(wire.url)
        redis.client_kill_filter(_id=str(client.client_id()))
        (connection,) = client.connection_pool._available_connections
        assert select.select([connection._sock], [], [], 10)[0], "the wire passes on that the server has hung up"

        client.ping()

        assert len(wire.by_connection()) == 2, "the client has noticed, and opened another"
        client.close()


def test_commands_of_scripts_are_not_counted_and_pipelined_ones_are(redis: Redis, redis_url: str) -> None:
    with commands(redis, connect(redis_url)) as counted:
        redis.eval("redis.call('SET', 'a', '1') return redis.call('GET', 'a')", 0)
        with redis.pipeline(transaction=False) as pipe:
            pipe.get("a")
            pipe.get("b")
            pipe.execute()

    assert counted == {"EVAL": 1, "GET": 2}


def test_jobs_that_are_filled_in_are_those_that_submit_makes(store: Store) -> None:
    by_hand = submit.submit(store, synthetic(GRAPH))

    filled = fill(store, synthetic(GRAPH), 250, ["acme", "beta"])

    assert len(set(filled)) == 250
    own, other = show.job(store, by_hand), show.job(store, filled[1])
    assert [(task.name, task.state, task.needs) for task in own.tasks] == [(task.name, task.state, task.needs) for task in other.tasks]
    assert (own.org, other.org) == ("bench", "beta")
    assert store.redis.zcard(store.keys.org_jobs("acme")) == 125
    assert set(store.redis.hkeys(store.keys.job(by_hand))) == set(store.redis.hkeys(store.keys.job(filled[0])))


def test_jobs_of_many_tasks_are_in_line_at_once(store: Store) -> None:
    (job,) = fill(store, synthetic(wide(200)), 1)

    assert store.redis.zcard(store.keys.sweeps()) == 0
    assert store.redis.llen("rq:queue:short.normal.fresh.bench") == 200
    assert len(show.job(store, job).tasks) == 200


def test_the_benchmarks_store_is_that_of_its_address(redis: Redis, redis_url: str) -> None:
    fill(open_store(f"{redis_url}?db=3"), synthetic(ONE), 2)

    assert redis.dbsize() == 0
    assert settings().redis_url == redis_url
    assert redis.info("keyspace")["db3"]["keys"] > 0


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("app:jobs:0123456789abcdef:state", "app:jobs:<id>:state"),
        ("rq:job:0123456789abcdef-f", "rq:job:<id>-<task>"),
        ("rq:job:0123456789abcdef-f-12", "rq:job:<id>-<task>-<n>"),
        ("rq:results:11111111-2222-3333-4444-555555555555", "rq:results:<id>"),
        ("rq:finished:short", "rq:finished:short"),
    ],
)
def test_keys_of_all_jobs_are_of_one_kind(key: str, shown: str) -> None:
    assert kind(key) == shown


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", False),
        (b"HTTP/1.1 304 NOT MODIFIED\r\nETag: x\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Len", False),
    ],
)
def test_an_answer_is_whole_when_as_much_is_there_as_it_says(answer: bytes, whole: bool) -> None:
    assert is_whole(answer) is whole
