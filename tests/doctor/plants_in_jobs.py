"""Faults of jobs, of their tasks, and of what RQ says of them."""

from __future__ import annotations

from jobs import control
from jobs.model import Failed, Spawn
from tests.doctor.planting import LANE, plant, split
from tests.jobs.hands import Hands, chain

# a job


@plant("job-readable", says="task a is 'limbo'", repaired=False)
def a_state_that_is_none(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.store.redis.hset(f"app:jobs:{job}:state", "a", "limbo")
    return job


@plant("job-readable", says="task a has no line", repaired=False)
def a_task_without_a_line(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.store.redis.hdel(f"app:jobs:{job}:tasks", "a")
    return job


@plant("job-listed", says="is not listed under user ada")
def a_job_its_user_cannot_see(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zrem("app:users:ada:jobs", job)
    return job


@plant("job-listed", says="is not listed under jobs")
def a_job_in_no_list_of_all(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zrem("app:jobs", job)
    return job


@plant("job-status", says="is pending, but listed as nothing")
def a_job_in_no_index_of_status(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zrem("app:status:pending", job)
    return job


@plant("job-status", says="is pending, but listed as pending, failed")
def a_job_in_two_indexes_of_status(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("app:status:failed", {job: 1})
    return job


@plant("job-left", says="counts 7 tasks left, 2 are")
def a_job_that_waits_for_more_than_it_has(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.store.redis.hset(f"app:jobs:{job}", "left", 7)
    return job


@plant("job-done", "job-left", says="is running with nothing left")
def a_job_that_never_noticed_its_end(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b", "optional": True})
    hands.store.redis.hset(f"app:jobs:{job}", "left", 7)
    hands.drain()
    return job


@plant("job-completed", "job-status", "job-left", "job-ended", says="is completed with a left", repaired=False)
def a_job_completed_too_early(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset(f"app:jobs:{job}", mapping={"status": "completed", "left": 0})
    return job


@plant("job-failed", says="is running with a failed", repaired=False)
def a_failed_task_that_failed_nothing(hands: Hands) -> str:
    job = hands.submit({"name": "z"}, {"name": "a", "attempts": 1})
    hands.work()
    hands.work(Failed("no"))
    hands.store.redis.hset(f"app:jobs:{job}", "status", "running")
    hands.store.redis.zrem("app:status:failed", job)
    hands.store.redis.zadd("app:status:running", {job: 1})
    return job


@plant("job-ended", says="is cancelled, but a, b is not finished")
def a_cancel_that_nobody_carries_out(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    redis = hands.store.redis
    redis.hset(f"app:jobs:{job}", mapping={"status": "cancelled", "cause": "@cancel"})
    redis.zrem("app:status:pending", job)
    redis.zadd("app:status:cancelled", {job: 1})
    return job


@plant("job-alive", says="is running, but a, b will never run")
def a_retry_that_nobody_carries_out(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    control.cancel(hands.store, job, now=hands.now)
    redis = hands.store.redis
    redis.hset(f"app:jobs:{job}", mapping={"status": "running", "cause": ""})
    redis.zrem("app:status:cancelled", job)
    redis.zadd("app:status:running", {job: 1})
    return job


@plant("job-alive", says="was never put in line")
def a_large_graph_half_in_line(hands: Hands) -> str:
    tasks = [{"name": f"t{n}"} for n in range(250)]
    run = hands.store.run
    hands.store.run = lambda verb, *args: [b"0"] if verb == "sweep" else run(verb, *args)  # type: ignore[method-assign]
    job = hands.submit(*tasks)
    hands.store.run = run  # type: ignore[method-assign]
    hands.store.redis.delete("app:sweeps")
    return job


@plant("job-erased", says="is being deleted, and nobody goes on")
def a_deletion_half_done(hands: Hands) -> str:
    job = hands.submit(*({"name": f"t{n}"} for n in range(250)))
    hands.store.run("delete", "", job)
    hands.store.redis.delete("app:sweeps")
    return job


# its tasks


@plant("task-needs", says=".b counts 0 tasks it waits for, 1 are")
def a_task_that_forgot_what_it_waits_for(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.store.redis.hset(f"app:jobs:{job}:state", "b:w", 0)
    return job


@plant("task-pending", "task-needs", says=".b is pending with 0 tasks to wait for")
def a_task_that_nobody_called(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.store.redis.hset(f"app:jobs:{job}:state", "b:w", 2)
    hands.work()
    return job


@plant("parent-joins", "children-counts", says="joins 0 unfinished and 0 cancelled children")
def a_parent_that_lost_count(hands: Hands) -> str:
    job = split(hands)
    hands.work()
    hands.store.redis.hdel(f"app:jobs:{job}:state", "parent:cc")
    hands.drain()
    return job


@plant("parent-ended", "job-ended", says="is cancelled, but 1 of its children")
def a_child_that_outlived_its_parent(hands: Hands) -> str:
    job = split(hands, children=2)
    hands.work()
    control.cancel(hands.store, job, now=hands.now)
    redis, child = hands.store.redis, f"{job}-parent-1"
    redis.hset(f"app:jobs:{job}:state:parent", "1", "pending")
    redis.hset(f"rq:job:{child}", "status", "deferred")
    redis.zrem("rq:canceled:short", child)
    redis.zadd("rq:deferred:short", {child: 1})
    return job


@plant("children-counts", says="counts 2 completed and 0 failed children, 1 and 0 are")
def children_counted_twice(hands: Hands) -> str:
    job = split(hands)
    hands.work()
    hands.store.redis.hset(f"app:jobs:{job}:state", "parent:cc", 2)
    return job


@plant("children-revived", says="has 1 children to revive")
def children_that_nobody_revives(hands: Hands) -> str:
    job = hands.submit({"name": "parent"})
    hands.record(hands.claim(), Spawn(({}, {}), attempts=1, allowed_failures=1))
    hands.work(Failed("no"))
    hands.store.redis.hset(f"app:jobs:{job}:state", mapping={"parent:rv": "0", "parent:cf": 0})
    return job


@plant("task-attempts", says="was charged 9 of 3 attempts", repaired=False)
def too_many_attempts(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset(f"app:jobs:{job}:state", "a:n", 9)
    return job


@plant("task-lease", says="without a lease")
def a_run_without_a_lease(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.claim()
    hands.store.redis.delete("app:leases")
    return job


@plant("task-delayed", says="nobody will make it ready")
def a_delay_without_end(hands: Hands) -> str:
    job = hands.submit({"name": "a", "backoff_seconds": 60})
    while hands.states(job)["a"] != "delayed":  # full jitter: it may be ready at once
        hands.work(Failed("no"))
    hands.store.redis.delete("app:delayed")
    return job


@plant("task-lane", says="is ready, but not in its lane short.normal.fresh.acme")
def a_ready_task_in_no_lane(hands: Hands) -> str:
    hands.submit({"name": "first"})
    job = hands.submit({"name": "a"})
    hands.submit({"name": "last"})
    hands.store.redis.lset(LANE, 1, f"{'0' * 16}-gone")
    return job


@plant("task-lane", "share-ready", "share-letters", "share-expiry", "queue-depth", "lane-emptied", says="no worker will claim it")
def a_lane_that_vanished(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.store.redis.delete(LANE)
    return job


@plant("task-place", says="stands in another place of its lane short.normal.fresh.acme than is told")
def a_task_that_is_told_a_wrong_place(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"}, {"name": "c"})
    hands.store.redis.hincrby(f"app:jobs:{job}:state", "b:q", 5)
    return job


@plant("lane-tail", says="places in lane short.normal.fresh.acme are told wrong by 4")
def a_lane_that_lost_count(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"}, {"name": "c"})
    hands.store.redis.hincrby("app:fair:short:acme", "tnf", 4)
    return job


# what RQ says


@plant("rq-status", says="is ready, RQ says finished, not queued")
def a_status_of_rqs_that_is_not_ours(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset(f"rq:job:{job}-a", "status", "finished")
    return job


@plant("rq-asked", says="is pending, and deleted in RQ", repaired=False)
def a_task_that_a_tool_of_rqs_deleted(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.store.redis.delete(f"rq:job:{job}-b")
    return job


@plant("rq-asked", says="is ready, and cancelled in RQ", repaired=False)
def a_task_that_a_tool_of_rqs_cancelled(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset(f"rq:job:{job}-a", "status", "canceled")
    hands.store.redis.zadd("rq:canceled:short", {f"{job}-a": 1})
    return job


@plant("rq-origin", says="is of queue short, RQ says long")
def a_task_of_another_queue(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset(f"rq:job:{job}-a", "origin", "long")
    return job


@plant("rq-registry", says="stands in these registries of RQ: deferred, failed")
def a_task_in_two_registries(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.store.redis.zadd("rq:failed:short", {f"{job}-b": 1})
    return job


@plant("rq-registry", says="is running, but stands in these registries of RQ: none")
def a_run_that_rq_does_not_show(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.renew(hands.claim())
    hands.store.redis.delete("rq:wip:short")
    return job
