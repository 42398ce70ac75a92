"""jobs.people: users, tokens, and that a token is nowhere to be read."""

from __future__ import annotations

import pytest
from redis import Redis

from jobs import control, people, submit
from jobs.errors import Conflict, InvalidSubmission, NotFound
from jobs.model import Submission
from jobs.people import Role
from jobs.store import Store


def test_a_token_is_shown_once_and_found_by_its_hash(store: Store, redis: Redis) -> None:
    token = people.add(store, "ada", org="physics", role="admin", now=1000)

    assert token.startswith("lec_")
    found = people.find(store, token)
    assert found == people.Person("ada", "physics", Role.ADMIN, 1000)
    assert found.admin
    for key in redis.scan_iter():
        kept = redis.dump(key)
        assert token.encode() not in (kept or b"")
        assert token.encode() not in key


def test_tokens_differ_and_a_wrong_one_is_nobodys(store: Store) -> None:
    tokens = {people.add(store, name, org="physics") for name in ("ada", "ben", "cleo")}

    assert len(tokens) == 3
    assert people.find(store, "lec_wrong") is None
    assert people.find(store, "") is None


def test_nobody_belongs_to_the_organisation_of_plain_rq_jobs(store: Store, redis: Redis) -> None:
    with pytest.raises(InvalidSubmission, match="organisation 'rq' is that of plain RQ jobs, and nobody else's; choose another name"):
        people.add(store, "eve", org="rq")
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, user="eve", org="rq", admin=True)
    with pytest.raises(InvalidSubmission, match="nobody else's") as refused:
        submit.submit(store, asked)
    assert refused.value.field == "org"
    assert redis.keys("app:jobs*") == redis.keys("app:users*") == []


def test_nobody_is_called_as_lectern_is(store: Store, redis: Redis) -> None:
    with pytest.raises(InvalidSubmission, match="user 'lectern' is Lectern itself; choose another name"):
        people.add(store, "lectern", org="acme")
    assert not redis.keys("*lectern*")


def test_a_name_that_is_taken_is_refused_and_keeps_its_token(store: Store) -> None:
    token = people.add(store, "ada", org="physics")

    with pytest.raises(Conflict, match="users token ada"):
        people.add(store, "ada", org="history", role="admin")

    found = people.find(store, token)
    assert found
    assert (found.org, found.role) == ("physics", Role.USER)


@pytest.mark.parametrize(
    ("name", "org", "role", "field"),
    [
        ("", "physics", "user", "name"),
        ("Ada", "physics", "user", "name"),
        ("a:b", "physics", "user", "name"),
        ("ada\n", "physics", "user", "name"),
        ("x" * 65, "physics", "user", "name"),
        ("ada", "Physics Dept", "user", "org"),
        ("ada", "", "user", "org"),
        ("ada", "physics", "owner", "role"),
    ],
)
def test_names_that_could_not_be_keys_are_refused(store: Store, redis: Redis, name: str, org: str, role: str, field: str) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        people.add(store, name, org=org, role=role)
    assert refused.value.field == field
    assert redis.keys() == []


def test_a_new_token_ends_the_old_one(store: Store) -> None:
    old = people.add(store, "ada", org="physics")

    new = people.new_token(store, "ada")

    assert people.find(store, old) is None
    assert people.find(store, new) == people.Person("ada", "physics", Role.USER, people.listing(store)[0].created_at)
    with pytest.raises(NotFound):
        people.new_token(store, "nobody")


def test_who_is_removed_leaves_nothing_and_the_organisation_goes_with_the_last(store: Store, redis: Redis) -> None:
    for name in ("ada", "ben"):
        people.add(store, name, org="physics")
    redis.hset("app:orgs:physics", "weight", "2")

    people.remove(store, "ada")
    assert redis.exists("app:orgs:physics")
    assert [person.user for person in people.listing(store)] == ["ben"]

    people.remove(store, "ben")
    assert redis.keys() == []
    with pytest.raises(NotFound):
        people.remove(store, "ben")


def test_a_name_is_not_given_on_with_the_jobs_of_another_organisation(store: Store) -> None:
    people.add(store, "ada", org="physics", role="admin")
    people.add(store, "bob", org="biology")
    job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "bob", "biology", admin=True))
    people.remove(store, "bob")
    with pytest.raises(Conflict, match="jobs purge --user bob"):
        people.add(store, "bob", org="physics")
    control.delete(store, job)
    assert people.add(store, "bob", org="physics")


def test_the_last_admin_stays(store: Store) -> None:
    people.add(store, "ada", org="physics", role="admin")
    with pytest.raises(Conflict, match="last admin"):
        people.remove(store, "ada")
    people.add(store, "grace", org="physics", role="admin")
    people.remove(store, "ada")
