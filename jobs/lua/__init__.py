"""Load the scripts: one verb a file, shared fragments put in front of it by its `--include` line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jobs import keys

VERBS = (
    "submit", "claim", "progress", "append", "renew", "record", "hand_back", "reap", "cancel", "retry", "pause", "delete", "sweep",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    verb: str
    text: str
    sha: str


@cache
def source(name: str) -> str:
    return files(__name__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


def compose(verb: str, prefix: str, constants: Mapping[str, int | str]) -> Script:
    """Put together what Redis runs: constants, then the fragments' functions that the verb needs, then the verb."""
    include = re.search(r"^--include (.+)$", source(verb), re.MULTILINE)
    body = "\n".join(source(name) for name in [*(include.group(1).split() if include else ()), verb])
    code = "\n".join(line for line in body.split("\n") if line.strip() and not line.lstrip().startswith("--"))
    head = "\n".join(f"local {name} = {value}" for name, value in constants.items())
    text = f"{head}\n{keys.lua(prefix, shaken(code))}\n"
    return Script(verb, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def shaken(code: str) -> str:
    """Leave out functions that the verb cannot reach: each would cost a quarter of a microsecond at every call of the script."""
    begin = r"^(?:local function (\w+)|(\w+) = function)\("
    functions = list(re.finditer(rf"{begin}(?:[^\n]* end|.*?^end)$\n", code, re.MULTILINE | re.DOTALL))
    needs = {found.group(1) or found.group(2): names_in(found.group()) for found in functions}
    reached = set(needs) & names_in(re.sub("|".join(re.escape(found.group()) for found in functions), "", code))
    # A forward declaration, `local converge`, is no use of it.
    reached -= {name for name in reached if re.search(rf"^local {name}$", code, re.MULTILINE)} - names_in(code[functions[-1].end() :])
    todo = list(reached)
    while todo:
        found_names = (needs[todo.pop()] & set(needs)) - reached
        reached |= found_names
        todo += found_names
    for found in reversed(functions):
        if (found.group(1) or found.group(2)) not in reached:
            code = code[: found.start()] + code[found.end() :]
    return code


def names_in(code: str) -> set[str]:
    return set(re.findall(r"\b[A-Za-z_]\w*", code))


def load(prefix: str, constants: Mapping[str, int | str]) -> dict[str, Script]:
    return {verb: compose(verb, prefix, constants) for verb in VERBS}
