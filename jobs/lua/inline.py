"""Write constants and functions of one line where they are used: a script then need not make them. Pure text work."""

from __future__ import annotations

import re

from jobs.keys import arguments_of

CONSTANT = re.compile(r"^local ([A-Z][A-Z_]*) = ('[^']*'|\d+)(?: *--.*)?$", re.MULTILINE)
SHORT = re.compile(r"^local function (\w+)\(([\w, ]*)\) return ([^{}\n]*) end$", re.MULTILINE)
SIMPLE = re.compile(r"[\w.]+|'[^']*'")  #: may be written twice: a name, a field, a number, a text
CALL = re.compile(r"[\w.]+\(")


def with_constants_inline(code: str) -> str:
    """Return `code` with each `local NAME = literal` written where it is used: a function need not capture it then."""
    for name, value in CONSTANT.findall(code):
        code = re.sub(rf"^local {name} = .*\n", "", code, flags=re.MULTILINE)
        code = re.sub(rf"\b{name}\b", value.replace("\\", "\\\\"), code)
    return code


def with_short_functions_inline(code: str) -> str:
    """Return `code` with the functions of one line that return an expression written where they are called.

    A call stays where an argument that is more than a name or a literal would be written twice or not at all.
    """
    for name in [short[1] for short in SHORT.finditer(code)]:
        short = next(found for found in SHORT.finditer(code) if found[1] == name)  # with those before it written into it by now
        parameters = re.findall(r"\w+", short[2])
        code = _written(code[: short.start()], short, parameters) + short[0] + _written(code[short.end() :], short, parameters)
    return code


def _written(code: str, short: re.Match[str], parameters: list[str]) -> str:
    parts, end = [], 0
    for call in re.finditer(rf"(?<![\w.]){short[1]}\(", code):
        if call.start() < end or code[: call.start()].endswith("function "):
            continue
        arguments, closed = arguments_of(code, call.end())
        expression = _with(short[3], dict(zip(parameters, arguments, strict=False))) if len(arguments) == len(parameters) else None
        if expression:
            parts += [code[end : call.start()], expression]
            end = closed
    return "".join([*parts, code[end:]])


def _with(expression: str, given: dict[str, str]) -> str | None:
    """Return `expression` with arguments for parameters, in parentheses unless it is one call; None if an argument will not do."""
    names = re.compile(r"'[^']*'|(?<![\w.])[A-Za-z_]\w*")  # texts are passed over whole
    used = [name for name in names.findall(expression) if name in given]
    if any(used.count(name) != 1 and not SIMPLE.fullmatch(argument) for name, argument in given.items()):
        return None
    wrapped = {name: argument if SIMPLE.fullmatch(argument) or _is_call(argument) else f"({argument})" for name, argument in given.items()}
    text = names.sub(lambda found: wrapped.get(found[0], found[0]), expression)
    return text if _is_call(expression) else f"({text})"


def _is_call(expression: str) -> bool:
    begun = CALL.match(expression)
    return begun is not None and arguments_of(expression, begun.end())[1] == len(expression)
