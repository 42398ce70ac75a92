"""jobs.people_tokens: several tokens a person, when they were used, how they end; links that sign in once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from jobs import people, people_tokens, show, submit
from jobs.errors import Conflict, InvalidSubmission, NotFound
from jobs.model import Submission
from jobs.people import Role
from jobs.people_tokens import BROWSER_IDLE_S, LINK_S, MAX_TOKENS
from jobs.store import Store
from tests.jobs.audit import audit

NOW = 1_700_000_000.0


def labels(store: Store, user: str = "ada") -> list[str]:
    return [token.label for token in people_tokens.listing(store, user)]


def used_at(store: Store, user: str = "ada") -> float | None:
    return people_tokens.listing(store, user)[0].last_used_at


def test_a_person_may_hold_several_tokens_which_are_known_by_label_and_id(store: Store, redis: Redis) -> None:
    first = people.add(store, "ada", org="physics", now=NOW)
    second, told = people_tokens.new(store, "ada", label="nightly import", now=NOW + 1)

    assert {people.find(store, token) for token in (first, second)} == {people.Person("ada", "physics", Role.USER, NOW)}
    found = people_tokens.listing(store, "ada")
    assert [(token.label, token.created_at, token.expires_at) for token in found] == [
        ("nightly import", NOW + 1, None),
        ("first", NOW, None),
    ]
    assert found[0].id == told.id != found[1].id
    digests = [people.digest(token) for token in (first, second)]
    assert not [token for token in found if any(token.id in secret for secret in (first, second, *digests))], "an id gives nothing away"
    assert "digest" not in repr(told)
    for key in redis.scan_iter():
        kept = redis.dump(key)
        assert not [secret for secret in (first, second) if secret.encode() in (kept or b"") or secret.encode() in key]
    assert audit(store) == []


@pytest.mark.parametrize("label", ["", "  ", "x" * 81, "two\nlines", "\u202eback"])
def test_a_label_that_cannot_be_shown_is_refused(store: Store, redis: Redis, label: str) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        people.add(store, "ada", org="physics", label=label)
    assert (refused.value.field, redis.keys()) == ("label", [])
    people.add(store, "ada", org="physics")
    for give in (people_tokens.new, people_tokens.renew):
        with pytest.raises(InvalidSubmission):
            give(store, "ada", label=label)
    assert labels(store) == ["first"]


def test_one_is_revoked_and_the_others_stay(store: Store) -> None:
    first = people.add(store, "ada", org="physics")
    second, told = people_tokens.new(store, "ada", label="laptop")
    people.add(store, "ben", org="physics")
    with pytest.raises(NotFound, match="ben has no token"):
        people_tokens.revoke(store, "ben", told.id)

    people_tokens.revoke(store, "ada", told.id)

    assert people.find(store, second) is None
    assert people.find(store, first)
    assert labels(store) == ["first"]
    with pytest.raises(NotFound, match="may have been revoked"):
        people_tokens.revoke(store, "ada", told.id)


def test_a_new_one_instead_of_all_ends_every_other(store: Store, redis: Redis) -> None:
    people.add(store, "ada", org="physics")
    people_tokens.new(store, "ada", label="laptop")
    people_tokens.accept(store, people_tokens.invite(store, "ada"))

    token = people_tokens.renew(store, "ada", label="after the theft")

    assert labels(store) == ["after the theft"]
    assert people.find(store, token)
    assert len(redis.keys("app:tokens:*")) == 1


def test_use_is_noted_to_the_minute_whoever_finds_out_who_asks(store: Store) -> None:
    token = people.add(store, "ada", org="physics", now=NOW)
    job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "physics", admin=True))
    assert used_at(store) is None

    people.find(store, token, now=NOW + 5)
    assert used_at(store) == NOW + 5
    people.find(store, token, now=NOW + 64)
    assert used_at(store) == NOW + 5, "a poll does not write each time"
    people.find(store, token, now=NOW + 65)
    assert used_at(store) == NOW + 65

    show.see(store, job, asker=people.digest(token), now=NOW + 100)
    assert used_at(store) == NOW + 65
    show.see(store, job, asker=people.digest(token), now=NOW + 125)
    assert used_at(store) == NOW + 125
    show.see(store, job)  # somebody who shows no token
    assert used_at(store) == NOW + 125


def test_a_poll_within_the_minute_writes_nothing(store: Store, redis: Redis) -> None:
    token = people.add(store, "ada", org="physics", role="admin")
    job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "physics", admin=True))

    def changes() -> int:
        before = redis.info("persistence")["rdb_changes_since_last_save"]
        people.find(store, token)
        show.see(store, job, asker=people.digest(token))
        return int(redis.info("persistence")["rdb_changes_since_last_save"]) - before

    assert (changes(), changes(), changes()) == (1, 0, 0)


@contextmanager
def full(redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@contextmanager
def replica(redis: Redis) -> Iterator[None]:
    redis.replicaof("127.0.0.1", "1")
    redis.config_set("replica-serve-stale-data", "yes")
    try:
        yield
    finally:
        redis.replicaof("no", "one")


@pytest.mark.parametrize("trouble", [full, replica])
def test_a_redis_that_takes_no_writes_still_says_who_asks(store: Store, redis: Redis, trouble: Any) -> None:
    people.add(store, "ada", org="physics", now=NOW)
    digest = people_tokens.accept(
        store, people_tokens.invite(store, "ada"), now=NOW + 1
    )  # of a browser: it has an expiry to be moved on as well
    assert digest
    job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "physics", admin=True))

    with trouble(redis):
        found = people.find_by_digest(store, digest)
        seen = show.see(store, job, asker=digest)

    assert found
    assert (found.user, people.told(seen.who).user, used_at(store)) == ("ada", "ada", None)
    assert people.find_by_digest(store, digest)
    assert used_at(store) is not None


def test_a_token_with_an_end_is_gone_then_and_makes_room(store: Store, redis: Redis) -> None:
    people.add(store, "ada", org="physics")
    token, told = people_tokens.new(store, "ada", label="for the exam", expires_at=time.time() + 3600)
    assert told.expires_at
    key = store.keys.token(people.digest(token))
    assert 3590 < redis.ttl(key) <= 3600
    assert people.find(store, token)
    assert 3590 < redis.ttl(key) <= 3600, "use does not put its end off"

    redis.pexpire(key, 0)

    assert people.find(store, token) is None
    assert labels(store) == ["first"]
    people_tokens.new(store, "ada", label="another")
    assert redis.scard(store.keys.user_tokens("ada")) == 2, "what has ended is forgotten"


@pytest.mark.parametrize("after_s", [-1.0, 0.0, 3651 * 86_400.0, float("inf")])
def test_an_end_that_is_past_or_too_far_off_is_refused(store: Store, after_s: float) -> None:
    people.add(store, "ada", org="physics")
    with pytest.raises(InvalidSubmission) as refused:
        people_tokens.new(store, "ada", label="x", expires_at=NOW + after_s, now=NOW)
    assert refused.value.field == "expires_at"


def test_there_are_only_so_many_and_browsers_that_were_left_make_room_for_another(store: Store) -> None:
    people.add(store, "ada", org="physics")
    people_tokens.accept(store, people_tokens.invite(store, "ada"), now=NOW)
    kept = people_tokens.accept(store, people_tokens.invite(store, "ada"), now=NOW + 1)
    for n in range(MAX_TOKENS - 3):
        people_tokens.new(store, "ada", label=f"program {n}")
    with pytest.raises(Conflict, match=f"has {MAX_TOKENS} tokens"):
        people_tokens.new(store, "ada", label="one too many")

    assert people_tokens.accept(store, people_tokens.invite(store, "ada"), now=NOW + 2)

    browsers = [token for token in people_tokens.listing(store, "ada") if token.label == "browser"]
    assert [token.created_at for token in browsers] == [NOW + 2, NOW + 1]
    assert browsers[1].digest == kept
    for token in browsers:
        people_tokens.revoke(store, "ada", token.id)
    for n in range(2):
        people_tokens.new(store, "ada", label=f"more {n}")
    with pytest.raises(Conflict, match="revoke one"):
        people_tokens.accept(store, people_tokens.invite(store, "ada"))


def test_a_link_signs_in_once_and_for_a_quarter_of_an_hour(store: Store, redis: Redis) -> None:
    people.add(store, "ada", org="physics")
    code = people_tokens.invite(store, "ada")
    key = store.keys.link(people.digest(code))
    assert redis.ttl(key) == LINK_S
    assert code not in str(redis.keys())
    assert [people_tokens.invited(store, one) for one in (code, code, "", "guessed")] == ["ada", "ada", None, None]

    with ThreadPoolExecutor(8) as together:
        opened = [found for found in together.map(lambda _: people_tokens.accept(store, code), range(8)) if found]

    assert len(opened) == 1
    found = people.find_by_digest(store, opened[0])
    assert found
    assert found.user == "ada"
    assert people_tokens.invited(store, code) is None
    assert labels(store) == ["browser", "first"]
    with pytest.raises(NotFound, match="no user 'nobody'"):
        people_tokens.invite(store, "nobody")


def test_a_link_of_somebody_who_was_removed_opens_nothing(store: Store, redis: Redis) -> None:
    people.add(store, "ada", org="physics")
    code = people_tokens.invite(store, "ada")
    people.remove(store, "ada")

    assert people_tokens.accept(store, code) is None
    assert redis.keys() == []


def test_a_browsers_token_lasts_as_long_as_it_is_used_and_ends_at_sign_out(store: Store, redis: Redis) -> None:
    given = people.add(store, "ada", org="physics")
    digest = people_tokens.accept(store, people_tokens.invite(store, "ada"), now=NOW)
    assert digest
    key = store.keys.token(digest)
    redis.expire(key, 100)

    people.find_by_digest(store, digest, now=NOW + 3600)

    assert redis.ttl(key) == BROWSER_IDLE_S
    assert people_tokens.listing(store, "ada")[1].expires_at == NOW + 3600 + BROWSER_IDLE_S

    for one in (digest, people.digest(given), "0" * 64):
        people_tokens.end_browser(store, one)
    assert people.find_by_digest(store, digest) is None
    assert people.find(store, given), "a token that a person was given is not ended by signing out"
    assert labels(store) == ["first"]


@pytest.fixture
def of_before(store: Store, redis: Redis) -> str:
    """A person as an earlier version kept one: with a token in the user's own hash, and nothing else."""
    token = f"{people_tokens.TOKEN_PREFIX}of-before"
    digest = people.digest(token)
    fields: dict[Any, Any] = {"org": "physics", "role": "user", "created": f"{NOW:.6f}", "token": digest}
    redis.hset("app:users:ada", mapping=fields)
    redis.hset(f"app:tokens:{digest}", mapping={"user": "ada", "created": f"{NOW:.6f}"})
    redis.sadd("app:users", "ada")
    return token


def test_what_an_earlier_version_wrote_goes_on(store: Store, redis: Redis, of_before: str) -> None:
    assert audit(store) == []
    assert people.find(store, of_before, now=NOW + 60) == people.Person("ada", "physics", Role.USER, NOW)
    people_tokens.new(store, "ada", label="second")
    told = people_tokens.listing(store, "ada")
    assert [(token.label, token.last_used_at) for token in told] == [("second", None), ("", NOW + 60)]

    people_tokens.revoke(store, "ada", told[1].id)
    assert people.find(store, of_before) is None
    assert labels(store) == ["second"]


def test_a_token_of_before_ends_with_a_new_one_and_with_its_person(store: Store, redis: Redis, of_before: str) -> None:
    people_tokens.renew(store, "ada")
    assert people.find(store, of_before) is None
    assert labels(store) == ["new"]

    people.remove(store, "ada")
    assert redis.keys() == []


def test_who_is_removed_with_a_token_of_before_leaves_nothing(store: Store, redis: Redis, of_before: str) -> None:
    people.remove(store, "ada")
    assert people.find(store, of_before) is None
    assert redis.keys() == []


def test_an_admin_stays_whatever_is_done_at_once(store: Store) -> None:
    for name in ("ada", "ben"):
        people.add(store, name, org="physics", role="admin")
    assert people.set_role(store, "ben", "user").role is Role.USER
    with pytest.raises(Conflict, match="last admin"):
        people.set_role(store, "ada", "user")
    with pytest.raises(NotFound):
        people.set_role(store, "nobody", "admin")
    with pytest.raises(InvalidSubmission, match="not one of user, admin"):
        people.set_role(store, "ada", "owner")

    def give_up(name: str) -> bool:
        try:
            people.remove(store, name) if name == "ben" else people.set_role(store, name, "user")
        except Conflict:
            return False
        return True

    for _ in range(5):
        if "ben" not in {person.user for person in people.listing(store)}:
            people.add(store, "ben", org="physics")
        for name in ("ada", "ben"):
            people.set_role(store, name, "admin")
        with ThreadPoolExecutor(2) as together:
            done = list(together.map(give_up, ("ada", "ben")))
        assert sorted(done) == [False, True]
        assert len([person for person in people.listing(store) if person.admin]) == 1
