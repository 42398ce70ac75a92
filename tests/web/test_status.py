"""Polling a status: one round trip with the look at who asks, and nothing told from memory that is not so any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, g
from redis import Redis
from redis.connection import AbstractConnection

from jobs import control, orgs, people, record, show, submit
from jobs.model import Completed, Spawn, Submission
from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import Caller, Callers, Worker, problem
from web import create_app
from web.auth import identifies
from web.recent import Recent

PLAIN = "transcription"


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a count of the times that something was sent to Redis since the last count."""
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    def counted(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        sent.append(command)
        send(self, command, check_health)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)

    def count() -> int:
        made = len(sent)
        sent.clear()
        return made

    return count


@contextmanager
def nothing_kept(app: Flask) -> Iterator[None]:
    """As in another process, which has told of no job yet."""
    backend = app.extensions["lectern"]
    kept, backend.recent = backend.recent, Recent()
    yield
    backend.recent = kept


def synthetic(caller: Caller, *tasks: dict[str, Any]) -> str:
    response = caller.submit("synthetic", params={"tasks": list(tasks)})
    assert response.status_code == 202, response.text
    return str(response.json["id"])


@pytest.mark.parametrize("tasks", [1, 300])
def test_a_poll_is_one_round_trip_whatever_the_number_of_tasks_and_children(
    app: Flask, admin: Caller, worker: Worker, round_trips: Callable[[], int], tasks: int
) -> None:
    job = synthetic(admin, *({"name": f"t{n}"} for n in range(tasks)))
    worker.record(worker.take(), Spawn(tuple({} for _ in range(5 * tasks))))
    first = admin("GET", f"/api/jobs/{job}")
    tag = {"If-None-Match": first.headers["ETag"]}
    asks: list[tuple[str, dict[str, str], int]] = [
        (f"/api/jobs/{job}", {}, 200),
        (f"/api/jobs/{job}", tag, 304),
        (f"/jobs/{job}", {"Accept": "application/json"}, 200),
        (f"/jobs/{job}", {"Accept": "text/html"}, 200),
    ]
    for path, headers, status in asks:
        round_trips()
        assert (admin("GET", path, headers=headers).status_code, round_trips()) == (status, 1)
        with nothing_kept(app):
            assert (admin("GET", path, headers=headers).status_code, round_trips()) == (status, 1)


def test_a_poll_by_session_is_one_round_trip_as_well(app: Flask, callers: Callers, job: str, round_trips: Callable[[], int]) -> None:
    token = callers.owner.token
    assert token
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["token"] = people.digest(token)
    round_trips()
    assert (browser.get(f"/api/jobs/{job}").status_code, round_trips()) == (200, 1)


def test_who_asks_for_something_else_is_known_after_one_round_trip(owner: Caller, round_trips: Callable[[], int]) -> None:
    round_trips()
    assert (owner("GET", "/api/queues").status_code, round_trips()) == (403, 1)


def test_what_is_told_is_what_another_process_would_tell_through_all_of_a_jobs_life(
    app: Flask, admin: Caller, worker: Worker, store: Store
) -> None:
    job = synthetic(admin, {"name": "a"}, {"name": "b", "needs": ["a"], "attempts": 1}, {"name": "c", "needs": ["b"]})
    path, told = f"/api/jobs/{job}", []

    def look() -> None:
        mine = [admin("GET", path) for _ in range(2)]
        with nothing_kept(app):
            other = admin("GET", path)
        for response in mine:
            assert {**response.json, "eta_seconds": None} == {**other.json, "eta_seconds": None}
        tag = mine[0].headers["ETag"]
        assert admin("GET", path, headers={"If-None-Match": tag}).status_code == 304
        if told:
            known = admin("GET", path, headers={"If-None-Match": told[-1].headers["ETag"]})
            assert known.status_code == (304 if known.headers["ETag"] == told[-1].headers["ETag"] else 200)
            assert told[-1].json != other.json, "this step changed nothing that is told"
        told.append(other)

    look()
    first = synthetic(admin, {"name": "before"})
    control.pause(store, "short")
    look()
    assert told[-1].json["held"] == "queue"
    control.resume(store, "short")
    orgs.set(store, "local", max_running=1)
    look()
    running = worker.take()
    look()
    record.progress(store, running, 0.4, "two fifths")
    look()
    worker.record(running, Spawn(({}, {})))
    look()
    taken = worker.take()
    assert taken.job == first
    worker.record(taken, Completed())
    for _ in range(2):
        child = worker.take()
        look()
        worker.append(child, [{"text": "so far"}])
        worker.record(child, Completed())
        look()
    worker.fail("it does not work")
    look()
    control.retry(store, job)
    look()
    worker.publish("transcript.txt", b"Good morning.")
    look()
    assert [artifact["name"] for artifact in told[-1].json["artifacts"]] == ["transcript.txt"]
    control.cancel(store, job)
    look()
    assert told[-1].json["status"] == "cancelled"


def test_a_place_in_the_queue_is_told_anew_though_the_job_is_the_same(admin: Caller, worker: Worker) -> None:
    jobs = [synthetic(admin, {"name": "a"}) for _ in range(3)]
    before = admin("GET", f"/api/jobs/{jobs[2]}")
    tag = {"If-None-Match": before.headers["ETag"]}
    assert admin("GET", f"/api/jobs/{jobs[2]}", headers=tag).status_code == 304

    worker.complete()

    after = admin("GET", f"/api/jobs/{jobs[2]}", headers=tag)
    assert (before.json["queue_position"], after.json["queue_position"], after.status_code) == (3, 2, 200)
    assert before.json["revision"] == after.json["revision"]


def test_what_is_kept_of_a_job_is_told_to_nobody_else(callers: Callers, job: str, store: Store) -> None:
    path = f"/api/jobs/{job}"
    tag = {"If-None-Match": callers.owner("GET", path).headers["ETag"]}
    for headers in ({}, tag, {"If-None-Match": "*"}):
        assert callers.admin("GET", path, headers=headers).status_code in (200, 304)
        for other in (callers.colleague, callers.stranger):
            problem(other("GET", path, headers=headers), 404, "not-found")
        problem(callers.anonymous("GET", path, headers=headers), 401, "unauthenticated")
        problem(callers.anonymous("GET", path, headers={**headers, "Authorization": "Bearer lec_wrong"}), 401, "unauthenticated")

    people.new_token(store, "ada")
    problem(callers.owner("GET", path, headers=tag), 401, "unauthenticated")


def test_who_was_removed_is_told_nothing_more(callers: Callers, job: str, store: Store) -> None:
    path = f"/api/jobs/{job}"
    assert callers.owner("GET", path).status_code == 200
    people.remove(store, "ada")
    problem(callers.owner("GET", path), 401, "unauthenticated")
    assert callers.admin("GET", path).status_code == 200


@pytest.mark.parametrize("ended", [True, False])
def test_a_job_that_was_deleted_is_not_told_from_memory(admin: Caller, worker: Worker, ended: bool) -> None:
    job = synthetic(admin, {"name": "a"})
    if ended:
        worker.complete()
    tag = {"If-None-Match": admin("GET", f"/api/jobs/{job}").headers["ETag"]}
    assert admin("DELETE", f"/api/jobs/{job}").status_code == 204
    problem(admin("GET", f"/api/jobs/{job}"), 404, "not-found")
    problem(admin("GET", f"/api/jobs/{job}", headers=tag), 404, "not-found")


def test_an_id_that_is_given_again_is_another_job(admin: Caller, store: Store) -> None:
    def make(task: str) -> str:
        return submit.submit(store, Submission("synthetic", {"tasks": [{"name": task}]}, "root", "local", admin=True), job="again")

    assert [task["name"] for task in admin("GET", f"/api/jobs/{make('a')}").json["tasks"]] == ["a"]
    control.delete(store, "again")
    assert [task["name"] for task in admin("GET", f"/api/jobs/{make('b')}").json["tasks"]] == ["b"]


def test_of_a_job_that_has_ended_nothing_is_read_again(admin: Caller, worker: Worker, store: Store, redis: Redis) -> None:
    job = synthetic(admin, {"name": "a"})
    worker.fail("no")
    known = show.see(store, job).known
    assert known
    redis.delete(f"app:jobs:{job}:state")  # whoever reads it fails

    assert show.see(store, job, known=known).known is known
    assert show.see(store, job, shown=str(known.view.revision)).known is None
    with pytest.raises(KeyError):
        show.see(store, job, shown=str(known.view.revision - 1))


def test_of_a_job_that_lives_the_revision_alone_says_too_little(admin: Caller, store: Store) -> None:
    job = synthetic(admin, {"name": "a"})
    revision = str(show.job(store, job).revision)
    assert show.see(store, job, shown=revision).known
    for tag in (f'W/"{revision}"', f'"{revision}"'):
        assert admin("GET", f"/api/jobs/{job}", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("form", ["{}", '{}, W/"other"', 'W/"other",{}', "*"])
def test_any_form_of_if_none_match_is_understood(app: Flask, admin: Caller, worker: Worker, form: str) -> None:
    job = synthetic(admin, {"name": "a"})
    worker.complete()
    tag = admin("GET", f"/api/jobs/{job}").headers["ETag"]
    for shown in (tag, tag.removeprefix("W/")):
        headers = {"If-None-Match": form.format(shown)}
        same = admin("GET", f"/api/jobs/{job}", headers=headers)
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
        with nothing_kept(app):
            assert admin("GET", f"/api/jobs/{job}", headers=headers).status_code == 304
    assert admin("GET", f"/api/jobs/{job}", headers={"If-None-Match": 'W/"0"'}).status_code == 200


def test_a_view_that_does_not_find_out_who_asks_tells_nothing(web_settings: Settings, store: Store, storage: Storage) -> None:
    app = create_app(web_settings, store=store, storage=storage)

    @app.get("/careless")
    @identifies
    def careless() -> str:
        assert "person" not in g
        return "a secret"

    response = app.test_client().get("/careless", headers={"Authorization": "Bearer lec_wrong"})
    assert (response.status_code, "secret" in response.text) == (500, False)


def test_the_headers_that_keep_a_browser_safe_come_once(owner: Caller, job: str, worker: Worker) -> None:
    worker.publish("transcript.txt", b"Good morning.")
    for path in (f"/api/jobs/{job}", f"/api/jobs/{job}/artifacts/transcript.txt", "/signin"):
        names = [name.lower() for name, _ in owner("GET", path).headers]
        assert names.count("cache-control") == names.count("content-security-policy") == names.count("x-content-type-options") == 1


# what a process keeps


def known(job: str, weight: int, revision: int = 1) -> show.Known:
    view = type("View", (), {"id": job, "revision": revision})()
    return show.Known(view, "1", 0.0, ("",), weight)


def test_what_nobody_has_asked_for_longest_is_forgotten_first() -> None:
    recent = Recent(most_bytes=100, largest=50)
    for job in "abc":
        recent.keep(known(job, 30))
    recent.find("a")
    recent.keep(known("d", 40))

    assert [job for job in "abcd" if recent.find(job)] == ["a", "c", "d"]
    assert recent.weight == 100


def test_a_job_is_kept_as_it_was_last_and_not_when_it_is_too_large() -> None:
    recent = Recent(most_bytes=100, largest=50)
    recent.keep(known("a", 30))
    recent.keep(known("a", 50, revision=2))
    found = recent.find("a")
    assert found
    assert (found.known.view.revision, recent.weight) == (2, 50)

    assert recent.keep(known("a", 51, revision=3)).known.view.revision == 3, "it can be told, if not kept"
    assert (recent.find("a"), recent.weight) == (None, 0)
