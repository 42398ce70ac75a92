"""Put a script together from its fragments, with no function more than it needs: pure text work.

Redis runs a script from its first line at every call, so each function in it is made anew: a third of a microsecond and
more work for Lua's collector. Functions that the verb cannot reach are left out; those that it can do without at most
calls, named in its `--rarely` line, are made when the first of them is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

FUNCTION = re.compile(r"^(?:local function (\w+)|(\w+) = function)\((?:[^\n]* end|.*?^end)$\n", re.MULTILINE | re.DOTALL)
DECLARED = re.compile(r"^local \w+$", re.MULTILINE)  #: a forward declaration is no use
CONSTANT = re.compile(r"^local ([A-Z][A-Z_]*) = ('[^']*'|\d+)(?: *--.*)?\n", re.MULTILINE)
CAPITALS = re.compile(r"\b[A-Z][A-Z_]*\b")


class Piece(NamedTuple):
    name: str | None  #: of the function, None for what stands between functions
    text: str


def pieces_of(code: str) -> list[Piece]:
    found, end = [], 0
    for function in FUNCTION.finditer(code):
        found += [Piece(None, code[end : function.start()]), Piece(function.group(1) or function.group(2), function.group())]
        end = function.end()
    return [*found, Piece(None, code[end:])]


def with_constants_inline(code: str) -> str:
    """Return `code` with each `local NAME = literal` written where it is used: a function need not capture it then."""
    values = dict(CONSTANT.findall(code))
    return CAPITALS.sub(lambda name: values.get(name[0], name[0]), CONSTANT.sub("", code))


def compose(code: str, rarely: Iterable[str]) -> str:
    """Return `code` without the functions it cannot reach, and with those reached through `rarely` alone made on demand."""
    pieces = pieces_of(code)
    needs = {piece.name: names_in(piece.text) for piece in pieces if piece.name}
    roots = names_in("".join(DECLARED.sub("", piece.text) for piece in pieces if not piece.name))
    wanted, often = reach(roots, needs, ()), reach(roots, needs, set(rarely))
    rare = wanted - often
    kept = [piece for piece in pieces if not piece.name or piece.name in wanted]
    if not rare:
        return "".join(piece.text for piece in kept)
    calls = re.compile(rf"\b({'|'.join(sorted(rare))})\(")
    last = max(index for index, piece in enumerate(kept) if piece.name in rare)
    made = "".join(piece.text for piece in kept if piece.name in rare)
    table = ", ".join(f"{name} = {name}" for name in sorted(rare))
    group = f"rare = function()\nif rare_made then return rare_made end\n{made}rare_made = {{ {table} }}\nreturn rare_made\nend\n"
    text = "local rare, rare_made\n"
    for index, piece in enumerate(kept):
        if piece.name not in rare:
            text += calls.sub(r"rare().\1(", piece.text)
        elif index == last:
            text += group  # here: all that they need stands before
    return text


def reach(roots: set[str], needs: dict[str, set[str]], closed: Iterable[str]) -> set[str]:
    """Return the functions that `roots` lead to without passing through `closed` ones."""
    closed = set(closed)
    reached: set[str] = set()
    todo = [name for name in roots if name in needs]
    while todo:
        name = todo.pop()
        if name not in reached and name not in closed:
            reached.add(name)
            todo += needs[name] & set(needs)
    return reached


def names_in(code: str) -> set[str]:
    """Return the names in `code`, not those that a comment at the end of a line mentions."""
    return set(re.findall(r"\b[A-Za-z_]\w*", re.sub(r" -- .*", "", code)))
