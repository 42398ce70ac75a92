"""Transcripts and notes to read: what was said stays text in every form, and each form opens in what others read it with."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from typing import Any

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.forms.conftest import HOSTILE, segment
from workers.forms import markdown, notes, plaintext, transcript, webpage, word
from workers.forms.page import Bullets, Heading, Look, Page, Paragraph
from workers.forms.said import paragraphs, plain


class Read(HTMLParser):
    """What a page shows, and of which elements it is made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return plain("".join(self.texts))


@pytest.fixture(params=["transcript", "notes"])
def page(request: pytest.FixtureRequest, starts: list[float]) -> Page:
    given = request.getfixturevalue(request.param)
    return transcript.page(given) if request.param == "transcript" else notes.page(given, starts)


def shown_by(form: str, page: Page) -> str:
    match form:
        case "md":
            return Read(MarkdownIt("commonmark").render(markdown.write(page))).text
        case "html":
            return Read(webpage.write(page)).text
    return plain("\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(word.write(page))).paragraphs))


@pytest.mark.parametrize("form", ["md", "html", "docx"])
def test_what_was_said_is_shown_as_it_was_said(page: Page, form: str) -> None:
    shown = shown_by(form, page)
    assert plain(HOSTILE) in shown
    assert "Leaves & light" in shown


@pytest.mark.parametrize("form", ["md", "html", "docx"])
def test_a_transcript_tells_when_who_and_how(transcript: dict[str, Any], form: str) -> None:
    from workers.forms.transcript import page

    shown = shown_by(form, page(transcript))
    assert "0:00 Speaker 1: Good morning. (lively) The leaf is green." in shown  # as cleaned up
    assert "0:05 Dr Ada: (loud) <script>" in shown
    assert "1:10 =1+1 is what she said" in shown  # Dr Ada still
    assert "cleaned up by Google Gemini" in shown
    assert "1 minute of speech was not understood" in shown


@pytest.mark.parametrize("form", ["md", "html", "docx"])
def test_notes_tell_where_each_item_was_said_and_who_made_them(notes: dict[str, Any], starts: list[float], form: str) -> None:
    from workers.forms.notes import page

    shown = shown_by(form, page(notes, starts))
    headings = ["Summary", "Outline", "Key terms", "Questions", "Flashcards", "Quiz", "Answers"]
    assert re.findall("|".join(headings), shown) == headings
    for said in (
        "Notes by Google Gemini (gemini-2.5-flash); 2 left out for want of support in what was said.",
        "Leaves are green. 0:01",
        f"{plain(HOSTILE)} 0:05",  # of several places the first
        "The leaf 0:00–0:09",
        "Light # 0:09–1:15",
        "leaf: what is green 0:01",
        "B) green It was said 0:01",
    ):
        assert said in shown


def test_notes_of_which_places_are_not_known_are_written_without_times(notes: dict[str, Any]) -> None:
    from workers.forms.notes import page

    assert "Leaves are green.\n" in markdown.write(page(notes, []))


@given(st.text("ab1.)(-+*_#=>&<[]`~|\\!: \"'$^{}/?,;%@é日", max_size=40).map(plain))
def test_any_text_stays_itself_in_markdown(said: str) -> None:
    for look in (Look.PLAIN, Look.STRONG, Look.ASIDE):
        for runs in (((said, look),), (("x", Look.PLAIN), (said, look)), ((said, look), ("x", Look.STRONG), (said, Look.PLAIN))):
            shown = " ".join(text for text, _ in runs)
            cases = [(Paragraph(runs), shown), (Bullets((runs, runs)), f"{shown} {shown}"), (Bullets((runs,), numbered=True), shown)]
            for part, text in [*cases, (Heading(2, said), said)]:
                read = Read(MarkdownIt("commonmark").render(markdown.part(part)))
                assert read.text == plain(text)
                assert {tag for tag, _ in read.tags} <= {"p", "ul", "ol", "li", "strong", "em", "h2"}


def test_the_web_page_is_whole_by_itself_and_does_nothing(page: Page) -> None:
    written = webpage.write(page)
    read = Read(written)
    tags = {tag for tag, _ in read.tags}
    assert tags <= webpage.TAGS | {"html", "head", "meta", "title", "style", "body"}
    assert all(name in ("class", "title", "lang", "charset", "name", "content", "http-equiv") for _, attrs in read.tags for name in attrs)
    assert "//" not in written.replace(HOSTILE, "")  # nothing of any network
    assert "prefers-color-scheme: dark" in written
    assert "@media print" in written
    assert dict(read.tags)["html"] == {"lang": "en"}


def test_words_heard_with_low_confidence_are_marked(transcript: dict[str, Any]) -> None:
    from workers.forms.transcript import page

    assert '<mark title="heard with low confidence">morning.</mark>' in webpage.write(page(transcript))
    runs = [run for part in docx.Document(io.BytesIO(word.write(page(transcript)))).paragraphs for run in part.runs]
    assert [run.text.strip() for run in runs if run.font.underline] == ["morning."]


def test_a_word_document_says_what_it_is_and_nothing_of_when_it_was_made(page: Page) -> None:
    document = docx.Document(io.BytesIO(word.write(page)))
    properties = document.core_properties
    assert (properties.title, properties.author, properties.language) == ("Leaves & light", "Lectern", "en")
    assert properties.created.year == properties.modified.year == 1980
    assert [part.text for part in document.paragraphs if part.style.name == "Title"] == ["Leaves & light"]


def test_what_no_document_can_hold_is_left_out(transcript: dict[str, Any]) -> None:
    transcript["segments"][0] |= {"text": "a\x00\x0bb \ud800c\ufffe", "words": []}
    from workers.forms.transcript import page

    for form in ("md", "html", "docx"):
        assert "ab c" in shown_by(form, page(transcript))


def test_paragraphs_end_at_pauses_and_after_long_runs_of_sentences() -> None:
    long = [segment(n, n + 1, "This sentence has about forty characters.") for n in range(40)]
    text = plaintext.write([segment(-9, -8, "Welcome."), *long])
    told = text.strip().split("\n\n")
    assert told[0] == "Welcome."
    assert all(600 <= len(paragraph) <= 700 for paragraph in told[1:-1])
    assert text.endswith(".\n")


def test_a_paragraph_ends_where_another_speaks(transcript: dict[str, Any]) -> None:
    assert [len(paragraph) for paragraph in paragraphs(transcript["segments"])] == [2, 1, 1]
    assert plaintext.write(transcript["segments"]).startswith("Speaker 1: Good morning. The leaf is green.\n\nDr Ada: <script>")
    assert plaintext.write([]) == ""
