"""callback_url in each way to submit, what the status tells of it, and the secret that a receiver checks with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from jobs import show
from jobs.store import Store
from tests.receiver import receiving
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker, problem
from workers.testing import run_job

URL = "https://example.org/told"
SECRET = "/api/me/callback-secret"


def waiting(url: str = URL) -> dict[str, Any]:
    return {"url": url, "state": "waiting", "job": None, "tries": 0, "last_error": None, "at": None, "next_at": None}


def test_json_form_and_batch_take_an_address_and_the_status_tells_it(callers: Callers, speech: bytes) -> None:
    admin = callers.admin
    answers = [
        admin.submit("synthetic", params=ONE_TASK, callback_url=URL),
        callers.owner.submit_file(speech, callback_url=URL),
        admin.submit("synthetic", params=ONE_TASK),
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json["callback"] for answer in answers] == [waiting(), waiting(), None]
    batch = admin("POST", "/api/jobs/batch", json=[{"type": "synthetic", "params": ONE_TASK, "callback_url": URL}]).json
    assert admin("GET", batch[0]["url"]).json["callback"] == waiting()
    (listed,) = callers.owner("GET", "/api/jobs").json["jobs"]
    assert listed["callback"] == waiting()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("gopher://example.org/", "http or https"),
        ("http://10.0.0.1/", "CALLBACK_PRIVATE_ADDRESSES"),
        ("https://e.org/" + "x" * 2000, "2000"),
    ],
)
def test_a_wrong_address_is_refused_before_a_file_is_sent(
    owner: Caller, admin: Caller, speech: bytes, nothing_left: Any, url: str, says: str
) -> None:
    for response in (admin.submit("synthetic", params=ONE_TASK, callback_url=url), owner.submit_file(speech, callback_url=url)):
        assert says in problem(response, 422, "invalid")["detail"]
        assert response.json["field"] == "callback_url"
    batch = admin("POST", "/api/jobs/batch", json=[{"type": "synthetic", "params": ONE_TASK, "callback_url": url}]).json
    assert batch[0]["field"] == "callback_url"
    too_large = owner.submit_file(bytes(300_001), params="{}", callback_url=url)
    assert problem(too_large, 422, "invalid")["field"] == "callback_url"  # nobody waits for the file's end to hear that
    nothing_left()


def test_a_job_that_the_web_cancels_is_told_to_a_receiver_that_verifies_it(
    app: Flask, callers: Callers, store: Store, worker: Worker, web_settings: Any
) -> None:
    allowing = web_settings.model_copy(update={"callback_private_addresses": True})
    store.settings = app.extensions["lectern"].settings = allowing
    secret = callers.owner("GET", SECRET).json["secret"]
    with receiving() as receiver:
        upload = callers.owner.upload(b"1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n", "a.srt").json["id"]
        job = callers.owner.submit("notes", params={"upload": upload}, callback_url=receiver.url).json["id"]
        first = callers.owner("GET", f"/api/jobs/{job}")

        told = callers.owner("POST", f"/api/jobs/{job}/cancel").json["callback"]
        run_job(store, told["job"])

        (sent,) = receiver.told
    body = sent.verified(secret)
    assert (body["type"], body["data"]["id"], body["data"]["status"]) == ("job.cancelled", job, "cancelled")
    now = callers.owner("GET", f"/api/jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert now.json["callback"] == {**told, "state": "delivered", "tries": 1, "at": now.json["callback"]["at"]}
    assert callers.owner("GET", "/api/jobs?type=callback").json["jobs"][0]["message"].startswith("told 127.0.0.1:")
    assert [one["id"] for one in callers.owner("GET", "/api/jobs").json["jobs"]] == [job]
    assert callers.stranger("GET", f"/api/jobs/{told['job']}").status_code == 404
    assert callers.owner("DELETE", f"/api/jobs/{job}").status_code == 204
    assert callers.owner("GET", f"/api/jobs/{told['job']}").status_code == 404


def test_each_has_a_secret_of_their_own_and_a_new_one_when_asked_for(callers: Callers, store: Store) -> None:
    assert callers.anonymous("GET", SECRET).status_code == callers.anonymous("POST", SECRET).status_code == 401
    secrets = {caller.name: caller("GET", SECRET).json for caller in (callers.owner, callers.colleague, callers.admin)}
    assert len({told["secret"] for told in secrets.values()}) == 3
    assert all(told["former"] == [] for told in secrets.values())

    answer = callers.owner("POST", SECRET)

    assert answer.headers["Cache-Control"] == "no-store"
    assert [one["secret"] for one in answer.json["former"]] == [secrets["ada"]["secret"]]
    assert answer.json["secret"] != secrets["ada"]["secret"]
    assert callers.owner("GET", SECRET).json == answer.json
    assert callers.colleague("GET", SECRET).json == secrets["ben"]
    for _ in range(2):
        assert callers.owner("POST", SECRET).status_code == 200
    assert callers.owner("POST", SECRET).status_code == 409


def test_nobody_submits_what_tells_of_an_end_not_even_an_admin(admin: Caller, store: Store) -> None:
    params = {"job": "a", "event": 1, "status": "failed"}
    assert problem(admin.submit("callback", params=params), 422, "invalid")["field"] == "type"
    form = {"type": "callback", "params": json.dumps(params)}
    assert admin("POST", "/api/jobs", data=form, content_type="multipart/form-data").status_code == 422
    assert show.listing(store, type="callback")[0] == []
