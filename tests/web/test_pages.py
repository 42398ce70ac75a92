"""The pages a browser gets, and what JSON clients get at the same address."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from jobs.errors import Conflict
from tests.web.conftest import Caller, Worker

HTML = {"Accept": "text/html"}


def test_json_clients_get_the_five_fields_at_a_jobs_page(owner: Caller, job: str) -> None:
    for accept in ("application/json", "*/*"):
        answer = owner("GET", f"/jobs/{job}", headers={"Accept": accept}).json
        assert list(answer) == ["id", "status", "progress", "message", "result_path"]
        assert (answer["id"], answer["status"]) == (job, "pending")


def test_a_jobs_page_names_its_recording_and_begins_with_its_status(owner: Caller, job: str) -> None:
    page = owner("GET", f"/jobs/{job}", headers=HTML)

    assert page.mimetype == "text/html"
    assert '<h1 id="title" class="title">lecture.ogg</h1>' in page.text
    assert initial(page.text)["status"] == "pending"


def test_a_jobs_page_leads_to_where_a_transcript_is_read_if_there_is_such_a_page(app: Flask, owner: Caller, job: str) -> None:
    app.view_functions.setdefault("reader.page", lambda job_id: "")
    assert f'data-reader="/jobs/{job}/transcript"' in owner("GET", f"/jobs/{job}", headers=HTML).text
    del app.view_functions["reader.page"]
    assert 'data-reader=""' in owner("GET", f"/jobs/{job}", headers=HTML).text


def test_a_page_of_a_job_that_is_gone_says_what_may_have_been(owner: Caller) -> None:
    gone = owner("GET", f"/jobs/{'0' * 16}", headers=HTML)
    assert (gone.status_code, "It may have been deleted" in gone.text) == (404, True)


def test_home_begins_with_the_own_jobs_and_the_limits(owner: Caller, job: str) -> None:
    begun = initial(owner("GET", "/", headers=HTML).text)

    assert [known["id"] for known in begun["jobs"]] == [job]
    assert begun["limits"] == {"bytes": 300_000, "seconds": 30}


def test_a_name_can_not_become_markup(owner: Caller, speech: bytes) -> None:
    name = "</script><img src=x onerror=alert(1)>.ogg".replace("/", "")
    job = owner.submit_file(speech, name).json["id"]

    for path in (f"/jobs/{job}", "/"):
        page = owner("GET", path, headers=HTML).text
        assert "<img src=x" not in page
    assert initial(page)["jobs"][0]["title"] == name


def test_a_browser_gets_a_page_for_what_is_not_there_and_a_program_a_problem(owner: Caller) -> None:
    page = owner("GET", "/jobs/unheardof", headers=HTML)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no job unheardof." in page.text
    assert owner("GET", "/jobs/unheardof", headers={"Accept": "application/json"}).mimetype == "application/problem+json"
    assert owner("GET", "/api/jobs/unheardof", headers=HTML).mimetype == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/signin", "/jobs/{job}"])
def test_a_page_asks_nothing_of_any_other_server_and_holds_no_script(owner: Caller, job: str, path: str) -> None:
    page = owner("GET", path.format(job=job), headers=HTML).text

    assert re.findall(r'(?:src|href|action)="(?!/|#)', page) == []
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", page) == []
    assert re.findall(r"\son\w+=|\sstyle=", page) == []


def test_the_page_of_an_ended_job_is_served_as_well(owner: Caller, job: str, worker: Worker) -> None:
    worker.fail("The recording cannot be read.")

    assert initial(owner("GET", f"/jobs/{job}", headers=HTML).text)["status"] == "failed"


def test_a_problem_page_ends_its_sentence_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for detail, shown in [("all is lost", "All is lost.</p>"), ("all is lost.", "All is lost.</p>"), ("is it?", "Is it?</p>")]:
        monkeypatch.setattr("web.pages.render_template", lambda *_, said=detail, **__: (_ for _ in ()).throw(Conflict(said)))
        assert shown in app.test_client().get("/signin", headers=HTML).text


def initial(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="initial">(.*?)</script>', page, re.S)
    assert found
    value: dict = json.loads(found[1])
    return value
