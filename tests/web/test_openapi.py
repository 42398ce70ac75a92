"""The OpenAPI document: whole, valid, true to the code; and the page that shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from flask import Flask

from jobs import show, types
from jobs.model import Submission
from jobs.store import Store
from jobs.submit import submit
from tests.web.browsing import PICTURES
from tests.web.chromium import Page
from tests.web.conforming import contract
from tests.web.conftest import Caller, Callers, problem
from web.openapi.answers import Told
from web.openapi.describing import operation_of
from web.openapi.document import document
from web.openapi.routes import RELEASE
from web.openapi.schemas import Schemas

#: Of the addresses that programs ask, those that are pages or parts of one.
PAGES = {"openapi.docs", "openapi.file"}
PROGRAMS = ("/api/", "/v1/", "/healthz", "/readyz", "/metrics")


@pytest.fixture(scope="module")
def told() -> Any:
    """The document as anybody gets it."""
    from web import create_app

    return json.loads(json.dumps(document(create_app())))


def test_every_endpoint_of_the_api_is_described(app: Flask) -> None:
    undescribed = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PROGRAMS) and operation_of(app.view_functions[rule.endpoint]) is None
    }

    assert undescribed == PAGES, "put @describes beside the view: web/openapi/describing.py says how"


def test_every_description_says_what_it_is_about_and_nothing_twice(told: Any) -> None:
    operations = [operation for path in told["paths"].values() for operation in path.values()]

    assert all(operation["summary"] and operation["description"] for operation in operations)
    for name in ("operationId", "summary"):
        assert len({operation[name] for operation in operations}) == len(operations)


def test_the_document_is_openapi_3_1(told: Any) -> None:
    assert told["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(told).validate()  # against the official schema of 3.1


def test_every_reference_leads_somewhere_and_every_schema_is_used(told: Any) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, list):
            return set().union(*map(references, part))
        if not isinstance(part, dict):
            return set()
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*map(references, part.values()))

    components = told["components"]
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in components[kind]}

    assert references(told) == there


def test_every_job_type_is_told_with_the_parameters_that_a_client_may_send(told: Any) -> None:
    body = told["paths"]["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert set(body["discriminator"]["mapping"]) == set(types.open_to_all())
    transcription = told["components"]["schemas"]["TranscriptionParams"]
    assert transcription["required"] == ["upload"]
    assert transcription["additionalProperties"] is False
    assert transcription["properties"]["vocabulary"]["maxItems"] == 200
    assert {"filename", "seconds"}.isdisjoint(transcription["properties"]), "they come from the upload"


def test_who_may_ask_follows_from_the_view(told: Any) -> None:
    paths = told["paths"]

    assert paths["/healthz"]["get"]["security"] == []
    assert "security" not in paths["/api/jobs"]["get"], "as everywhere"
    assert {"401", "403", "404", "409", "5XX"} <= set(paths["/api/jobs/{id}/cancel"]["post"]["responses"])
    assert "403" not in paths["/api/jobs"]["get"]["responses"]
    assert "403" in paths["/api/queues"]["get"]["responses"], "for admins"


def test_two_things_of_one_name_are_refused() -> None:
    def job(field: str) -> Any:
        return type("Job", (Told,), {"__annotations__": {field: int}})

    schemas = Schemas()
    schemas.of(job("seconds"))
    schemas.of(job("seconds"))
    with pytest.raises(ValueError, match="called Job"):
        schemas.of(job("minutes"))


def test_an_answer_that_is_not_as_told_is_noticed(app: Flask, owner: Caller) -> None:
    response = owner("GET", "/api/jobs")
    held = contract(app)
    with app.test_request_context("/api/jobs"):
        assert held.fault("/api/jobs", "get", response) is None
        for wrong in ({"jobs": [], "cursor": 3}, {"jobs": []}, {"jobs": [], "cursor": None, "secret": 1}):
            response.set_data(json.dumps(wrong))
            assert held.fault("/api/jobs", "get", response), wrong
        response.status_code = 418
        assert held.fault("/api/jobs", "get", response) == "the status 418 is not told"


def test_anybody_may_read_it_and_need_not_twice(callers: Callers) -> None:
    first = callers.anonymous("GET", "/api/openapi.json")
    again = callers.anonymous("GET", "/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert first.json["info"]["title"] == "Lectern"
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_may_do_no_more_than_it_needs(callers: Callers) -> None:
    page = callers.anonymous("GET", "/api/docs")

    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert "<style" not in page.text
    assert page.text.count("<script") == page.text.count("<script src=")


@pytest.mark.parametrize("name", ["swagger-ui.js", "index.css", "LICENSE", "..%2fdist%2fswagger-ui.css"])
def test_of_the_package_only_what_the_page_needs_is_served(callers: Callers, name: str) -> None:
    file = callers.anonymous("GET", f"/api/docs/{RELEASE}/swagger-ui.css")

    assert (file.status_code, file.mimetype) == (200, "text/css")
    assert "max-age=31536000" in file.headers["Cache-Control"]
    problem(callers.anonymous("GET", f"/api/docs/{RELEASE}/{name}"), 404, "not-found")
    problem(callers.anonymous("GET", "/api/docs/0.0.1/swagger-ui.css"), 404, "not-found")


@pytest.mark.browser
def test_a_person_tries_the_api_in_the_browser(page: Page, served: str, store: Store) -> None:
    job = submit(store, Submission("synthetic", {"tasks": [{"name": "only"}]}, "ada", "physics", admin=True))
    page.open(f"{served}/api/docs")
    page.until("document.querySelectorAll('.opblock').length > 15")
    page.picture(PICTURES / "docs.png")
    opened = "#operations-Jobs-jobs_cancel"
    page.click(f"{opened} .opblock-summary-control")
    page.until(f"document.querySelector('{opened} .try-out__btn')")
    page.click(f"{opened} .try-out__btn")
    page.until(f"document.querySelector('{opened} input')")
    page.run(TYPE % (f"{opened} input", job))
    page.click(f"{opened} .execute")
    page.until(f"document.querySelector('{opened} .live-responses-table')")
    assert show.status(store, job)["status"] == "cancelled", "by cookie and CSRF token"
    page.picture(PICTURES / "docs-tried.png")

    page.look(width=390, height=844, dark=True)
    page.picture(PICTURES / "docs-dark-phone.png")
    assert page.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 22, 26)"
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.look(dark=True)
    page.picture(PICTURES / "docs-dark.png")


TYPE = """(() => {
  const input = document.querySelector('%s');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, '%s');
  input.dispatchEvent(new Event('input', { bubbles: true }));
  input.dispatchEvent(new FocusEvent('focusout', { bubbles: true })); // else it waits for more
})()"""
