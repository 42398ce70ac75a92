"""A supervisor hears what RQ's tools do without asking all the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from redis.exceptions import RedisError, TimeoutError

from jobs.store import connect
from tests.workers.conftest import until
from workers.notices import ANYWAY_EVERY_S, AT_MOST_EVERY_S, Notices

KEYS = ["rq:suspended", "rq:queue:short", "rq:queue:long"]
CHANNEL = "rq:pubsub:test"

Listen = Callable[[Redis], Notices]


@pytest.fixture
def listen(redis: Redis) -> Iterator[Listen]:
    opened: list[Notices] = []

    def listen(client: Redis) -> Notices:
        opened.append(Notices(client, CHANNEL, KEYS))
        return opened[-1]

    yield listen
    for notices in opened:
        notices.close()


@pytest.fixture
def notices(listen: Listen, redis_url: str) -> Notices:
    return listen(connect(redis_url))


def answer(notices: Notices, now: float) -> int:
    """Read until an answer has come. `now` stands still, so that nothing falls due meanwhile."""

    def found() -> tuple[int] | None:
        notices.read(now)
        return None if (found := notices.found()) is None else (found,)

    return until(found)[0]


def asked(redis: Redis) -> int:
    stats = redis.info("commandstats")
    return int(stats["cmdstat_exists"]["calls"]) if "cmdstat_exists" in stats else 0


def test_what_is_published_is_read_in_its_order(notices: Notices, redis: Redis) -> None:
    redis.publish(CHANNEL, "one")
    redis.publish(CHANNEL, "two")
    heard: list[bytes] = []
    until(lambda: heard.extend(notices.read(0.0)) or len(heard) == 2)  # type: ignore[func-returns-value]
    assert heard == [b"one", b"two"]


def test_keys_are_asked_for_at_once_and_each_answer_is_given_once(notices: Notices, redis: Redis) -> None:
    redis.rpush("rq:queue:long", "job")
    assert answer(notices, 0.0) == 1
    assert notices.found() is None


def test_what_is_pushed_is_heard_and_nothing_is_asked_before(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    redis.config_resetstat()
    for moment in range(1, int(ANYWAY_EVERY_S)):
        notices.read(float(moment))
    assert asked(redis) == 0
    redis.rpush("rq:queue:short", "job")
    assert answer(notices, ANYWAY_EVERY_S - 0.5) == 1
    assert asked(redis) == 1


@pytest.mark.parametrize("taken", ["by a script", "by FLUSHALL", "by its expiry"])
def test_what_is_gone_is_heard(notices: Notices, redis: Redis, taken: str) -> None:
    redis.set("rq:suspended", 1, px=1500 if taken == "by its expiry" else None)
    assert answer(notices, 0.0) == 1
    if taken == "by a script":
        redis.eval("return redis.call('DEL', KEYS[1])", 1, "rq:suspended")
    elif taken == "by FLUSHALL":
        redis.flushall()
    assert answer(notices, AT_MOST_EVERY_S) == 0


def test_keys_that_change_all_the_time_are_asked_for_once_a_second(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    redis.rpush("rq:queue:short", "job")
    assert answer(notices, AT_MOST_EVERY_S) == 1
    redis.config_resetstat()
    for step in range(20):
        redis.rpush("rq:queue:short", "job")
        notices.read(AT_MOST_EVERY_S * (1 + step / 21))
    assert asked(redis) == 0
    assert answer(notices, 2 * AT_MOST_EVERY_S) == 1
    assert asked(redis) == 1


def test_keys_are_asked_for_now_and_then_in_any_case(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    redis.config_resetstat()
    assert answer(notices, ANYWAY_EVERY_S) == 0
    assert asked(redis) == 1


def test_a_redis_that_may_not_tell_is_asked_every_second(listen: Listen, redis: Redis, redis_url: str) -> None:
    redis.execute_command("ACL", "SETUSER", "silent", "on", "nopass", "~*", "&*", "+@all", "-client")
    client = connect(redis_url)
    client.connection_pool.connection_kwargs |= {"username": "silent", "password": "any"}
    try:
        heard_every_second(listen(client), redis)
    finally:
        redis.execute_command("ACL", "DELUSER", "silent")


def test_a_redis_of_the_old_protocol_is_asked_every_second(listen: Listen, redis: Redis, redis_url: str) -> None:
    client = connect(redis_url)
    client.connection_pool.connection_kwargs["protocol"] = 2
    heard_every_second(listen(client), redis)


def heard_every_second(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    answer(notices, AT_MOST_EVERY_S)  # by now it is known that nothing will be told
    redis.publish(CHANNEL, "a command")
    until(lambda: notices.read(AT_MOST_EVERY_S) == [b"a command"])
    redis.rpush("rq:queue:short", "job")
    notices.read(1.9 * AT_MOST_EVERY_S)
    assert notices.found() is None
    assert answer(notices, 2 * AT_MOST_EVERY_S) == 1


def test_a_connection_that_does_not_answer_is_given_up(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    redis.execute_command("CLIENT", "PAUSE", 1500, "ALL")
    notices.read(ANYWAY_EVERY_S)
    notices.read(2 * ANYWAY_EVERY_S - 0.1)
    with pytest.raises(TimeoutError, match="no answer"):
        notices.read(2 * ANYWAY_EVERY_S)
    assert redis.ping()  # waits for the end of the pause, as closing does


def test_a_connection_that_is_cut_is_an_error(notices: Notices, redis: Redis) -> None:
    assert answer(notices, 0.0) == 0
    redis.client_kill_filter(_type="pubsub")
    with pytest.raises(RedisError):
        until(lambda: notices.read(0.0))
