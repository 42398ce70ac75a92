"""Study notes as a page: title, summary, outline, key terms, questions, flashcards, a quiz and its answers, each with where it was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workers.forms.page import Bullets, Heading, Look, Page, Paragraph, Part, Run, Runs, aside, plain_run
from workers.forms.said import clock, plain

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MADE = {
    "gemini": "Notes by Google Gemini",
    "offline extractive": "Notes made of sentences chosen from the recording itself, without a language model",
}

Item = Mapping[str, Any]


def page(notes: Mapping[str, Any], starts: Sequence[float]) -> Page:
    """Return the notes on what was said; `starts` are the seconds at which its segments start, empty when they are not known."""
    return Page(title_of(notes), notes.get("language") or "", tuple(parts(notes, starts)))


def title_of(notes: Mapping[str, Any]) -> str:
    return plain((notes.get("title") or {}).get("text") or "") or "Notes"


def where(item: Item, starts: Sequence[float]) -> str:
    """Return where the first of what an item rests on was said: `12:34`."""
    known = [starts[n] for n in item["segments"] if 0 <= n < len(starts)]
    return clock(min(known)) if known else ""


def parts(notes: Mapping[str, Any], starts: Sequence[float]) -> Iterator[Part]:
    yield Heading(1, title_of(notes))
    yield aside(made(notes) + (" Times tell where in the recording." if starts else ""))
    if notes.get("warnings"):
        yield Bullets(tuple(((plain(warning), Look.ASIDE),) for warning in notes["warnings"]))
    for heading, body in (
        ("Summary", [listed(notes["summary"], starts)]),
        ("Outline", outline(notes["outline"], starts)),
        ("Key terms", [terms(notes["terms"], starts)]),
        ("Questions", [listed(notes["questions"], starts, numbered=True)]),
        ("Flashcards", [flashcards(notes["flashcards"], starts)]),
        ("Quiz", quiz(notes["quiz"])),
        ("Answers", [answers(notes["quiz"], starts)]),
    ):
        told = [part for part in body if not (isinstance(part, Bullets) and not part.items)]
        if told:
            yield Heading(2, heading)
            yield from told


def made(notes: Mapping[str, Any]) -> str:
    model = f" ({plain(notes['model'])})" if notes.get("model") else ""
    left_out = f"; {notes['dropped']} left out for want of support in what was said" if notes.get("dropped") else ""
    return f"{MADE.get(notes['engine'], notes['engine'])}{model}{left_out}."


def text(item: Item, name: str, starts: Sequence[float]) -> Runs:
    return with_time((plain_run(plain(item[name])),), item, starts)


def with_time(runs: Sequence[Run], item: Item, starts: Sequence[float]) -> Runs:
    at = where(item, starts)
    return (*runs, (at, Look.TIME)) if at else tuple(runs)


def listed(items: Iterable[Item], starts: Sequence[float], *, numbered: bool = False) -> Bullets:
    return Bullets(tuple(text(item, "text", starts) for item in items), numbered)


def outline(sections: Iterable[Item], starts: Sequence[float]) -> Iterator[Part]:
    for section in sections:
        yield Heading(3, plain(section["title"]), f"{clock(section['start'])}–{clock(section['end'])}" if starts else "")
        if section["points"]:
            yield listed(section["points"], starts)


def terms(items: Iterable[Item], starts: Sequence[float]) -> Bullets:
    return Bullets(
        tuple(with_time(((f"{plain(item['term'])}:", Look.STRONG), plain_run(plain(item["definition"]))), item, starts) for item in items)
    )


def flashcards(items: Iterable[Item], starts: Sequence[float]) -> Bullets:
    return Bullets(
        tuple(with_time(((plain(item["front"]), Look.STRONG), plain_run(f"– {plain(item['back'])}")), item, starts) for item in items)
    )


def quiz(items: Iterable[Item]) -> Iterator[Part]:
    for n, item in enumerate(items, 1):
        yield Paragraph(((f"{n}.", Look.STRONG), plain_run(plain(item["question"]))))
        yield Bullets(
            tuple(((f"{letter})", Look.STRONG), plain_run(plain(choice))) for letter, choice in zip(LETTERS, item["choices"], strict=False))
        )


def answers(items: Iterable[Item], starts: Sequence[float]) -> Bullets:
    told = []
    for item in items:
        right = item["choices"][item["answer"]]
        runs = [(f"{LETTERS[item['answer']]})", Look.STRONG), plain_run(plain(right))]
        if item.get("explanation"):
            runs.append((plain(item["explanation"]), Look.ASIDE))
        told.append(with_time(runs, item, starts))
    return Bullets(tuple(told), numbered=True)
