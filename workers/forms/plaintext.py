"""A transcript to read: text/plain, in paragraphs, with who speaks where that is known."""

from __future__ import annotations

from collections.abc import Iterable

from workers.forms.said import Segment, paragraphs, shown, speaker


def write(segments: Iterable[Segment]) -> str:
    lines, before = [], ""
    for paragraph in paragraphs(segments):
        by = speaker(paragraph[0])
        lines.append((f"{by}: " if by != before and by else "") + " ".join(map(shown, paragraph)))
        before = by
    return "\n\n".join(lines) + ("\n" if lines else "")
