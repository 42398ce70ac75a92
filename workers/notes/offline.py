"""Notes of a transcript by what is in it: central sentences, key terms, topics. Nothing is worded anew, so nothing is made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.notes import define, exercises, outline, rank, stop, terms
from workers.notes.exercises import resting
from workers.notes.outline import sentence_case, shortened
from workers.notes.sentences import Sentence, read
from workers.notes.shape import OFFLINE, Notes, Point, Term, TimedSection, Title
from workers.notes.words import Word, cut, lower_words, without_filler

MOST_SUMMARY = 10
NOTHING_SAID = "nothing is said in the transcript: there is nothing to take notes of"
TERMS_OF_THE_TITLE = 3
TERMS_TO_NAME_TOPICS = 300


def take(
    segments: Sequence[Mapping[str, Any]],
    *,
    language: str = "",
    name: str = "",
    warnings: Sequence[str] = (),
    step: Callable[[float], None] = lambda fraction: None,
) -> Notes:
    """Return the notes of these segments. `language` is guessed if it is not given; `name` is the title when nothing is said.

    `step` is called between parts of the work with the fraction that is done.
    """
    sentences = read(segments)
    language = language or stop.guess(lower_words(sentence.text for sentence in sentences))
    words = cut_all(sentences, language)
    sentences, words = heard(sentences, words)
    if not sentences:
        return Notes(
            language=language, engine=OFFLINE, title=Title(text=name or "–", segments=[]), warnings=[*warnings, NOTHING_SAID]
        ).checked(0)
    step(0.2)
    matrix, rows = rank.weigh(words)
    scores = rank.sentence_scores(matrix)
    step(0.4)
    found = terms.find(words, language, TERMS_TO_NAME_TOPICS, define.explained(sentences, words, language))
    defined = [define.define(term, sentences, words, scores, language) for term in found]
    definitions = sorted(defined, key=lambda one: (-one.worth, one.term.sentences[0]))[: how_many_terms(len(sentences))]
    key = [one.term for one in definitions]
    step(0.7)
    topics = outline.draw(sentences, rows, scores, found)
    step(0.9)
    return Notes(
        language=language,
        engine=OFFLINE,
        title=titled(key, sentences),
        summary=[spoken(sentences[n]) for n in central(sentences, words, rows, scores)],
        outline=[
            TimedSection(
                title=topic.title,
                start=sentences[topic.first].start,
                end=max(sentences[topic.first].start, sentences[topic.past - 1].end),
                segments=resting(topic.named_in, sentences),
                points=[spoken(sentences[n]) for n in topic.points],
            )
            for topic in topics
        ],
        terms=[
            Term(term=one.term.text, definition=sentences[one.sentence].text, segments=list(sentences[one.sentence].segments))
            for one in definitions
        ],
        questions=exercises.questions(definitions, topics, sentences, scores, language),
        flashcards=exercises.flashcards(definitions, sentences),
        quiz=exercises.quiz(definitions, sentences),
        warnings=list(warnings),
    ).checked(len(segments))


def cut_all(sentences: Sequence[Sentence], language: str) -> list[list[Word]]:
    words = [cut(sentence.text, language) for sentence in sentences]
    return words if stop.stop_words(language) else without_filler(words)


def heard(sentences: Sequence[Sentence], words: Sequence[list[Word]]) -> tuple[list[Sentence], list[list[Word]]]:
    """Return the sentences that have a word in them, and their words."""
    kept = [n for n, said in enumerate(words) if said]
    return [sentences[n] for n in kept], [words[n] for n in kept]


def how_many_terms(sentences: int) -> int:
    return min(terms.MOST, max(3, round(2.5 * math.sqrt(sentences))))


def central(
    sentences: Sequence[Sentence], words: Sequence[Sequence[Word]], rows: Sequence[dict[int, float]], scores: Sequence[float]
) -> list[int]:
    """Return the sentences of the summary: the most central that tell something, each something else."""
    told = [n for n, sentence in enumerate(sentences) if not sentence.asks and len(words[n]) >= define.FEWEST_WORDS]
    most = min(MOST_SUMMARY, max(1, round(1.3 * len(sentences) ** 0.4)))
    return rank.varied(told or range(len(sentences)), scores, rows, most)


def titled(key: Sequence[terms.Term], sentences: Sequence[Sentence]) -> Title:
    """Return the title: the foremost terms, or how the transcript begins."""
    if not key:
        return Title(text=shortened(sentences[0].text), segments=list(sentences[0].segments))
    foremost = key[:TERMS_OF_THE_TITLE]
    text = sentence_case(", ".join(term.text for term in foremost))
    return Title(text=shortened(text), segments=resting([term.sentences[0] for term in foremost], sentences))


def spoken(sentence: Sentence) -> Point:
    return Point(text=sentence.text, segments=list(sentence.segments))
