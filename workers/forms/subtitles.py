"""A transcript as subtitles: SubRip (`srt`) and WebVTT (`vtt`), its cues split and timed by workers/forms/cues.py."""

from __future__ import annotations

import html
from collections.abc import Iterable

from workers.forms.cues import Cue, cues
from workers.forms.said import Segment


def write(segments: Iterable[Segment], seconds: float, form: str) -> str:
    """Return the subtitles of a recording of so many seconds. SubRip says who speaks in words, WebVTT has a mark for it."""
    import pysubs2

    subs = pysubs2.SSAFile()
    for cue in cues(segments, seconds, label=form == "srt"):
        subs.append(pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=vtt(cue) if form == "vtt" else srt(cue)))
    return str(subs.to_string(form, keep_ssa_tags=True))


def srt(cue: Cue) -> str:
    """SubRip has no escapes; only its arrow has to be another one."""
    return r"\N".join(unescaped(line).replace("-->", "→") for line in cue.lines)


def vtt(cue: Cue) -> str:
    said = r"\N".join(html.escape(unescaped(line), quote=False) for line in cue.lines)
    return f"<v {html.escape(unescaped(cue.speaker), quote=False)}>{said}" if cue.speaker else said


def unescaped(line: str) -> str:
    """A backslash begins an escape where pysubs2 reads it."""
    return line.replace("\\", "\N{SET MINUS}")
