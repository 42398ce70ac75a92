"""Tables and decks open in what others read them with, run no formula, and know a card again."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sqlite3
import zipfile
from contextlib import closing
from typing import Any

import pytest

from tests.forms.conftest import HOSTILE, segment
from workers.forms import anki, table
from workers.forms.said import plain


def rows(text: str) -> list[dict[str, str]]:
    assert text.count("\n") == text.count("\r\n")  # RFC 4180
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_transcript_is_a_table_with_a_line_for_each_segment(transcript: dict[str, Any]) -> None:
    told = rows(table.transcript(transcript["segments"]))
    assert list(told[0]) == ["start", "end", "speaker", "text", "as heard", "confidence", "delivery", *table.MEASURED]
    assert [(row["start"], row["end"]) for row in told] == [
        ("0.000", "1.000"),
        ("1.000", "4.000"),
        ("5.000", "9.000"),
        ("70.000", "75.000"),
    ]
    assert (told[1]["text"], told[1]["as heard"]) == ("The leaf is green.", "um the the leaf is green")
    assert told[2]["text"] == plain(HOSTILE)
    assert (told[0]["delivery"], told[0]["energy_db"], told[3]["delivery"]) == ("even", "-23.500", "")


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    assert table.transcript([segment(0, 1, "a, b")]).splitlines() == ["start,end,text,confidence", '0.000,1.000,"a, b",0.741']
    assert table.transcript([]) == "start,end,text\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\N{FULLWIDTH EQUALS SIGN}1"])
def test_no_cell_of_text_is_a_formula(text: str, transcript: dict[str, Any]) -> None:
    (row,) = rows(table.transcript([segment(0, 1, text, speaker=text)]))
    assert (row["text"], row["speaker"]) == (f"'{text}", f"'{text}")
    (card,) = rows(table.flashcards([{"front": text, "back": text, "segments": [0]}], [61.0]))
    assert (card["front"], card["back"], card["where"]) == (f"'{text}", f"'{text}", "1:01")


def opened(deck: bytes, folder: Any) -> tuple[list[tuple[Any, ...]], dict[str, Any], dict[str, Any], int]:
    """Return notes, decks, models and the number of cards of a deck, as Anki finds them."""
    with zipfile.ZipFile(io.BytesIO(deck)) as package:
        assert package.testzip() is None
        assert json.loads(package.read("media")) == {}
        (folder / "collection.anki2").write_bytes(package.read("collection.anki2"))
    with closing(sqlite3.connect(folder / "collection.anki2")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        decks, models = database.execute("SELECT decks, models FROM col").fetchone()
        (cards,) = database.execute("SELECT count(*) FROM cards JOIN notes ON cards.nid = notes.id").fetchone()
        return (
            database.execute("SELECT guid, flds, mid, id FROM notes ORDER BY id").fetchall(),
            json.loads(decks),
            json.loads(models),
            cards,
        )


def test_a_deck_has_a_card_for_each_flashcard(notes: dict[str, Any], starts: list[float], tmp_path: Any) -> None:
    told, decks, models, cards = opened(anki.write(notes["flashcards"], starts, title="Week 1::x", job="7f3a"), tmp_path)
    assert [fields.split("\x1f") for _, fields, *_ in told] == [
        ["What is a leaf?", "+ something &lt;green&gt;", "0:01"],
        ["=cmd()", "a formula", "1:10"],
        ["What is a leaf?", "asked twice", "0:05"],
    ]
    assert cards == 3
    assert len({guid for guid, *_ in told}) == 3
    assert "Week 1:x" in [deck["name"] for deck in decks.values()]
    assert str(anki.MODEL_ID) in models


def test_other_answers_were_changed_at_another_time_so_that_anki_may_take_them(notes: dict[str, Any], tmp_path: Any) -> None:
    def changed(cards: list[dict[str, Any]]) -> set[int]:
        opened(anki.write(cards, [], title="t", job="7f3a"), tmp_path)
        with closing(sqlite3.connect(tmp_path / "collection.anki2")) as database:
            return {at for (at,) in database.execute("SELECT mod FROM notes")}

    cards = notes["flashcards"]
    assert len(changed(cards)) == 1
    assert changed(cards) == changed(cards)
    assert changed(cards) != changed([{**card, "back": "better"} for card in cards])
    assert max(changed(cards)) < 1_625_000_000


def test_no_card_plays_a_file_or_sets_a_formula(tmp_path: Any) -> None:
    said = r"[sound:a.mp3] [latex]x[/latex] [$]y[/$] \(z\) [a] <b>"
    ((_, fields, *_),), *_ = opened(anki.write([{"front": said, "back": said, "segments": [0]}], [], title="t", job="7f3a"), tmp_path)
    front = fields.split("\x1f")[0]
    assert html.unescape(front) == said
    assert not re.search(r"\[sound|\[latex|\[\$\]|\\\(|<", front)


def test_a_card_is_known_again_by_its_question_and_its_recording(notes: dict[str, Any], tmp_path: Any) -> None:
    cards = notes["flashcards"][:2]

    def known(cards: list[dict[str, Any]], job: str, title: str = "t") -> tuple[set[str], set[str], set[int]]:
        told, decks, _, _ = opened(anki.write(cards, [], title=title, job=job), tmp_path)
        return {guid for guid, *_ in told}, set(decks) - {"1"}, {id for *_, id in told}

    first = known(cards, "7f3a")
    better = known([{**card, "back": "better"} for card in reversed(cards)], "7f3a", "another title")
    assert better[:2] == first[:2]
    other = known(cards, "7f3b")
    assert not any(mine & others for mine, others in zip(first, other, strict=True))
