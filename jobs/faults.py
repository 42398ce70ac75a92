"""Say in our own words what a model expected of its input; pydantic's are for programmers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What was expected, by pydantic's type of error; the names in braces are of the error's context.
EXPECTED = {
    "dict_type": 'an object like {{"name": "value"}}',
    "model_type": 'an object like {{"name": "value"}}',
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "enum": "{expected}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def sentence(fault: Mapping[str, Any]) -> str:
    """Return what one of a ValidationError's `errors()` means, without the field's name."""
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not known here; leave it out"
        case kind if kind in EXPECTED:
            return f"expected {EXPECTED[kind].format(**fault.get('ctx', {}))}"
    return str(fault["msg"])
