"""`python -m bench.quality`: measure how good what comes out is, and write it as a page."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import page, quality
from bench.__main__ import forget_settings, write
from bench.processes import ROOT
from bench.quality import Section

DOC = ROOT / "docs" / "quality.md"

HEAD = """# Quality

Written by `python -m bench.quality`, all of it from one run: {when}. [bench/quality](../bench/quality) has a file for each section.

**What it was measured on.** Speech is that of `models/demo`, a model of 2.5 MB that knows 126 English words and synthetic voices; the
recordings are those in `samples`, and others made like them, of known words at known times. So the figures tell what the code around a
model loses or adds, and let a change be held against the one before; they do not tell how well people are understood, which is a matter
of the model that `WHISPER_MODEL` names.
"""


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(argv)
    forget_settings()
    sections: list[Section] = []
    failed: list[str] = []
    for name in given.only or quality.names():
        print(f"{name} …", flush=True)
        began = time.monotonic()
        try:
            section = quality.measured(name)
        except Exception as error:  # the others are to be measured all the same
            failed.append(f"{name} failed: {type(error).__name__}: {error}")
            traceback.print_exc()
            continue
        for figure in section.figures:
            print(f"  {figure.what}: {figure.figure} ({figure.how})", flush=True)
        print(f"  {name} took {time.monotonic() - began:.1f} s", flush=True)
        sections.append(section)
    if given.doc and not failed:
        write(given.doc, render(sections, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"))
    print(*failed, sep="\n", file=sys.stderr)
    return 1 if failed else 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="only these files of bench/quality; nothing is written then, unless by --doc"
    )
    parser.add_argument("--doc", type=Path, help="where the page goes (docs/quality.md, of a full run only)")
    given = parser.parse_args(argv)
    if given.only and (unknown := sorted(set(given.only) - set(quality.names()))):
        parser.error(f"--only: there is no {', '.join(unknown)}; there are {', '.join(quality.names())}")
    if given.doc is None and not given.only:
        given.doc = DOC
    return given


def render(sections: Sequence[Section], when: str) -> str:
    """Return the page: a section a file, a row a figure."""
    parts = [HEAD.format(when=when)]
    for section in sections:
        parts += [f"## {section.title}\n", *([f"{' '.join(section.notes)}\n"] if section.notes else [])]
        parts += ["\n".join(page.markdown(("", "figure", "how measured"), section.figures)), ""]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    # Libraries of models start a thread a core by themselves; figures must not depend on how many there are.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
