"""When each word that is shown was said. Words have times of their own when they were asked for; else they share their segment's.

What is shown may differ from what was heard: it was cleaned up, or its owner wrote something else. What is the same in both has its
own time, and what stands between shares the time between.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from workers.forms.said import Segment, plain, shown

NOT_A_LETTER = re.compile(r"[\W_]+")


class Word(NamedTuple):
    text: str
    start: float  #: seconds
    end: float
    unsure: bool = False


def width(text: str) -> int:
    """Return how many characters wide a text is: one that stands for a syllable or a word, as in Chinese, is as wide as two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def words(segment: Segment) -> list[Word]:
    """Return what a segment shows, word by word; each starts where the one before ended or later, and ends within the segment."""
    tokens = shown(segment).split()
    heard = list(filter(said, segment.get("words") or ()))
    first, last = float(segment["start"]), max(float(segment["start"]), float(segment["end"]))
    if not tokens:
        return []
    if not heard:
        placed = shared(tokens, first, last)
    elif [plain(word["word"]) for word in heard] == tokens:
        placed = [Word(token, word["start"], word["end"], bool(word.get("low"))) for token, word in zip(tokens, heard, strict=True)]
    else:
        placed = matched(tokens, heard, first, last)
    return in_order(placed, first, last)


def said(word: dict[str, Any]) -> bool:
    return bool(plain(word["word"]))


def shared(tokens: list[str], first: float, last: float) -> list[Word]:
    """Share the time out by the widths of words, with one for the space after each."""
    total = sum(width(token) + 1 for token in tokens)
    told, past = [], 0
    for token in tokens:
        start = first + (last - first) * past / total
        past += width(token) + 1
        told.append(Word(token, start, first + (last - first) * past / total))
    return told


def matched(tokens: list[str], heard: list[dict[str, Any]], first: float, last: float) -> list[Word]:
    """Give tokens the times of the words that they are, and share the time between out among the others."""
    same = SequenceMatcher(None, [bare(token) for token in tokens], [bare(word["word"]) for word in heard], autojunk=False)
    told: list[Word] = []
    done, past = 0, first
    for at, of, count in same.get_matching_blocks():  # the last one is empty, at the end
        if at > done:
            until = max(past, heard[of]["start"] if of < len(heard) else last)
            told += shared(tokens[done:at], past, until)
        for token, word in zip(tokens[at : at + count], heard[of : of + count], strict=True):
            told.append(Word(token, word["start"], word["end"], bool(word.get("low"))))
        done = at + count
        past = told[-1].end if told else first
    return told


def bare(text: str) -> str:
    """Return a word without what clean-up changes first: case and punctuation."""
    return NOT_A_LETTER.sub("", text).casefold() or text.strip()


def in_order(words: list[Word], first: float, last: float) -> list[Word]:
    told, past = [], first
    for word in words:
        start = min(max(word.start, past), last)
        past = min(max(word.end, start), last)
        told.append(word._replace(start=start, end=past))
    return told
