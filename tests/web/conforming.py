"""Hold real answers against the OpenAPI document: what a view answers is what it says, and no member of it is untold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from web.openapi.document import document, path_of

JSONS = ("application/json", "application/problem+json")
SOMETIMES = ("ETag", "Retry-After")  #: headers that are told and not in every such answer


class Contract:
    """The document, with every object closed that does not say that it has more members."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.document = told
        self._closed: Any = closed(told)
        self.validator = cache(self._validator)

    def fault(self, path: str, method: str, response: Response) -> str | None:
        """Return what is wrong with an answer, None if nothing is, or if the document does not tell of the view (a page)."""
        operation = self._closed["paths"].get(path, {}).get(method)
        if operation is None:
            return None
        status, media = response.status_code, response.mimetype
        key = next((key for key in (str(status), f"{status // 100}XX") if key in operation["responses"]), "")
        if not key:
            return f"the status {status} is not told"
        said = self._said(path, method, key)
        absent = [name for name in said.get("headers", {}) if name not in response.headers and name not in SOMETIMES]
        if absent:
            return f"{absent} are told and absent"
        content = said.get("content", {})
        if request.method == "HEAD" or status in (204, 304) or (not content and not response.get_data()):
            return None
        if media not in content and "*/*" not in content:
            return f"{media} is not told"
        if media not in JSONS or "schema" not in content.get(media, {}):
            return None
        found = next(self.validator(path, method, key, media).iter_errors(response.get_json(force=True)), None)
        return f"{'.'.join(map(str, found.instance_path))}: {found.message}" if found else None

    def _said(self, path: str, method: str, key: str) -> Any:
        said = self._closed["paths"][path][method]["responses"][key]
        return self._closed["components"]["responses"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said

    def _validator(self, path: str, method: str, key: str, media: str) -> Any:
        schema = self._said(path, method, key)["content"][media]["schema"]
        return jsonschema_rs.Draft202012Validator({**schema, "components": self._closed["components"]}, validate_formats=True)


_contracts: list[Contract] = []  # one for all: it is the same for every app, and takes a while to make


def contract(app: Flask) -> Contract:
    if not _contracts:
        _contracts.append(Contract(document(app)))
    return _contracts[0]


@dataclass
class Conforming:
    """Watches the answers of an app; `wrong` says what of them is not as the document tells."""

    app: Flask
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.app.after_request(self.check)

    def check(self, response: Response) -> Response:
        if request.url_rule:
            method = "GET" if request.method == "HEAD" else request.method
            fault = contract(self.app).fault(path_of(request.url_rule), method.lower(), response)
            if fault:
                self.wrong.append(f"{request.method} {request.path} → {response.status_code}: {fault}")
        return response


def closed(told: Any) -> Any:
    if isinstance(told, list):
        return [closed(one) for one in told]
    if not isinstance(told, dict):
        return told
    inner = {name: closed(one) for name, one in told.items()}
    if told.get("type") == "object" and "properties" in told and "additionalProperties" not in told:
        inner["additionalProperties"] = False
    return inner
