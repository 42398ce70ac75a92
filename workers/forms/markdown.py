"""A page as Markdown (CommonMark). What was said stays text: whatever would be markup in it is escaped."""

from __future__ import annotations

import re

from workers.forms.page import Bullets, Heading, Look, Page, Paragraph, Part, Run, Runs

ANYWHERE = re.compile(r"([\\`*_\[\]<>&|~$])")
IN_HEADING = re.compile(r"([\\`*_\[\]<>&|~$#])")  #: a # at the end would close it
ESCAPE = r"\\\1"
AT_START = re.compile(r"^([#+=:-]|\d{1,9}(?=[.)]))")

MARKS = {Look.STRONG: "**", Look.SPEAKER: "**", Look.ASIDE: "*", Look.TIME: "`"}


def write(page: Page) -> str:
    return "\n\n".join(map(part, page.parts)) + "\n"


def part(part: Part) -> str:
    match part:
        case Heading(level, text, time):
            return f"{'#' * level} {IN_HEADING.sub(ESCAPE, text)}" + (f" `{time}`" if time else "")
        case Bullets(items, numbered):
            return "\n".join(f"{f'{n}.' if numbered else '-'} {line(item)}" for n, item in enumerate(items, 1))
        case Paragraph(runs):
            return line(runs)


def line(runs: Runs) -> str:
    told = [one for one in runs if one[0]]
    return " ".join(run(one, first=n == 0) for n, one in enumerate(told))


def run(run: Run, *, first: bool) -> str:
    text, look = run
    if look is Look.TIME:
        return f"`{text}`"
    mark = MARKS.get(look, "")
    return f"{mark}{ANYWHERE.sub(ESCAPE, text)}{mark}" if mark or not first else escaped(text)


def escaped(text: str) -> str:
    """Return `text`, one line, as Markdown that shows just that."""
    safe = ANYWHERE.sub(ESCAPE, text)
    if found := AT_START.match(safe):
        return f"{found[1]}\\{safe[found.end() :]}" if found[1].isdigit() else f"\\{safe}"
    return safe
