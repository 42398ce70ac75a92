"""Questions, flashcards and a quiz out of definitions and topics. What is chosen at random is chosen by a digest of the text: for good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from workers.notes.define import Definition
from workers.notes.outline import Topic
from workers.notes.sentences import Sentence
from workers.notes.shape import Card, Point, Quiz
from workers.notes.terms import Term

BLANK = "_____"
CHOICES = 4
MOST_ASKED = 5  #: questions that the speaker asked
MOST_QUIZ = 12
LONGEST_QUIZ = 300  #: characters of a sentence with a gap

#: What does it mean? What is said about it? With the term in quotation marks: so it needs no article, no plural, no case.
ASKS = {
    "en": ("What does “{}” mean?", "What is said about “{}”?"),
    "de": ("Was bedeutet „{}“?", "Was wird über „{}“ gesagt?"),
    "fr": ("Que signifie « {} » ?", "Qu'est-ce qui est dit de « {} » ?"),
    "es": ("¿Qué significa «{}»?", "¿Qué se dice de «{}»?"),
    "it": ("Che cosa significa «{}»?", "Che cosa si dice di «{}»?"),
    "pt": ("O que significa «{}»?", "O que se diz sobre «{}»?"),
    "nl": ("Wat betekent ‘{}’?", "Wat wordt er gezegd over ‘{}’?"),
    "sv": ("Vad betyder ”{}”?", "Vad sägs om ”{}”?"),
    "pl": ("Co oznacza „{}”?", "Co powiedziano o „{}”?"),
    "ru": ("Что означает «{}»?", "Что сказано о «{}»?"),
    "tr": ("“{}” ne demektir?", "“{}” hakkında ne söyleniyor?"),
    "ja": ("「{}」とは何ですか。", "「{}」について何が述べられていますか。"),
    "zh": ("“{}”是什么意思？", "关于“{}”说了什么？"),
}


def questions(
    definitions: Sequence[Definition], topics: Sequence[Topic], sentences: Sequence[Sentence], scores: Sequence[float], language: str
) -> list[Point]:
    """Return what to ask oneself: what the terms mean, what was said on the topics, what the speaker asked; else sentences with gaps."""
    found: list[Point] = []
    means, about = ASKS.get(language, ("", ""))
    for defined in definitions:
        sentence = sentences[defined.sentence]
        if means and defined.strength:
            found.append(Point(text=means.format(defined.term.text), segments=list(sentence.segments)))
    if about and len(topics) > 1:
        found += [Point(text=about.format(topic.title), segments=resting(topic.named_in, sentences)) for topic in topics]
    about_terms = {n for defined in definitions for n in defined.term.sentences}
    asked = [n for n in sorted(about_terms) if sentences[n].asks]
    for n in sorted(sorted(asked, key=lambda n: (-scores[n], n))[:MOST_ASKED]):
        found.append(Point(text=sentences[n].text, segments=list(sentences[n].segments)))
    if not found:
        gaps = [(with_gap(sentences[one.sentence].text, one.term), sentences[one.sentence]) for one in definitions]
        found = [Point(text=gap, segments=list(sentence.segments)) for gap, sentence in gaps if gap]
    return list({point.text: point for point in found}.values())


def flashcards(definitions: Sequence[Definition], sentences: Sequence[Sentence]) -> list[Card]:
    """Return a card for each term: the term, and the sentence that says what it is."""
    return [
        Card(front=one.term.text, back=sentences[one.sentence].text, segments=list(sentences[one.sentence].segments)) for one in definitions
    ]


def quiz(definitions: Sequence[Definition], sentences: Sequence[Sentence]) -> list[Quiz]:
    """Return sentences with a gap, each with the term that belongs there among others that do not."""
    found: list[Quiz] = []
    terms = [defined.term for defined in definitions]
    for defined in definitions:
        sentence = sentences[defined.sentence]
        question = with_gap(sentence.text, defined.term)
        wrong = others(defined.term, terms, sentence.text)
        if not question or not wrong or len(question) > LONGEST_QUIZ or sentence.asks:
            continue
        choices = [*wrong]
        answer = pick(question) % (len(wrong) + 1)
        choices.insert(answer, defined.term.text)
        found.append(Quiz(question=question, choices=choices, answer=answer, explanation=sentence.text, segments=list(sentence.segments)))
        if len(found) == MOST_QUIZ:
            break
    return found


def others(term: Term, terms: Sequence[Term], text: str) -> list[str]:
    """Return what could stand in the gap, but does not: other terms that the sentence does not have."""
    said = text.casefold()
    fit = {
        other.text.casefold(): other.text
        for other in terms
        if not set(other.keys) & set(term.keys) and other.text.casefold() not in said and other.text.casefold() != term.text.casefold()
    }
    return sorted(fit.values(), key=lambda other: pick(f"{term.text}\0{other}"))[: CHOICES - 1]


def with_gap(text: str, term: Term) -> str:
    """Return a text with a gap wherever the term stands in it; "" when it does not stand there as it is shown, or nothing else does."""
    shown = re.escape(term.text)
    spaced = re.search(r"[^\W\d_]", term.text) is not None and " " in text
    gap, count = re.subn(rf"\b{shown}(?:e?s)?\b" if spaced else shown, BLANK, text, flags=re.IGNORECASE)
    return gap if count and re.search(r"\w", gap.replace(BLANK, "")) else ""


def pick(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big")


def resting(places: Sequence[int], sentences: Sequence[Sentence]) -> list[int]:
    """Return the segments of these sentences."""
    return sorted({segment for n in places for segment in sentences[n].segments})
