"""Put the OpenAPI document together: the routes of the app, what is described beside their views, and the schemas of the models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from inspect import cleandoc, isfunction
from itertools import groupby
from typing import Any

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Map, Rule

from web.openai import errors as openai
from web.openapi.answers import Problem
from web.openapi.describing import JSON, Answer, Header, Operation, operation_of
from web.openapi.schemas import Json, Schemas, without_null
from web.openapi.spoken import OpenAIError
from web.problems import MEDIA_TYPE, Kind

VERSION = "1.0"  #: of the API
ABOUT = """\
Recordings become transcripts, notes and packages. Send a bearer token, or be signed in on the pages of this server.

Someone else's job is 404, like one that does not exist; an admin may see and steer every job. Every error is a problem document,
`application/problem+json`. Times are ISO 8601 in UTC."""
#: (how its paths begin, tag, what it is about), in the order in which they are told
TAGS = (
    ("/api/jobs", "Jobs", "Submit, watch, steer and delete jobs, and fetch what they made."),
    ("/api/uploads", "Uploads", "Files that jobs are made of."),
    ("/api/estimate", "Jobs", ""),
    ("/api/me", "People", "Who I am, who may sign in, and the tokens that prove it. Others than oneself are for admins."),
    ("/api/users", "People", ""),
    ("/api/queues", "Queues", "What waits, and for whom. For admins."),
    ("/api/workers", "Workers", "Who works, and at what. For admins."),
    ("/api/orgs", "Organisations", "Their share of the work, and their limits. For admins."),
    ("/v1/", "OpenAI's way", "What OpenAI's client libraries ask, with a token of this server."),
    ("/api/", "This server", "What it can be asked, and whether it is well."),
    ("/", "This server", ""),
)
CSRF = "the session of a page of this server, which sends its CSRF token in `X-CSRF-Token` with all that changes something"
SAFE_METHODS = frozenset({"GET"})
#: What any request may meet that is no fault of its own.
OURS = (Kind.INTERNAL, Kind.MISCONFIGURED, Kind.OVERLOADED, Kind.UNAVAILABLE)
HEADERS = {
    Kind.UNAUTHENTICATED: Header("WWW-Authenticate", "how to sign in"),
    Kind.RATE_LIMITED: Header("Retry-After", "in how many seconds to try again"),
    Kind.OVERLOADED: Header("Retry-After", "in how many seconds to try again; not with every one of them"),
}
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
NAMES = {"job_id": "id"}  #: of parameters, where the views call them otherwise


@dataclass(frozen=True, slots=True)
class Route:
    rule: Rule
    method: str
    operation: Operation
    about: str  #: the view's docstring
    public: bool

    @property
    def path(self) -> str:
        return path_of(self.rule)

    @property
    def tag(self) -> int:
        """The place of its tag in TAGS."""
        return next(n for n, (prefix, *_) in enumerate(TAGS) if self.rule.rule.startswith(prefix))


def document(app: Flask) -> Json:
    """Return the OpenAPI 3.1 document of all views of `app` that are described."""
    found = sorted(routes(app), key=lambda route: (route.tag, route.path))
    schemas, problems = Schemas(), Problems()
    paths: dict[str, Json] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, schemas, problems, app.url_map)
    schemas.of(Problem)
    tags = dict.fromkeys(TAGS[route.tag][1] for route in found)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lectern", "version": VERSION, "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"session": []}],
        "tags": [{"name": tag, "description": next(about for _, name, about in TAGS if name == tag)} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "responses": problems.named,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "a token"},
                "session": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"], "description": CSRF},
            },
        },
    }


def routes(app: Flask) -> Iterator[Route]:
    """Yield every described view with each of its methods."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        described = operation_of(view)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}) if described else ():
            assert described
            yield Route(rule, method, described, cleandoc(view.__doc__ or ""), getattr(view, "public", False))


def path_of(rule: Rule) -> str:
    """Return an address as OpenAPI writes it: `/api/jobs/{id}`."""
    return PARAMETER.sub(lambda found: f"{{{NAMES.get(found[2], found[2])}}}", rule.rule)


def operation(route: Route, schemas: Schemas, problems: Problems, rules: Map) -> Json:
    said = route.operation
    parameters = [*in_path(route, rules), *(in_query(said.query, schemas) if said.query else ())]
    parameters += [{"name": one.name, "in": "header", "description": one.description, "schema": dict(one.schema)} for one in said.headers]
    told: Json = {
        "operationId": route.rule.endpoint.removeprefix("api_").replace(".", "_"),
        "summary": said.summary,
        "description": route.about,
        "tags": [TAGS[route.tag][1]],
        "parameters": parameters,
    }
    if route.public:
        told["security"] = []
    if said.body:
        bodies = {media: body() if isfunction(body) else body for media, body in said.body.items()}
        content = {media: {"schema": schemas.of(body, "validation")} for media, body in bodies.items()}
        told["requestBody"] = {"required": True, "content": content}
    told["responses"] = {str(status): answer(status, what, schemas) for status, what in said.answers.items()}
    kept = partial(spoken_errors, schemas) if route.rule.rule.startswith(openai.PREFIX) else problems.of
    shown = openai.status_of if route.rule.rule.startswith(openai.PREFIX) else int
    refusals = sorted(set(refused(route)), key=lambda kind: (shown(kind.status), list(Kind).index(kind)))
    for status, kinds in groupby(refusals, key=lambda kind: shown(kind.status)):
        told["responses"][str(status)] = kept(kinds)
    told["responses"]["5XX"] = kept(OURS)
    return told


def in_path(route: Route, rules: Map) -> Iterator[Json]:
    for converter, name in PARAMETER.findall(route.rule.rule):
        kind = rules.converters[converter or "default"]
        about = {"description": cleandoc(kind.__doc__ or "")} if kind.__module__.startswith("web") else {}
        shape = {"pattern": f"^(?:{kind.regex})$"} if about else {"minLength": 1}
        yield {"name": NAMES.get(name, name), "in": "path", "required": True, **about, "schema": {"type": "string", **shape}}


def in_query(model: type[BaseModel], schemas: Schemas) -> Iterator[Json]:
    """Yield the fields of a model as parameters; one that is a list is named once for each."""
    reference = schemas.of(model, "validation")["$ref"].rpartition("/")[2]
    shape = schemas.named.pop(reference)
    for name, schema in shape["properties"].items():
        schema = without_null(schema)
        about = {"description": schema.pop("description")} if "description" in schema else {}
        yield {"name": name, "in": "query", "required": name in shape.get("required", ()), **about, "schema": schema}


def answer(status: int, what: Any, schemas: Schemas) -> Json:
    if what is None:
        return {"description": HTTPStatus(status).phrase}
    if not isinstance(what, Answer):
        what = Answer(HTTPStatus(status).phrase, {JSON: what})
    told: Json = {"description": what.description}
    if what.headers:
        told["headers"] = headers(what.headers)
    if what.content:
        told["content"] = {media: {"schema": schemas.of(one)} if one is not None else {} for media, one in what.content.items()}
    if what.links:
        told["links"] = {name: {"operationId": name, "parameters": dict(given)} for name, given in what.links.items()}
    return told


def refused(route: Route) -> Iterator[Kind]:
    """Yield what the route may refuse: what is said of it, and what follows from who may ask, its address, its query and its body."""
    said = route.operation
    yield Kind.MISDIRECTED
    yield from said.refuses
    if not route.public:
        yield from (Kind.UNAUTHENTICATED, Kind.RATE_LIMITED)
        if route.method not in SAFE_METHODS:
            yield Kind.CROSS_SITE
    if said.admins:
        yield Kind.FORBIDDEN
    if route.rule.arguments:
        yield Kind.NOT_FOUND
    if said.query:
        yield Kind.INVALID
    if said.body:
        yield from (Kind.MALFORMED, Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA_TYPE, Kind.INVALID)


def spoken_errors(schemas: Schemas, kinds: Iterable[Kind]) -> Json:
    """Return the answer that is a problem, as OpenAI's client libraries read it."""
    return {"description": ". ".join(kind.title for kind in kinds), "content": {JSON: {"schema": schemas.of(OpenAIError)}}}


class Problems:
    """The answers that are problems, by their kinds; each told once and referred to."""

    def __init__(self) -> None:
        self.named: dict[str, Json] = {}

    def of(self, kinds: Iterable[Kind]) -> Json:
        kinds = list(kinds)
        name = "".join(kind.name.title().replace("_", "") for kind in kinds)
        told = [HEADERS[kind] for kind in kinds if kind in HEADERS]
        self.named[name] = {
            "description": ". ".join(kind.title for kind in kinds),
            **({"headers": headers(told)} if told else {}),
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "allOf": [{"$ref": "#/components/schemas/Problem"}],
                        "properties": {"type": {"enum": [kind.type for kind in kinds]}},
                    },
                    "example": {"type": kinds[0].type, "title": kinds[0].title, "status": kinds[0].status, "detail": "what to do about it"},
                }
            },
        }
        return {"$ref": f"#/components/responses/{name}"}


def headers(given: Iterable[Header]) -> Json:
    return {one.name: {"description": one.description, "schema": dict(one.schema)} for one in given}
