"""Put a script together from its fragments, with no function more than it needs: pure text work.

Redis runs a script from its first line at every call, so each function in it is made anew, and what it captures with it. So
the functions of the fragments stand in one list, `fn`, which is all that they capture besides the fragments' few variables;
those that the verb cannot reach are left out; and those that it can do without at most calls, named in its `--rarely` line,
are put into the list when the first of them is called. What the fragments keep in hand is written when the verb has returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

FUNCTION = re.compile(r"^(?:local function (\w+)|(\w+) = function)(\((?:[^\n]* end|.*?^end))$\n", re.MULTILINE | re.DOTALL)
DECLARED = re.compile(r"^local \w+$\n?", re.MULTILINE)  #: a forward declaration is no use
AT_LAST = "write_back"  #: called when the verb has returned, where the fragments have it


class Piece(NamedTuple):
    name: str | None  #: of the function, None for what stands between functions
    text: str  #: of a function from its parameters on


def pieces_of(code: str) -> list[Piece]:
    found, end = [], 0
    for function in FUNCTION.finditer(code):
        found += [Piece(None, code[end : function.start()]), Piece(function.group(1) or function.group(2), function.group(3))]
        end = function.end()
    return [*found, Piece(None, code[end:])]


def compose(shared: str, own: str, rarely: Iterable[str]) -> str:
    """Return the script of a verb: the functions of `shared` that it reaches in a list, those behind `rarely` made on demand.

    Raises ValueError when `own` has a function of the same name as one of the `shared` ones that it reaches.
    """
    pieces = pieces_of(shared)
    functions = {piece.name: piece.text for piece in pieces if piece.name}
    needs = {name: names_in(text) & functions.keys() for name, text in functions.items()}
    roots = names_in(own) & functions.keys() | ({AT_LAST} & functions.keys())
    wanted, often = reach(roots, needs, ()), reach(roots, needs, set(rarely))
    if taken := wanted & set(re.findall(r"^local function (\w+)", own, re.MULTILINE)):
        raise ValueError(f"{', '.join(sorted(taken))}: a function of a fragment has that name")
    rare = [name for name in functions if name in wanted - often]
    numbers = {name: number for number, name in enumerate([*(name for name in functions if name in often), *rare], start=1)}
    variables = "".join(DECLARED.sub("", piece.text) for piece in pieces if not piece.name)
    if not numbers:
        return variables + own
    calls = re.compile(rf"(?<![\w.])({'|'.join(sorted(numbers, key=len, reverse=True))})\(")

    def numbered(code: str) -> str:
        return calls.sub(lambda call: f"fn[{numbers[call[1]]}](", code)

    made = "".join(f"function{numbered(functions[name])}, -- {numbers[name]} {name}\n" for name in functions if name in often)
    text = f"{variables}local fn\nfn = {{\n{made}}}\n"
    if rare:
        made = "".join(f"all[{numbers[name]}] = function{numbered(functions[name])} -- {name}\n" for name in rare)
        text += f"setmetatable(fn, {{ __index = function(all, number)\n{made}return rawget(all, number)\nend }})\n"
    own = numbered(own)
    if AT_LAST not in wanted:
        return text + own
    return f"{text}local function verb()\n{own}end\nlocal answer = verb()\n{numbered(AT_LAST + '(')})\nreturn answer\n"


def reach(roots: Iterable[str], needs: dict[str, set[str]], closed: Iterable[str]) -> set[str]:
    """Return the functions that `roots` lead to without passing through `closed` ones."""
    closed = set(closed)
    reached: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in reached and name not in closed:
            reached.add(name)
            todo += needs[name]
    return reached


def names_in(code: str) -> set[str]:
    """Return the names in `code`, not those that a comment at the end of a line mentions."""
    return set(re.findall(r"\b[A-Za-z_]\w*", re.sub(r" -- .*", "", code)))
