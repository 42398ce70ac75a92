"""Faults of sets, of organisations and queues, of keys and pauses."""

from __future__ import annotations

from jobs import control, orgs
from jobs.model import Idle
from jobs.settings import Settings
from jobs.store import Store
from tests.doctor.planting import LANE, paused, plant
from tests.jobs.hands import Hands

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


@plant("held-kept", says="job type synthetic is not paused and has tasks held (1)")
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
