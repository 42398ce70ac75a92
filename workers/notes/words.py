"""Cut text into words, and say which of them carry meaning. Scripts without spaces are cut into pairs of characters that overlap."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from workers.notes import stop

#: Marks that Python's \w leaves out, and the scripts that are full of them.
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
UNSPACED = "\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  #: kana, Han, Thai, Lao, Burmese, Khmer
LETTER = rf"(?:[^\W{UNSPACED}]|[{MARKS}])"
WORD = re.compile(rf"[{UNSPACED}]+|{LETTER}+(?:['’.-]{LETTER}+)*")
HIRAGANA = re.compile("[\u3041-\u309f]")

SHORT_AND_EVERYWHERE = 0.08  #: of the sentences: a short word in so many is a stop word, where the language has no list
MAX_WORD_CHARACTERS = 60  #: what is longer is no word


@dataclass(frozen=True, slots=True)
class Word:
    surface: str  #: as it was said
    key: str  #: words with the same key are the same word
    stop: bool  #: carries no meaning of its own
    gap: bool  #: something else than a space stands before it: no phrase reaches across
    glued: bool = False  #: begins with the last character of the word before it


def cut(text: str, language: str) -> list[Word]:
    """Return the words of a text."""
    words: list[Word] = []
    past = 0
    for found in WORD.finditer(unicodedata.normalize("NFC", text)):
        said = found.group()
        gap = past == 0 or bool(found.string[past : found.start()].strip())
        past = found.end()
        if is_unspaced(said):
            words += pairs(said, language, gap)
        elif len(said) <= MAX_WORD_CHARACTERS:
            lower = said.lower().replace("’", "'")
            words.append(Word(said, fold(lower, language), is_stop(lower, language), gap))
    return words


def pairs(run: str, language: str, gap: bool) -> list[Word]:
    """Return a run of characters without spaces as pairs; those with what only joins words are stop words."""
    if len(run) == 1:
        return [Word(run, run, True, gap)]
    found = [run[n : n + 2] for n in range(len(run) - 1)]
    return [Word(pair, pair, joins(pair, language), gap and n == 0, n > 0) for n, pair in enumerate(found)]


def joins(pair: str, language: str) -> bool:
    return bool(HIRAGANA.search(pair)) or (language == "zh" and not stop.CHINESE_PARTICLES.isdisjoint(pair))


def is_stop(lower: str, language: str) -> bool:
    if lower.replace(".", "").replace(",", "").isdigit() or len(lower) == 1:
        return True
    known = stop.stop_words(language)
    return lower in known or lower.split("'")[0] in known


def fold(lower: str, language: str) -> str:
    """Return what the forms of a word have in common: no case, and in English no plural."""
    bare = lower.removesuffix("'s").removesuffix("'")
    if language == "fr" and len(bare) > 3 and bare[1] == "'":
        bare = bare[2:]  # l'énergie
    if language != "en" or len(bare) <= 3 or not bare.endswith("s") or bare.endswith(("ss", "us", "is")):
        return bare
    if bare.endswith("ies") and len(bare) > 4:
        return f"{bare[:-3]}y"
    if bare.endswith(("ches", "shes", "xes", "sses", "zes")):
        return bare[:-2]
    return bare[:-1]


def surface(words: Sequence[Word]) -> str:
    """Return words that stand side by side as they were said."""
    return "".join(word.surface[1:] if word.glued and n else f"{' ' if n else ''}{word.surface}" for n, word in enumerate(words))


def without_filler(sentences: Sequence[Sequence[Word]]) -> list[list[Word]]:
    """Return the sentences of a language that has no list of stop words, its short words marked as such when they are everywhere."""
    spread = Counter(key for words in sentences for key in {word.key for word in words if not is_unspaced(word.key)})
    most = max(2.0, SHORT_AND_EVERYWHERE * len(sentences))
    filler = {key for key, count in spread.items() if len(key) <= 2 or (count > most and len(key) <= 4)}
    return [[replace(word, stop=word.stop or word.key in filler) for word in words] for words in sentences]


def is_unspaced(key: str) -> bool:
    return re.match(f"[{UNSPACED}]", key) is not None


def lower_words(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        for found in WORD.finditer(text):
            yield found.group().lower().replace("’", "'")
