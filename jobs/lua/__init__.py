"""Load the scripts: one verb a file, shared fragments put in front of it by its `--include` line (see compose.py)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from jobs import keys
from jobs.lua.compose import compose
from jobs.lua.inline import with_constants_inline, with_short_functions_inline

VERBS = (
    "submit", "claim", "progress", "append", "renew", "record", "hand_back", "reap", "cancel", "retry", "revise", "pause", "delete",
    "sweep", "release", "tune", "reserve", "look", "foresee", "who", "keep", "knock", "end_plain", "fail_plain", "sample",
)  # fmt: skip
#: What jobs.doctor reads and mends with.
DOCTOR = (
    "see_jobs", "see_tasks", "see_shares", "see_depth", "mend_job", "mend_task", "mend_share", "mend_depth", "mend_plain", "drop", "bury",
)  # fmt: skip

HERE = "\0"  #: between the fragments and the verb's own lines


@dataclass(frozen=True, slots=True)
class Script:
    verb: str
    text: str
    sha: str


@cache
def source(name: str) -> str:
    return files(__name__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def script(verb: str, prefix: str, constants: tuple[tuple[str, int | str], ...]) -> Script:
    """Return what Redis runs for `verb`: constants, the fragments' functions that it needs, its own lines, real keys."""
    own = source(verb)
    head = "\n".join(f"local {name} = {value}" for name, value in constants)
    fragments = "\n".join(source(name) for name in with_theirs(named(own, "include")))
    whole = f"{head}\n{bare(fragments)}{HERE}{bare(own)}"
    shared, its = with_short_functions_inline(with_constants_inline(whole)).split(HERE)
    text = keys.lua(prefix, compose(shared, its, named(own, "rarely")))
    return Script(verb, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def with_theirs(fragments: list[str]) -> list[str]:
    """Return `fragments`, each followed by those that it brings along by an `--include` line of its own."""
    return [one for name in fragments for one in (name, *named(source(name), "include"))]


def bare(code: str) -> str:
    """Return `code` without its comments and empty lines."""
    return "\n".join(line for line in code.split("\n") if line.strip() and not line.lstrip().startswith("--")) + "\n"


def named(code: str, what: str) -> list[str]:
    """Return the names in the lines `--include …` or `--rarely …` of a script."""
    return [name for line in re.findall(rf"^--{what} (.+)$", code, re.MULTILINE) for name in line.split()]


class Scripts(dict[str, Script]):
    """The scripts of one installation by verb, each composed when first asked for: a process calls few of them."""

    def __init__(self, prefix: str, constants: dict[str, int | str]) -> None:
        self._prefix = prefix
        self._constants = tuple(constants.items())

    def __missing__(self, verb: str) -> Script:
        if verb not in VERBS and verb not in DOCTOR:
            raise KeyError(verb)
        self[verb] = made = script(verb, self._prefix, self._constants)  # by two threads at once: twice the same
        return made
