"""The schemas of types: each model once, under its own name, referred to from everywhere else."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]


class Plain(GenerateJsonSchema):
    """Pydantic's schemas, without a title at each field that says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: Any) -> Json:
        """As pydantic's, which does not say that a key of another form is refused."""
        told: Json = super().dict_schema(schema)
        return {**told, "additionalProperties": False} if "patternProperties" in told else told


class Schemas:
    """Gathers what it is asked for. Two things of one name are an error: a client's generator makes classes of the names."""

    def __init__(self) -> None:
        self.named: dict[str, Json] = {}

    def of(self, wanted: Any, mode: Mode = "serialization") -> Json:
        """Return the schema of a type: a reference for a model, else in full. Raises ValueError when two are called the same."""
        schema = TypeAdapter(wanted).json_schema(mode=mode, ref_template="#/components/schemas/{model}", schema_generator=Plain)
        for name, one in schema.pop("$defs", {}).items():
            self._add(name, one)
        if not _has_name(wanted):
            return schema
        self._add(wanted.__name__, schema)
        return {"$ref": f"#/components/schemas/{wanted.__name__}"}

    def _add(self, name: str, schema: Json) -> None:
        schema.pop("title", None)
        if self.named.setdefault(name, schema) != schema:
            raise ValueError(f"two different things are called {name} in the API; rename one of them")


def without_null(schema: Json) -> Json:
    """Return the schema of what may be left out, but is something where it is sent."""
    several = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    kept = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    return {name: value for name, value in kept.items() if name != "anyOf"} | several[0] if len(several) == 1 else kept


def _has_name(wanted: Any) -> bool:
    return isinstance(wanted, type) and (issubclass(wanted, BaseModel) or dataclasses.is_dataclass(wanted))
