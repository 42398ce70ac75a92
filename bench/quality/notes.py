"""Notes made offline: whether they are about what the lecture is about, and what they take. And the check of a model's notes."""

from __future__ import annotations

import itertools
import time
import tracemalloc

from bench import lectures
from bench.lectures import spoken
from workers.notes.offline import take
from workers.notes.shape import Notes, Point
from workers.notes.support import borne_out

TITLE = "Notes"

HOURS = 6


def measure() -> list[tuple[str, str, str]]:
    return [*of_three_lectures(), *of_a_models_notes(), *of_six_hours()]


def of_three_lectures() -> list[tuple[str, str, str]]:
    how = "three lectures of 150 words each, written for this (`bench/lectures.py`)"
    found = defined = told = items = supported = words = summed = 0
    for text, expected in lectures.KEY_TERMS.items():
        segments = spoken(text)
        notes = take(segments)
        terms = {term.term.casefold(): term.definition for term in notes.terms}
        found += sum(any(same(one, term) for term in terms) for one in expected)
        for name, begins in lectures.DEFINED.items():
            for definition in (terms[term] for term in terms if same(name, term) and begins in text):
                told += 1
                defined += definition.startswith(begins)
        checked = [item for item in notes.items() if item not in notes.questions]
        items += len(checked)
        supported += sum(borne_out(item, segments, "en") for item in checked)
        words += len(text.split())
        summed += sum(len(point.text.split()) for point in notes.summary)
    expected_terms = sum(map(len, lectures.KEY_TERMS.values()))
    return [
        ("key terms found, of those that a teacher would list", f"{found} of {expected_terms}", how),
        ("terms told by the sentence that defines them, of those that have one", f"{defined} of {told}", how),
        ("items whose words stand in the segments that they name", f"{supported} of {items}", f"{how}; but for the questions"),
        ("length of the summary", f"{summed / words:.0%}", f"{how}; its words in parts of those said"),
        *boundaries(),
    ]


def same(one: str, other: str) -> bool:
    """Whether two terms are the same, or one is a part of the other."""
    one, other = one.casefold(), other.casefold()
    return one in other or other in one


def boundaries() -> list[tuple[str, str, str]]:
    texts = tuple(lectures.KEY_TERMS)
    orders = list(itertools.permutations(texts))
    hits = missed = more = 0
    for order in orders:
        lines = list(itertools.accumulate(len(text.splitlines()) for text in order))[:-1]
        starts = [section.start / 10 for section in take(spoken(*order)).outline][1:]
        near = [any(abs(start - line) <= 1 for start in starts) for line in lines]
        hits += sum(near)
        missed += len(near) - sum(near)
        more += sum(all(abs(start - line) > 1 for line in lines) for start in starts)
    how = "the three lectures one after the other, in every order; a topic of the outline begins within one line of the turn"
    return [
        ("turns to another subject found", f"{hits} of {hits + missed}", how),
        ("topics begun elsewhere", f"{more / len(orders):.1f} a lecture", "the same"),
    ]


def of_a_models_notes() -> list[tuple[str, str, str]]:
    segments = spoken(lectures.PLANTS)
    kept = sum(borne_out(Point(text=text, segments=list(places)), segments, "en") for text, places in lectures.PARAPHRASED)
    strange = [sentence.strip() for text in (lectures.MARKETS, lectures.CELLS) for sentence in text.replace("\n", " ").split(". ")]
    pairs = list(itertools.product(strange, range(len(segments))))
    through = sum(borne_out(Point(text=text, segments=[place]), segments, "en") for text, place in pairs)
    return [
        (
            "sentences in other words that the check keeps",
            f"{kept} of {len(lectures.PARAPHRASED)}",
            "written by hand, of the first lecture",
        ),
        ("sentences of other lectures that it drops", f"{1 - through / len(pairs):.1%}", f"{len(pairs)}: each with each line of the first"),
    ]


def of_six_hours() -> list[tuple[str, str, str]]:
    segments = lectures.made_up(HOURS)
    words = sum(len(segment["text"].split()) for segment in segments)
    how = f"{HOURS} hours of made-up words, {words:,} in {len(segments):,} segments; one core"
    began = time.process_time()
    notes: Notes = take(segments)
    seconds = time.process_time() - began
    tracemalloc.start()
    take(segments)
    megabytes = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return [
        ("processor time for the longest recording", f"{seconds:.1f} s", how),
        ("memory for it at most", f"{megabytes:.0f} MB", how),
        ("items", f"{len(notes.items())}, {len(notes.outline)} topics", how),
    ]
