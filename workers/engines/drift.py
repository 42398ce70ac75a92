"""Tell a sentence that was cleaned up from one that says something else. Pure: counts words, knows nothing of their sense.

What is left out without harm is taken out of both first: fillers, and words said twice running. Then enough of the words has to be
there in their order and not much besides, and a "not" where there was one. Digits and words for numbers are the same in both, with all
that is said twice running: `nine nine nine` is a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

LEAST_WORDS = 0.7  #: of a sentence's words that both have, in their order, by the longer of both
LEAST_LETTERS = 0.8  #: or of its letters: a slip put right in a short sentence, scripts without spaces
SHORT_WORDS = 3
LEAST_LETTERS_OF_SHORT = 0.5  #: `doe` and `does`
LEAST_OF_ALL = 0.85  #: of all sentences together: many small losses are a large one
REPEATED_WORDS = 4  #: as in `if you look if you look at it`

FILLERS = frozenset((
    "um", "uh", "uhm", "umm", "erm", "er", "ehm", "hm", "hmm", "mhm", "mm", "mmm", "ah", "eh", "äh", "ähm", "öh", "euh",
    "like", "well", "so", "ok", "okay", "yeah", "basically", "actually",
))  # fmt: skip
FILLING_PAIRS = frozenset((("you", "know"), ("i", "mean"), ("sort", "of"), ("kind", "of")))
NUMBERS = frozenset((
    "zero", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
    "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
    "thousand", "million", "billion", "half", "third", "quarter",
))  # fmt: skip
NEGATIONS = frozenset((
    "not", "no", "never", "none", "nor", "cannot", "nothing", "nicht", "kein", "keine", "nie", "ne", "pas", "jamais", "non", "nunca", "mai",
))  # fmt: skip

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_DIGITS = re.compile(r"\d")


def drifted(raw: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether any of `texts`, or all together, says something else than its counterpart in `raw`."""
    in_all = kept_of_all = 0.0
    for said, text in zip(raw, texts, strict=True):
        before, after = words(said), words(text)
        if before and not same_facts(said, text, before, after):
            return True
        of_words, of_letters = kept(before, after), kept("".join(before), "".join(after))
        short = len(before) <= SHORT_WORDS
        if of_words < LEAST_WORDS and of_letters < (LEAST_LETTERS_OF_SHORT if short else LEAST_LETTERS):
            return True
        in_all += len(before)
        kept_of_all += len(before) * max(of_words, of_letters)
    return kept_of_all < LEAST_OF_ALL * in_all


def same_facts(said: str, text: str, before: list[str], after: list[str]) -> bool:
    """Whether what a few letters can turn round is the same in both: digits, words for numbers, a "not"."""
    return (
        _DIGITS.findall(said) == _DIGITS.findall(text)
        and numbers(said) == numbers(text)
        and any(map(negates, before)) == any(map(negates, after))
    )


def numbers(text: str) -> Counter[str]:
    """Return how often each word for a number is said."""
    return Counter(word for word in spelt(text) if word in NUMBERS)


def spelt(text: str) -> list[str]:
    """Return the words of a text, in one case."""
    return [word.replace("’", "'") for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())]


def words(text: str) -> list[str]:
    """Return the words of a text, in one case, without fillers and without what is said twice running."""
    found: list[str] = []
    for word in spelt(text):
        found.append(word)
        if found[-1] in FILLERS:
            del found[-1]
        elif tuple(found[-2:]) in FILLING_PAIRS:
            del found[-2:]
        for length in range(1, REPEATED_WORDS + 1):
            if found[-length:] == found[-2 * length : -length]:
                del found[-length:]
    return found


def negates(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")


def kept(before: Sequence[str], after: Sequence[str]) -> float:
    """Return how much both have in common, in its order, by the longer of both: 0 to 1."""
    if not before and not after:
        return 1.0
    common = sum(block.size for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks())
    return common / max(len(before), len(after))
