"""The sentence that says what a term is: by how it is built (`X is a …`, `… is called X`), else the most central one that has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from workers.notes.sentences import Sentence
from workers.notes.terms import Term
from workers.notes.words import Word

#: `X is a …`: what links, and what has to follow for it to say what X is, not how.
LINKS = {
    "en": ("is are was were", "a an the any one what when how where"),
    "de": ("ist sind war waren", "ein eine einer der die das wenn"),
    "fr": ("est sont était étaient", "un une le la l' les ce des"),
    "es": ("es son era eran", "un una el la los las lo unos unas cuando"),
    "it": ("è sono era erano", "un una uno il lo la i gli le un' l' quando"),
    "pt": ("é são era eram", "um uma o a os as quando"),
    "nl": ("is zijn was waren", "een de het wanneer"),
    "sv": ("är var", "en ett den det när"),
}
#: `X means …`
MEANS = {
    "en": "means mean refers refer describes describe denotes",
    "de": "bedeutet bedeuten bezeichnet bezeichnen heißt beschreibt",
    "fr": "désigne désignent signifie signifient décrit",
    "es": "significa significan designa describe",
    "it": "significa significano indica descrive",
    "pt": "significa significam designa descreve",
    "nl": "betekent betekenen beschrijft",
    "sv": "betyder beskriver",
    "pl": "to oznacza oznaczają",
    "ru": "это означает",
}
#: `… is called X`
CALLED = {
    "en": "called call termed named known",
    "de": "nennt nennen genannt heißt heißen",
    "fr": "appelle appelé appelée appelés appelées appelons nomme",
    "es": "llama llaman llamado llamada llamamos denomina",
    "it": "chiama chiamano chiamato chiamata chiamiamo",
    "pt": "chama chamam chamado chamada chamamos",
    "nl": "noemen noemt heet heten genoemd",
    "sv": "kallas kallar heter",
    "pl": "nazywa nazywamy nazywany",
    "ru": "называется называют называем",
    "tr": "denir",
}
#: Where words are not cut by spaces: what stands behind X in `X is …`
BEHIND = {"ja": ("とは", "というのは"), "zh": ("是", "就是", "指")}
FEWEST_WORDS = 4  #: of a sentence that explains something
LOOKED_AT = 40  #: sentences of a term: so many where it is said first, and so many of the most central
NEAR = 3  #: words between `called` and the term, at most


@dataclass(frozen=True, slots=True)
class Definition:
    term: Term
    sentence: int
    strength: int  #: how clearly it is built like a definition, 0 not at all

    @property
    def worth(self) -> float:
        """Return how much of a key term it is: what is explained matters more than what is only said often."""
        return self.term.score * (1 + self.strength)


@cache
def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def define(
    term: Term, sentences: Sequence[Sentence], words: Sequence[Sequence[Word]], scores: Sequence[float], language: str
) -> Definition:
    """Return the sentence that says best what a term is."""
    told = [n for n in term.sentences if not sentences[n].asks and len(words[n]) >= FEWEST_WORDS] or list(term.sentences)
    told = [*told[:LOOKED_AT], *sorted(told[LOOKED_AT:], key=lambda n: (-scores[n], n))[:LOOKED_AT]]
    strong = {n: strength(term, sentences[n], words[n], language) for n in told}
    best = max(told, key=lambda n: (strong[n], scores[n], -n))
    return Definition(term, best, strong[best])


def strength(term: Term, sentence: Sentence, words: Sequence[Word], language: str) -> int:
    """Return how clearly a sentence is built to define a term, 0 not at all."""
    if sentence.asks or len(words) < FEWEST_WORDS:
        return 0
    if any(sentence.text.startswith(f"{term.text}{link}") for link in BEHIND.get(language, ())):
        return 3
    said = lower(words)
    best = 0
    for at, past in places(term.keys, words):
        before, after = said[:at], said[past:]
        opens = at <= 2 and all(word.stop for word in words[:at])
        if opens and explains(after, language):
            best = max(best, 3)
        if at >= 3 and not listed(CALLED.get(language, "")).isdisjoint(before[-NEAR:]):
            best = max(best, 2)
        if opens and f"{words[past - 1].surface}:" in sentence.text:
            best = max(best, 2)
    return best


def explains(after: Sequence[str], language: str) -> bool:
    """Whether a sentence that begins with a term and goes on like this says what the term is."""
    links, articles = (listed(part) for part in LINKS.get(language, ("", "")))
    if len(after) >= 3 and after[0] in links and (after[1] in articles or after[1].split("'")[0] + "'" in articles):
        return True
    return len(after) >= 2 and after[0] in listed(MEANS.get(language, ""))


def explained(sentences: Sequence[Sentence], words: Sequence[Sequence[Word]], language: str) -> set[tuple[str, ...]]:
    """Return what the sentences that are built like definitions say something of: worth a term even if it is said only once."""
    found: set[tuple[str, ...]] = set()
    for sentence, said in zip(sentences, words, strict=True):
        at = next((n for n, word in enumerate(said) if not word.stop), len(said))
        past = next((n for n in range(at, len(said)) if said[n].stop), len(said))
        if at <= 2 and not sentence.asks and explains(lower(said[past:]), language):
            found.add(tuple(word.key for word in said[at:past]))
    return found


def lower(words: Sequence[Word]) -> list[str]:
    return [word.surface.lower().replace("’", "'") for word in words]


def places(keys: tuple[str, ...], words: Sequence[Word]) -> list[tuple[int, int]]:
    """Return from where to where a term stands in a sentence."""
    size = len(keys)
    return [
        (n, n + size)
        for n in range(len(words) - size + 1)
        if words[n].key == keys[0] and tuple(word.key for word in words[n : n + size]) == keys
    ]
