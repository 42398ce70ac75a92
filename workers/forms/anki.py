"""Flashcards as an Anki deck (.apkg): imported again, a card that asks the same is known again, whatever became of its answer.

Ids come from what they name: the deck's from the job whose recording it is about, a card's from that and its question. Anki makes
ids of the time; so do we, of a time that the deck's id stands for, so that no two decks are likely to have one in common.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from workers.forms.notes import where
from workers.forms.said import plain
from workers.forms.zipped import packed

MODEL_ID = 1_607_392_319  #: any number, but the same for ever: Anki knows the kind of cards by it
FIRST_SECOND, SECONDS = 1_400_000_000, 200_000_000  #: 2014 to 2020: the past, so that what its owner changes is newer
SECONDS_LATER = 20_000_000

ACTS = re.compile(r"\[(?=sound:|anki:|latex|\$)|\\(?=[(\[])", re.IGNORECASE)  #: what plays a file or sets a formula in Anki
FIELDS = [{"name": name} for name in ("Front", "Back", "Where")]
TEMPLATES = [{"name": "Card", "qfmt": "{{Front}}", "afmt": '{{FrontSide}}<hr id="answer">{{Back}}<div class="where">{{Where}}</div>'}]
STYLE = ".card { font: 20px sans-serif; text-align: center } .where { margin-top: 1em; font-size: 14px; color: gray }"


def write(cards: Iterable[Mapping[str, Any]], starts: Sequence[float], *, title: str, job: str) -> bytes:
    import genanki

    number = int.from_bytes(hashlib.sha256(job.encode()).digest()[:8])
    second = FIRST_SECOND + number % SECONDS
    model = genanki.Model(MODEL_ID, "Lectern flashcard", fields=FIELDS, templates=TEMPLATES, css=STYLE)
    deck = genanki.Deck(second * 1000 + number // SECONDS % 1000, title.replace("::", ":"))  # :: is Anki's for a deck in a deck
    asked = Counter[str]()
    for card in cards:
        front = plain(card["front"])
        asked[front] += 1
        fields = [escaped(front), escaped(plain(card["back"])), where(card, starts)]
        deck.add_note(genanki.Note(model, fields, guid=genanki.guid_for(job, front, asked[front])))
    # Not genanki's own way to a file: it would put the time into the ZIP, and leave the database behind in a temporary folder.
    with closing(sqlite3.connect(":memory:")) as database:
        genanki.Package(deck).write_to_db(database.cursor(), float(second + changed(deck)), itertools.count(second * 1000))
        database.commit()
        return packed({"collection.anki2": bytes(database.serialize()), "media": b"{}"})


def changed(deck: Any) -> int:
    """Return how many seconds after its ids' a deck was changed: any number, but another one for other cards.

    Anki takes no note over one that was changed at the same second, even when it is told to.
    """
    said = json.dumps([note.fields for note in deck.notes]).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8]) % SECONDS_LATER


def escaped(text: str) -> str:
    """Return `text` as a field that shows just that: fields are HTML, and a little more."""
    return ACTS.sub(lambda found: f"&#{ord(found[0])};", html.escape(text))
