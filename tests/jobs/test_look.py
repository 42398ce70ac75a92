"""`look`: where a job stands, read in one round trip, whatever else waits."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from jobs import control, orgs, show
from jobs.errors import NotFound
from jobs.model import Completed, Spawn, Standing
from jobs.store import Store
from tests.jobs.hands import START, Hands, chain


def serve(redis: Redis, *queues: str, name: str = "rq:worker:one") -> None:
    """Have a worker of these queues, as RQ lists it."""
    for queue in queues:
        redis.sadd(f"rq:workers:{queue}", name)
    redis.hset(name, "birth", "now")


def stand(hands: Hands, job: str) -> Standing:
    standing = show.look(hands.store, job, now=hands.now)[1]
    assert standing is not None
    return standing


def test_a_job_that_has_ended_stands_nowhere_and_one_that_is_not_there_is_not_found(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.drain()
    assert show.look(hands.store, job)[1] is None
    with pytest.raises(NotFound, match="there is no job none"):
        show.look(hands.store, "none")


def test_the_time_is_rediss_own(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    assert show.look(hands.store, job, now=START + 1.5)[2] == START + 1.5
    seconds, us = redis.time()
    assert 0 <= show.look(hands.store, job)[2] - (seconds + us / 1e6) < 10


def test_each_queue_of_what_is_left_has_its_line(hands: Hands, redis: Redis) -> None:
    serve(redis, "short")
    job = hands.submit({"name": "a"}, {"name": "b", "needs": ["a"], "duration": "long", "zone": "gpu"})
    hands.submit({"name": "a"})
    hands.submit({"name": "a"}, org="uni", priority="high")
    standing = stand(hands, job)
    assert (standing.task, standing.queue, standing.ahead, set(standing.lines)) == ("a", "short", 0, {"short", "gpu.long"})
    line = standing.line
    assert (line.fresh, line.chained, line.others, line.running, line.workers) == (2, 0, 0, 0, 1)
    assert line.waiting == {"high": 1, "normal": 2, "low": 0, "background": 0}
    assert standing.lines["gpu.long"].workers == 0
    hands.work()
    hands.work()
    assert (stand(hands, job).queue, set(stand(hands, job).lines)) == ("gpu.long", {"gpu.long"})


def test_chained_tasks_stand_before_fresh_ones(hands: Hands) -> None:
    first = hands.submit({"name": "l", "duration": "long"}, {"name": "m", "needs": ["l"], "duration": "long"})
    hands.work()
    second = hands.submit({"name": "l", "duration": "long"})
    assert (stand(hands, first).ahead, stand(hands, second).ahead) == (0, 1)
    line = stand(hands, second).line
    assert (line.chained, line.fresh, line.own) == (1, 1, 2)


def test_how_many_claims_take_a_fresh_task_is_learnt(hands: Hands) -> None:
    for _ in range(4):
        hands.submit({"name": "l", "duration": "long"}, {"name": "m", "needs": ["l"], "duration": "long"})
    hands.record(hands.claim())
    hands.record(hands.claim(), Spawn(({}, {})))
    for _ in range(2):
        hands.record(hands.claim(), Completed())
    last = hands.submit({"name": "l", "duration": "long"})
    assert stand(hands, last).line.fresh_share == pytest.approx(1 / 4, abs=1e-5)
    hands.drain()


@pytest.mark.parametrize(
    ("pause", "held"),
    [
        (None, ""),
        (("short", "queue"), "queue"),
        (("acme", "org"), "organisation"),
        (("synthetic", "type"), "type"),
        (("long", "queue"), ""),
    ],
)
def test_what_is_paused_is_told(hands: Hands, redis: Redis, pause: Any, held: str) -> None:
    serve(redis, "short")
    job = hands.submit({"name": "a"})
    if pause:
        control.pause(hands.store, *pause, now=hands.now)
    assert (stand(hands, job).held, show.status(hands.store, job)["held"]) == (held, held or None)
    if pause:
        control.resume(hands.store, *pause, now=hands.now)
    assert stand(hands, job).held == ""


def test_an_organisation_at_its_limit_is_told_once_a_claim_has_met_it(hands: Hands, redis: Redis) -> None:
    serve(redis, "short")
    orgs.set(hands.store, "acme", max_running=1, now=hands.now)
    jobs = [hands.submit({"name": "a"}) for _ in range(2)]
    running = hands.claim()
    hands.look()
    standing = stand(hands, jobs[1])
    assert (standing.held, standing.limit) == ("limit", 1)
    assert (
        show.status(hands.store, jobs[1])["message"]
        == "acme has as many tasks running as it may (1); the next begins when one of them ends"
    )
    hands.record(running)
    assert stand(hands, jobs[1]).held == ""


def test_a_queue_whose_workers_were_killed_is_served_by_nobody(hands: Hands, redis: Redis) -> None:
    job = hands.submit(*chain("a", "b"))
    assert stand(hands, job).held == "worker"
    serve(redis, "short")
    assert stand(hands, job).held == ""
    redis.delete("rq:worker:one")  # it expires; the name in the set of the queue stays
    assert stand(hands, job).held == "worker"
    serve(redis, "short", name="rq:worker:two")
    assert (stand(hands, job).held, stand(hands, job).line.workers) == ("", 1)
    running = hands.claim()
    assert (stand(hands, job).task, stand(hands, job).held) == ("", "")
    hands.record(running)


def test_it_takes_one_round_trip_and_as_many_commands_however_much_waits(store: Store, hands: Hands, redis: Redis) -> None:
    def commands(job: str) -> dict[str, int]:
        before = redis.info("commandstats")
        show.look(store, job, now=hands.now)
        after = redis.info("commandstats")
        made = {name: figures["calls"] - before.get(name, {"calls": 0})["calls"] for name, figures in after.items()}
        return {name: count for name, count in made.items() if count and name != "cmdstat_info"}

    first = hands.submit(*chain("a", "b"))
    show.look(store, first)  # the script is known
    few = commands(first)
    assert few["cmdstat_evalsha"] == 1
    for n in range(200):
        hands.submit({"name": "a"}, org=f"org{n % 20}", priority="high" if n % 3 else "normal")
    last = hands.submit(*chain("a", "b"))
    assert commands(first) == commands(last) == few
