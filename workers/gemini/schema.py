"""Say a pydantic model in the form of schema that the Gemini API takes, which both libraries pass on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

KEPT = {"description": "description", "minItems": "min_items", "maxItems": "max_items"}
TYPES = {"object": "OBJECT", "array": "ARRAY", "string": "STRING", "integer": "INTEGER", "number": "NUMBER", "boolean": "BOOLEAN"}


def of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of `model`. Raises TypeError for what the API has no words for: unions, free dictionaries."""
    whole = model.model_json_schema()
    return _of(whole, whole.get("$defs", {}))


def _of(part: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return _of({**defs[part["$ref"].rpartition("/")[2]], **{name: part[name] for name in KEPT if name in part}}, defs)
    if "anyOf" in part:
        others = [choice for choice in part["anyOf"] if choice.get("type") != "null"]
        if len(others) != 1:
            raise TypeError(f"the Gemini API takes no union: {part}")
        return {**_of({**others[0], **{name: part[name] for name in KEPT if name in part}}, defs), "nullable": True}
    if part.get("type") not in TYPES:
        raise TypeError(f"the Gemini API has no schema for {part}")
    said: dict[str, Any] = {"type": TYPES[part["type"]]}
    said |= {theirs: part[ours] for ours, theirs in KEPT.items() if ours in part}
    if "enum" in part or "const" in part:
        said |= {"format": "enum", "enum": part.get("enum", [part.get("const")])}
    if said["type"] == "ARRAY":
        said["items"] = _of(part["items"], defs)
    if said["type"] == "OBJECT":
        if "properties" not in part:
            raise TypeError(f"the Gemini API has no schema for a free dictionary: {part}")
        said["properties"] = {name: _of(inner, defs) for name, inner in part["properties"].items()}
        said["required"] = list(part.get("required", ()))
    return said
