"""A transcript as a page: paragraphs with their times, who speaks and how; words that were heard with low confidence are marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.forms.page import Bullets, Heading, Look, Page, Paragraph, Part, Runs, aside, plain_run
from workers.forms.said import Segment, clock, delivery, paragraphs, plain, speaker
from workers.forms.timing import words


def page(transcript: Mapping[str, Any]) -> Page:
    title = title_of(transcript)
    return Page(title, transcript["language"] or "", tuple(parts(transcript, title)))


def title_of(transcript: Mapping[str, Any]) -> str:
    return plain(transcript.get("title") or transcript["recording"]["filename"])


def parts(transcript: Mapping[str, Any], title: str) -> Iterator[Part]:
    recording = transcript["recording"]
    yield Heading(1, title)
    about = [plain(recording["filename"]), clock(recording["seconds"]), transcript["language"], f"transcribed with {transcript['model']}"]
    if transcript["steps"].get("cleanup") and "cleanup" not in transcript.get("skipped", ()):
        about.append(f"cleaned up by {transcript['steps']['cleanup'].get('third_party') or 'a model'}")
    yield aside(" · ".join(filter(None, about)))
    if transcript["warnings"]:
        yield Bullets(tuple(((plain(warning), Look.ASIDE),) for warning in transcript["warnings"]))
    before = ""
    for paragraph in paragraphs(transcript["segments"]):
        by = speaker(paragraph[0])
        runs = [(clock(paragraph[0]["start"]), Look.TIME)]
        if by and by != before:
            runs.append((f"{by}:", Look.SPEAKER))
        before = by
        yield Paragraph((*runs, *(run for segment in paragraph for run in said(segment))))


def said(segment: Segment) -> Runs:
    """Return what a segment shows, after how it was said; parted where words become unsure and sure again."""
    how = delivery(segment)
    runs: list[tuple[str, Look]] = [(f"({how})", Look.ASIDE)] if how else []
    for word in words(segment):
        look = Look.UNSURE if word.unsure else Look.PLAIN
        if runs and runs[-1][1] is look:
            runs[-1] = (f"{runs[-1][0]} {word.text}", look)
        else:
            runs.append((word.text, look) if word.unsure else plain_run(word.text))
    return tuple(runs)
