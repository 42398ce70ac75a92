"""docs/api.md names every endpoint and every kind of problem."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from jobs.types import transcription
from web.problems import Kind

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def test_every_endpoint_is_in_the_docs(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or rule.endpoint.startswith("rq_dashboard."):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: f"<{found[1].removeprefix('job_')}>", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert re.search(rf"`{method} {re.escape(path)}[`?]", DOCS), f"{method} {path} is not in docs/api.md"


def test_every_kind_of_problem_is_in_the_docs() -> None:
    for kind in Kind:
        assert f"| `{kind.type.rpartition(':')[2]}` | {kind.status} |" in DOCS


@pytest.mark.parametrize("name", transcription.Params.model_fields)
def test_every_parameter_of_a_transcription_is_in_the_docs(name: str) -> None:
    listed = DOCS.partition("### Parameters")[2].partition("### What")[0]
    assert f"| `{name}` |" in listed or f"`{name}`" in listed.partition("set from the upload")[0].rpartition("\n\n")[2]
