"""The study pack in a real browser: what can be asked for, and what comes of it. Pictures are kept in build/screenshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import show
from jobs.model import Completed, Skipped
from jobs.store import Store
from tests.web.browsing import pictures, says, upload
from tests.web.chromium import Page
from tests.web.conftest import Worker

pytestmark = [pytest.mark.browser]

TRANSCRIPT = {
    "version": 1,
    "language": "en",
    "segments": [
        {"start": 0.0, "end": 4.0, "text": "Welcome to the lecture on leaves.", "speaker": "S1", "delivery": {"label": "calm"}},
        {
            "start": 4.0,
            "end": 9.5,
            "text": "um a leaf turns light to sugar",
            "cleaned": "A leaf turns light into sugar.",
            "speaker": "S1",
        },
        {"start": 61.0, "end": 64.0, "text": "Why is it <b>green</b>?", "speaker": "Dr Ada", "delivery": {"label": "lively"}},
    ],
}
NOTES = {
    "version": 1,
    "language": "en",
    "engine": "offline extractive",
    "model": None,
    "title": {"text": "Leaves & light <script>alert(1)</script>", "segments": [0]},
    "summary": [{"text": "A leaf turns light into sugar.", "segments": [1]}],
    "outline": [
        {"title": "Leaves", "start": 0.0, "end": 9.5, "segments": [0, 1], "points": [{"text": "Light becomes sugar.", "segments": [1]}]},
        {"title": "Green", "start": 61.0, "end": 64.0, "segments": [2], "points": []},
    ],
    "terms": [{"term": "leaf", "definition": "what turns light into sugar", "segments": [1]}],
    "questions": [{"text": "Why is a leaf green?", "segments": [2]}],
    "flashcards": [{"front": "What does a leaf make?", "back": "Sugar", "segments": [1]}],
    "quiz": [
        {"question": "What is green?", "choices": ["light", "a leaf"], "answer": 1, "explanation": "It was asked.", "segments": [2]},
        {"question": "What is made?", "choices": ["sugar", "salt"], "answer": 0, "explanation": "", "segments": [1]},
    ],
    "dropped": 2,
    "warnings": ["the transcript is short"],
}
EVERYTHING = "for (const step of document.querySelectorAll('[data-param]:not(:disabled)')) if (!step.checked) step.click();"


def publish(worker: Worker, files: dict[str, Any]) -> None:
    """Do what is left before `merge`, `emotions` skipped, and have `merge` put out these files."""
    while (claimed := worker.take()).node != "merge":
        worker.record(claimed, Skipped("not configured") if claimed.node == "emotions" else Completed({}))
    artifacts = []
    for name, content in files.items():
        key = f"jobs/{claimed.job}/{claimed.node}/{claimed.run}/{name}"
        data = json.dumps(content).encode()
        worker.storage.put_bytes(key, data)
        artifacts.append({"name": name, "bytes": len(data), "media_type": "application/json", "key": key})
    worker.record(claimed, Completed({"artifacts": artifacts}))


def test_what_is_not_configured_is_greyed_out_and_says_why_and_how(page: Page, store: Store) -> None:
    assert page.run("[...document.querySelectorAll('[data-param]:disabled')].map(step => step.id)") == ["llm-cleanup"]
    assert "set GEMINI_API_KEY and THIRD_PARTIES=gemini" in page.text("#llm-cleanup-says")
    assert "text to Google" in page.text("#llm-cleanup-says")
    assert "experimental" in page.text("#speaker-detection-says")
    assert "offline" in page.text("#notes-says")

    page.click("label[for='llm-cleanup']")
    page.run(EVERYTHING)
    page.run("document.getElementById('vocabulary').value = 'osmosis, Dr Lovelace,\\nosmosis'")
    pictures(page, "home-steps")
    params = show.job(store, upload(page)).params

    asked = {name: value for name, value in params.items() if name not in ("upload", "filename", "seconds")}
    assert asked == {
        "word_timestamps": True, "speaker_detection": "diarize", "detect_emotions": True, "llm_cleanup": False, "notes": True,
        "export": True, "vocabulary": ["osmosis", "Dr Lovelace"],
    }  # fmt: skip


class TestAllowed:
    @pytest.fixture(autouse=True)
    def allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        monkeypatch.setenv("THIRD_PARTIES", "gemini")
        monkeypatch.setenv("DIARIZATION_MODEL_DIR", "/models")

    def test_what_sends_the_text_away_says_so_before_it_is_asked_for(self, allowed: None, page: Page, store: Store) -> None:
        assert page.run("document.querySelectorAll('[data-param]:disabled').length") == 0
        for step in ("llm-cleanup", "notes"):
            assert "The text is sent to Google." in page.text(f"#{step}-says")
        assert "experimental" not in page.text("#speaker-detection-says")
        page.click("#llm-cleanup")
        assert show.job(store, upload(page)).params["llm_cleanup"] is True


def test_notes_are_read_learnt_and_tried_on_the_jobs_page(page: Page, worker: Worker) -> None:
    page.run(EVERYTHING)
    upload(page)
    publish(
        worker,
        {
            "transcript.txt": "",
            "transcript.json": TRANSCRIPT,
            "notes.json": NOTES,
            "notes.md": "",
            "flashcards.apkg": "",
            "report.html": "",
        },
    )
    worker.publish("package.zip", b"PK", "application/zip")
    page.until(says("#status", "Done"))
    page.until("!document.getElementById('notes-card').hidden")

    # what was made of it is grouped
    names = "[...group.querySelectorAll('a')].map(link => link.download)"
    assert page.run(f"[...document.querySelectorAll('#downloads section')].map(group => [group.ariaLabel, ...{names}])") == [
        ["Transcript", "transcript.txt", "transcript.json"],
        ["Notes", "notes.json", "notes.md", "flashcards.apkg"],
        ["Report", "report.html"],
        ["Package", "package.zip"],
    ]

    # text is text
    assert page.text(".notes-title") == NOTES["title"]["text"]  # type: ignore[index]
    assert page.run("document.querySelectorAll('#notes script, #transcript b').length") == 0
    assert "Made offline" in page.text("#notes")
    assert "2 items were left out" in page.text("#notes")
    assert "the transcript is short" in page.text("#notes .notice")
    assert page.run("[...document.querySelectorAll('#notes details')].map(part => [part.dataset.part, part.open])") == [
        ["Summary", True], ["Outline", True], ["Key terms", False], ["Questions", False], ["Flashcards", False], ["Quiz", False],
    ]  # fmt: skip

    # times lead to their place in the transcript
    assert page.run("[...document.querySelectorAll('.chapter .when')].map(link => link.textContent)") == ["0:00", "1:01"]
    page.click(".outline > li:nth-child(2) .when")
    page.until("document.querySelector('#transcript li:target')?.id === 's2'")
    assert "Why is it <b>green</b>?" in page.text("#transcript li:target")

    # a card is turned, a question answered
    page.run("for (const part of document.querySelectorAll('#notes details')) part.open = true")
    assert page.text(".flash").split("\n") == ["Question", "What does a leaf make?"]
    page.click(".flash")
    assert page.text(".flash").split("\n") == ["Answer", "Sugar"]
    page.click(".question .choice:nth-child(1)")
    assert "is not it" in page.text(".question .told")
    page.click(".question .choice:nth-child(2)")
    assert page.text(".question .told") == "Right. It was asked."
    assert page.run("[...document.querySelectorAll('.quiz > li:first-child .choice')].every(choice => choice.disabled)") is True
    page.click(".quiz > li:nth-child(2) .choice")
    assert page.text("#notes [role='status']") == "1 of 2 right at once"
    pictures(page, "job-notes")


def test_the_finished_transcript_says_who_speaks_and_how_and_can_be_read_as_it_was_heard(page: Page, worker: Worker) -> None:
    page.run(EVERYTHING)
    upload(page)
    publish(worker, {"transcript.json": TRANSCRIPT})
    page.until(says("#transcript", "Welcome"))

    assert page.text("#transcript").split("\n") == [
        "Speaker 1", "0:00", "Welcome to the lecture on leaves. calm", "0:04", "A leaf turns light into sugar.",
        "Dr Ada", "1:01", "Why is it <b>green</b>? lively",
    ]  # fmt: skip
    assert page.text("#transcript-said") == "2 speakers"
    assert page.run("document.getElementById('notes-card').hidden") is True
    pictures(page, "job-transcript")

    page.click("#as-heard input")
    assert "um a leaf turns light to sugar" in page.text("#transcript")


def test_a_result_that_is_made_again_is_shown_as_it_is_then(page: Page, worker: Worker, store: Store) -> None:
    page.run(EVERYTHING)
    job = upload(page)
    publish(worker, {"transcript.json": TRANSCRIPT, "notes.json": NOTES})
    worker.complete()
    page.until(says("#status", "Done"))
    page.until(says("#notes", "Leaves"))
    page.click("#tasks [data-key='retry-emotions']")
    page.until(says("#status", "Waiting"))
    assert page.run("!document.getElementById('notes-card').hidden && " + says("#notes", "Leaves"))  # it stands until it is made again
    again = {"transcript.json": TRANSCRIPT, "notes.json": {**NOTES, "title": {"text": "Mended", "segments": [0]}}}
    publish(worker, again)
    worker.complete()
    page.until(says("#notes", "Mended"))
    assert show.job(store, job).status == "completed"
    page.complaints[:] = [said for said in page.complaints if "404" not in said]  # a file that was there when its job was asked for


@pytest.mark.parametrize(("end", "times"), [(9.5, ["0:00"]), (0.0, [])])
def test_notes_without_a_transcript_tell_times_where_there_are_any(page: Page, worker: Worker, end: float, times: list[str]) -> None:
    page.run(EVERYTHING)
    upload(page)
    publish(worker, {"notes.json": {**NOTES, "outline": [{**NOTES["outline"][0], "end": end}]}})  # type: ignore[index]
    page.until(says("#notes", "Leaves"))
    assert page.run("[...document.querySelectorAll('#notes .when')].map(when => when.tagName + when.textContent)") == [
        f"SPAN{t}" for t in times
    ]


def test_every_switch_and_card_can_be_worked_with_the_keyboard(page: Page, worker: Worker, tmp_path: Path) -> None:
    def press(key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            page.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else ""
            )

    page.run("document.getElementById('notes').focus()")
    press(" ", 32, " ")
    assert page.run("document.getElementById('notes').checked") is True
    upload(page)
    publish(worker, {"transcript.json": TRANSCRIPT, "notes.json": NOTES})
    page.until(says("#notes", "Leaves"))
    page.run("document.querySelector('[data-part=Flashcards] summary').focus()")
    press("Enter", 13, "\r")
    press("Tab", 9)
    assert page.run("document.activeElement.className") == "flash"
    press("Enter", 13, "\r")
    assert page.text(".flash").split("\n") == ["Answer", "Sugar"]
