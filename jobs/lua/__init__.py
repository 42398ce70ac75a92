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


def compose(verb: str, prefix: str, constants: Mapping[str, float]) -> Script:
    """Put together what Redis runs: constants, key functions, fragments, the verb; comments and blank lines left out."""
    include = re.search(r"^--include (.+)$", source(verb), re.MULTILINE)
    body = "\n".join(source(name) for name in [*(include.group(1).split() if include else ()), verb])
    code = "\n".join(line for line in body.split("\n") if line.strip() and not line.lstrip().startswith("--"))
    head = "\n".join(f"local {name} = {value}" for name, value in constants.items())
    text = f"{head}\n{keys.lua(prefix, code)}\n{code}\n"
    return Script(verb, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def load(prefix: str, constants: Mapping[str, float]) -> dict[str, Script]:
    return {verb: compose(verb, prefix, constants) for verb in VERBS}
