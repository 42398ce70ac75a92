"""Break one thing in Redis: for each rule of the doctor a fault, planted as no script of ours would leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs import control, orgs
from jobs.control import Paused
from jobs.model import Failed, Idle, Spawn
from jobs.settings import Settings
from jobs.store import Store
from tests.jobs.hands import Hands, chain

LANE = "rq:queue:short.normal.fresh.acme"


@dataclass(frozen=True)
class Plant:
    rules: frozenset[str]  #: what is broken by it, exactly
    says: str  #: stands in the sentence
    plant: Callable[[Hands], str]  #: returns the job that it befalls
    repaired: bool  #: by --fix


PLANTS: list[Plant] = []


def plant(*rules: str, says: str, repaired: bool = True) -> Callable[[Callable[[Hands], str]], Callable[[Hands], str]]:
    def note(function: Callable[[Hands], str]) -> Callable[[Hands], str]:
        PLANTS.append(Plant(frozenset(rules), says, function, repaired))
        return function

    return note


def split(hands: Hands, children: int = 3) -> str:
    """A job whose task has split into children, which are ready."""
    job = hands.submit({"name": "parent"})
    hands.record(hands.claim(), Spawn(tuple({} for _ in range(children))))
    return job


def paused(hands: Hands, name: str, kind: Paused) -> str:
    """A job that waits for the end of a pause, and that a claim has met."""
    job = hands.submit({"name": "a"})
    control.pause(hands.store, name, kind, now=hands.now)
    hands.look()
    return job


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


# members of sets


@plant("lease-held", says="holds no running task")
def a_lease_of_an_earlier_run(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("app:leases", {f"{job}-a:earlier": 9e15})
    return job


@plant("delayed-held", says="is no delayed task")
def a_ready_task_that_is_to_be_made_ready(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("app:delayed", {f"{job}-a": 9e15})
    return job


@plant("registry-held", says="RQ's failed registry of queue short holds")
def a_registry_that_holds_what_is_gone(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("rq:failed:short", {f"{'0' * 16}-a": 9e9})
    return job


@plant("registry-held", says="RQ's deferred registry of queue long holds")
def a_task_in_another_queues_registry(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("rq:deferred:long", {f"{job}-a": 9e9})
    return job


@plant("index-held", says="the list of user bob holds job")
def a_job_in_the_list_of_somebody_else(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("app:users:bob:jobs", {job: 1})
    return job


@plant("index-held", says="the list of jobs holds job nobody")
def a_list_that_holds_a_job_that_is_gone(hands: Hands) -> str:
    hands.store.redis.zadd("app:jobs", {"nobody": 1})
    return hands.submit({"name": "a"})


@plant("index-held", says="the list of status failed holds job nobody")
def an_index_that_holds_a_job_that_is_gone(hands: Hands) -> str:
    hands.store.redis.zadd("app:status:failed", {"nobody": 1})
    return hands.submit({"name": "a"})


# organisations and queues


@plant("share-ready", says="is not in ready: its turn will not come")
def an_organisation_that_is_never_its_turn(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zrem("app:ready:short:normal", "acme")
    return job


@plant("share-ready", says="is in ready of priority low, but waits for nothing")
def a_turn_for_nothing(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.zadd("app:ready:short:low", {"acme": 1})
    return job


@plant("share-ready", says="is in ready of priority normal, but is parked")
def a_parked_organisation_that_has_its_turn(hands: Hands) -> str:
    job = paused(hands, "acme", "org")
    hands.store.redis.zadd("app:ready:short:normal", {"acme": 1})
    return job


@plant("share-ready", says="is not in turns: its turn will not come")
def an_organisation_without_its_turns_of_rule_5(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.delete("app:turns:short:normal")
    return job


@plant("share-parked", "share-ready", says="acme in queue short is not listed as parked, its share says otherwise")
def a_parked_organisation_that_is_not_listed(hands: Hands) -> str:
    job = paused(hands, "acme", "org")
    hands.store.redis.delete("app:parked:acme")
    return job


@plant("share-parked", says="acme in queue short is listed as parked, its share says otherwise")
def a_parked_organisation_that_does_not_know(hands: Hands) -> str:
    job = paused(hands, "acme", "org")
    hands.store.redis.hdel("app:fair:short:acme", "k")
    return job


@plant("share-reason", says="nobody will put it back")
def an_organisation_parked_for_no_reason(hands: Hands) -> str:
    job = paused(hands, "acme", "org")
    hands.store.redis.delete("app:pauses")
    return job


@plant("org-running", says="acme runs 1 tasks in all, its limit counts 9")
def a_limit_that_seems_reached(hands: Hands) -> str:
    orgs.set(hands.store, "acme", max_running=9)
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.claim()
    hands.store.redis.hset("app:orgs:acme", "running", 9)
    return job


@plant("queue-depth", says="queue short holds 2 ids of priority normal, its clock says 7")
def a_queue_that_seems_longer(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.store.redis.hset("app:clock:short", "wn", 7)
    return job


@plant("held-kept", says="1 tasks of job type synthetic are held, which is not paused")
def held_tasks_that_nobody_puts_back(hands: Hands) -> str:
    job = paused(hands, "synthetic", "type")
    hands.store.redis.delete("app:pauses")
    return job


@plant("share-chained", says="acme in queue short has 1 chained tasks of priority normal, and is not in chained")
def a_chained_task_that_is_in_no_index(hands: Hands) -> str:
    hands.store = Store(hands.store.redis, Settings(fair_order="chained,priority"))
    job = hands.submit({"name": "a", "duration": "long"}, {"name": "b", "needs": ["a"]})
    hands.work()
    hands.store.redis.delete("app:chained:short:normal")
    return job


@plant("share-letters", says="waits with normal, its share says hl")
def letters_of_other_priorities(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset("app:fair:short:acme", "p", "hl")
    return job


@plant("share-running", says="acme in queue short runs 1 tasks, its share says 5")
def an_organisation_that_seems_busy(hands: Hands) -> str:
    job = hands.submit({"name": "a"}, {"name": "b"})
    hands.claim()
    hands.store.redis.hset("app:fair:short:acme", "n", 5)
    return job


@plant("queue-running", says="queue short runs 0 tasks, its clock says 3")
def a_queue_that_seems_busy(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.hset("app:clock:short", "n", 3)
    return job


@plant("share-expiry", says="waits or runs, and its share expires")
def a_share_that_will_be_forgotten(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.expire("app:fair:short:acme", 1000)
    return job


@plant("share-expiry", says="its share never expires")
def a_share_that_is_kept_for_ever(hands: Hands) -> str:
    hands.store.redis.hset("app:fair:long:bolt", mapping={"v": 5, "n": 0, "p": ""})
    return hands.submit({"name": "a"})


@plant("lane-listed", says="RQ's list of queues does not name short.normal.fresh.acme")
def a_lane_that_rqs_tools_do_not_see(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.srem("rq:queues", LANE)
    return job


@plant("lane-emptied", says="which is empty")
def an_empty_lane_that_rqs_tools_see(hands: Hands) -> str:
    job = hands.submit({"name": "a"})
    hands.store.redis.sadd("rq:queues", "rq:queue:long.low.chained.bolt")
    return job


@plant("plain-lease", "share-running", "queue-running", "share-expiry", says="plain RQ job my-own runs without a lease")
def a_plain_rq_job_that_nobody_watches(hands: Hands) -> str:
    redis = hands.store.redis
    redis.hset("rq:job:my-own", mapping={"status": "queued", "origin": "short", "data": "[]"})
    redis.rpush("rq:queue:short", "my-own")
    assert not isinstance(hands.look(), Idle)
    redis.delete("app:leases")
    return hands.submit({"name": "a"})


# keys and pauses


@plant("key-described", says="app:mystery is not described", repaired=False)
def a_key_of_nobody(hands: Hands) -> str:
    hands.store.redis.set("app:mystery", "?")
    return hands.submit({"name": "a"})


@plant("key-expiry", says="key app:worker:host:1:abc never expires")
def a_key_that_stays_for_ever(hands: Hands) -> str:
    hands.store.redis.set("app:worker:host:1:abc", "- - - -")
    return hands.submit({"name": "a"})


@plant("key-expiry", says="upload 0123 is used by no job, and never expires")
def an_upload_that_no_job_uses(hands: Hands) -> str:
    hands.store.redis.hset("app:uploads:0123", "user", "ada")
    return hands.submit({"name": "a"})


@plant("key-owner", says="outlived its job")
def a_key_that_outlived_its_job(hands: Hands) -> str:
    hands.store.redis.hset("app:jobs:0123456789abcdef:outputs", "a", "1")
    return hands.submit({"name": "a"})


@plant("key-owner", says="rq:job:0123456789abcdef-a outlived its job")
def an_rq_job_that_outlived_its_job(hands: Hands) -> str:
    hands.store.redis.hset("rq:job:0123456789abcdef-a", "status", "queued")
    return hands.submit({"name": "a"})


@plant("pause-known", says="queue lnog is paused, but there is none", repaired=False)
def a_pause_with_a_slip(hands: Hands) -> str:
    control.pause(hands.store, "lnog")
    return hands.submit({"name": "a"})
