"""scripts.admin orgs: weights and limits."""

from __future__ import annotations

from jobs import people
from jobs.model import Idle
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.scripts.conftest import Admin


def test_organisations_are_listed_with_what_they_get(admin: Admin, store: Store) -> None:
    people.add(store, "ada", org="physics")
    assert admin.json("orgs", "list") == [{"org": "physics", "weight": 1.0, "max_running": 0, "paused": False}]
    assert admin.json("orgs", "set", "acme", "--weight", "2.5") == {"org": "acme", "weight": 2.5, "max_running": 0, "paused": False}
    assert admin("orgs", "set", "acme", "--max-running", "3").strip() == "acme has weight 2.5; at most 3 of its tasks run at once"
    assert [org["org"] for org in admin.json("orgs", "list")] == ["acme", "physics"]
    assert "no limit" in admin("orgs", "list")
    admin("queues", "pause", "--org", "elsewhere")
    admin("queues", "pause", "--org", "acme")
    assert [line.split() for line in admin("orgs", "list").splitlines() if "paused" in line] == [
        ["acme", "2.5", "3", "paused"],
        ["elsewhere", "1", "no", "limit", "paused"],
    ]
    assert "paused: `queues resume --org acme`" in admin("orgs", "set", "acme", "--weight", "1")


def test_a_limit_holds_from_the_next_claim_until_it_is_taken_away(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"}, {"name": "c"})
    admin("orgs", "set", "acme", "--max-running", "1")
    hands.claim()
    assert isinstance(hands.look(), Idle)
    admin("orgs", "set", "acme", "--max-running", "0")
    hands.claim()


def test_what_does_not_fit_is_said_in_a_sentence(admin: Admin) -> None:
    assert "weight 0 is not between" in admin("orgs", "set", "acme", "--weight", "0", code=2)
    assert "--max-running -1 is not between" in admin("orgs", "set", "acme", "--max-running", "-1", code=2)
    assert "organisation 'A B' is not of the form" in admin("orgs", "set", "A B", "--weight", "1", code=2)
    assert "say what to set" in admin.refused("orgs", "set", "acme")
    assert "weight: invalid float value" in admin.refused("orgs", "set", "acme", "--weight", "heavy")


def test_a_limit_of_organisation_rq_counts_the_plain_jobs_that_run_already(admin: Admin, hands: Hands) -> None:
    redis = hands.store.redis
    for name in ("one", "two"):
        redis.hset(f"rq:job:{name}", mapping={"status": "queued", "origin": "short", "data": "[]"})
        redis.rpush("rq:queue:short", name)
    assert not isinstance(hands.look(), Idle)
    admin("orgs", "set", "rq", "--max-running", "1")
    assert redis.hget("app:orgs:rq", "running") == b"1"
    assert isinstance(hands.look(), Idle)
