"""The page of a transcript in a real browser: heard, searched, corrected, learnt from. Pictures are kept in build/screenshots."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import control, show, uploads
from jobs.model import Completed, Skipped
from jobs.storage import Storage
from jobs.store import Store
from tests.web.axe import assert_accessible
from tests.web.browsing import ROOT, pictures, says, upload
from tests.web.chromium import Page
from tests.web.conftest import Caller, Worker

pytestmark = [pytest.mark.browser]

SAID = json.loads((ROOT / "samples" / "short-slt.json").read_text())["sentences"]
EVERYTHING = "for (const step of document.querySelectorAll('[data-param]:not(:disabled)')) if (!step.checked) step.click();"


def segment(n: int, **more: Any) -> dict[str, Any]:
    words = [{**word, "probability": 0.9} for word in SAID[n]["words"]]
    return {name: SAID[n][name] for name in ("start", "end", "text")} | {"words": words} | more


def transcript(*, first: str | None = None, speaker: str = "S1") -> dict[str, Any]:
    """Return what was said in the recording, with an afterthought that was not; `first` is what the first sentence was corrected to."""
    begun = segment(0, speaker=speaker, delivery={"label": "calm"})
    begun["words"][2]["low"] = True
    if first:
        begun |= {"text": first, "corrected": True}
    mended = segment(1, speaker="S2", cleaned="Today, we learn about the root and carbon.")
    last = {"start": 6.0, "end": 6.4, "text": "Why is it <b>green</b>, Ångström?", "speaker": "S1", "doubt": "it repeats itself"}
    return {"version": 2, "language": "en", "recording": {"seconds": 6.46}, "uncovered": [[2.9, 3.5]], "segments": [begun, mended, last]}


NOTES = {
    "version": 1, "language": "en", "engine": "offline extractive", "model": None, "dropped": 2, "warnings": ["the transcript is short"],
    "title": {"text": "Food & roots <script>alert(1)</script>", "segments": [0]},
    "summary": [{"text": "Food is important.", "segments": [0]}],
    "outline": [
        {"title": "Food", "start": 0.6, "end": 2.9, "segments": [0], "points": [{"text": "It is not new.", "segments": [0]}]},
        {"title": "Roots", "start": 3.58, "end": 6.4, "segments": [1, 2], "points": []},
    ],
    "terms": [{"term": "root", "definition": "what we learn about", "segments": [1]}],
    "questions": [{"text": "Why is it green?", "segments": [2]}],
    "flashcards": [{"front": "What is important?", "back": "Food", "segments": [0]}],
    "quiz": [
        {"question": "What is green?", "choices": ["food", "it"], "answer": 1, "explanation": "It was asked.", "segments": [2]},
        {"question": "What do we learn about?", "choices": ["root", "salt"], "answer": 0, "explanation": "", "segments": [1]},
    ],
}  # fmt: skip


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
    worker.record(claimed, Completed({"artifacts": artifacts, "segments": len(files.get("transcript.json", {}).get("segments", []))}))


def open_reader(page: Page, worker: Worker, files: dict[str, Any], *, recording: bytes | None = None) -> str:
    """Upload the recording (and put these bytes in its place), play its worker, open the page of its transcript, and return the job."""
    page.run(EVERYTHING)
    job = upload(page)
    if recording is not None:
        worker.storage.put_bytes(uploads.storage_key(str(show.job(worker.store, job).params["upload"])), recording)
    publish(worker, files)
    worker.publish("package.zip", b"PK", "application/zip")
    page.open(page.run("location.origin") + f"/jobs/{job}/transcript")
    page.until("document.querySelector('#files a')")
    return job


def press(page: Page, key: str, code: int = 0, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else ""
        )


def click(page: Page, selector: str, count: int = 1) -> None:
    """Click where an element is, as a hand does: a browser lets nothing be played before that."""
    box = f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])(document.querySelector({selector!r}).getBoundingClientRect())"
    x, y = page.run(box)
    for n in range(1, count + 1):
        for kind in ("mousePressed", "mouseReleased"):
            page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=n)


def write(page: Page, selector: str, text: str) -> None:
    page.run(f"(field => {{ field.value = {text!r}; field.dispatchEvent(new Event('input')); }})(document.querySelector({selector!r}))")


def test_a_transcript_is_heard_word_by_word_and_searched(page: Page, worker: Worker) -> None:
    open_reader(page, worker, {"transcript.json": transcript(), "notes.json": NOTES})
    page.until("document.querySelectorAll('.w').length === 16 && document.getElementById('length').textContent === '0:06'")

    # it says who speaks and how, what was not transcribed and what is in doubt; text is text
    assert [said for said in page.text("#lines").split("\n") if said] == [
        "Speaker 1", "0:00", "The important food will not need new.", "calm", "Correct",
        "0:02", "Speech that was not transcribed, 0:02–0:03",
        "Speaker 2", "0:03", "Today, we learn about the root and carbon.", "Correct",
        "Speaker 1", "0:06", "Why is it <b>green</b>, Ångström?", "doubtful", "Correct",
    ]  # fmt: skip
    assert page.run("document.querySelectorAll('#lines b, #notes script').length") == 0
    assert page.run("[...document.querySelectorAll('.w.low')].map(word => word.textContent)") == ["food"]
    assert page.text("#facts") == "6 s · 20 words · 2 speakers · English"
    assert page.run("document.querySelectorAll('#stripe rect').length") == 3

    # a word that is clicked is heard from there, and the mark goes on with the voice
    click(page, "#s0 .w:nth-child(5)")
    page.until("document.querySelector('audio').currentTime > 2.0 && !document.querySelector('audio').paused")
    page.until("document.querySelector('.w.spoken')?.textContent === 'need'")
    page.until("document.querySelector('.w.spoken')?.closest('li').id === 's1'")
    assert page.run("document.querySelector('.line.now').id") == "s1"
    page.until("document.querySelector('audio').paused")  # the end

    # keys: back five seconds, play and pause, from line to line
    page.run("document.activeElement.blur()")
    press(page, "ArrowLeft", 37)
    page.until("document.getElementById('played').textContent === '0:01'")
    press(page, " ", 32, " ")
    page.until("!document.querySelector('audio').paused")
    press(page, " ", 32, " ")
    page.until("document.querySelector('audio').paused")
    page.run("document.getElementById('s0').focus()")
    press(page, "ArrowDown", 40)
    assert page.run("[document.activeElement.id, document.activeElement.tabIndex]") == ["s1", 0]
    page.run("document.getElementById('speed').value = '1.5'; document.getElementById('speed').dispatchEvent(new Event('change'))")
    assert page.run("document.querySelector('audio').playbackRate") == 1.5

    # the switch shows what was heard; words that were mended have times as well
    page.click("#as-heard input")
    page.until(says("#s1 .words", "Today we learn about root and the carbon."))
    page.click("#as-heard input")
    page.until("document.querySelectorAll('#s1 .w').length === 8")
    times = page.run("[...document.querySelectorAll('#s1 .w')].map(word => word.starts)")
    assert times == sorted(times)
    assert (times[0], times[5]) == (3.58, 4.83)  # today, root

    # search: counted, without regard to case and accents, from match to match
    press(page, "/", 191, "/")
    assert page.run("document.activeElement.id") == "find-words"
    write(page, "#find-words", "ANGSTROM")
    page.until(says("#find-count", "1 of 1"))
    marked = "[...CSS.highlights.get('found-now')].map(range => range.startContainer.data.slice(range.startOffset, range.endOffset))"
    assert page.run(marked) == ["Ångström"]
    write(page, "#find-words", "a")
    page.until(says("#find-count", "1 of 7"))
    press(page, "Enter", 13, "\r")
    assert page.text("#find-count") == "2 of 7"
    page.click("#find-before")
    page.click("#find-before")
    assert page.text("#find-count") == "7 of 7"
    write(page, "#find-words", "nothing of it")
    page.until(says("#find-count", "Not found"))
    press(page, "Escape", 27)
    assert page.text("#find-count") == ""
    click(page, "#s0 .w:nth-child(3)")
    page.until("document.querySelector('.w.spoken')")
    page.run("document.querySelector('audio').pause()")
    pictures(page, "reader")


def test_corrections_are_gathered_kept_and_saved_and_only_what_depends_on_them_is_made_again(
    page: Page, worker: Worker, store: Store, storage: Storage
) -> None:
    job = open_reader(page, worker, {"transcript.json": transcript(), "notes.json": NOTES})
    page.until("document.querySelectorAll('.w').length === 16")

    # a word by double-click, its line by the field, a speaker by the chip
    page.run("document.querySelector('#s0 .w:nth-child(3)').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))")
    assert page.run("(field => field.value.slice(field.selectionStart, field.selectionEnd))(document.activeElement)") == "food"
    press(page, "Escape", 27)
    assert page.run("document.getElementById('unsaved').hidden") is True
    page.run("document.getElementById('s0').focus()")
    press(page, "e", 69, "e")
    write(page, ".editor", "The important root will not need you.")
    press(page, "Enter", 13, "\r")
    page.until(says("#unsaved-said", "1 correction is not saved yet"))
    page.click(".voice")
    write(page, ".voice-name", "Dr Ada")
    press(page, "Enter", 13, "\r")
    page.until(says("#save", "Save 2 corrections"))
    assert page.text(".voice:focus") == "Dr Ada\n3 s"
    assert page.run("[...document.querySelectorAll('.says')].map(who => who.textContent)") == ["Dr Ada", "Speaker 2", "Dr Ada"]
    pictures(page, "reader-editing")

    # they survive a reload; who leaves is asked
    page.call("Page.reload")
    page.until("performance.getEntriesByType('navigation')[0].type === 'reload' && document.querySelectorAll('.w').length === 16")
    page.until(says("#save", "Save 2 corrections"))
    assert "not saved yet" in page.text("#s0")
    assert page.asked == ["beforeunload"]

    # saved: the text stays while files are made again, and what was heard can be seen
    page.click("#save")
    page.until(says("#state", "Your corrections are being worked in."))
    assert page.run("document.getElementById('unsaved').hidden") is True
    assert page.text("#s0 .words") == "The important root will not need you."
    key = control.corrections(store, job)
    assert key is not None
    kept = json.loads(storage.get_bytes(key))
    assert kept["segments"]["0"]["text"] == "The important root will not need you."
    assert kept["speakers"] == {"S1": "Dr Ada"}
    assert {task.name for task in show.job(store, job).tasks if task.state != "completed"} == {"emotions", "notes", "merge", "export"}

    # what is corrected meanwhile waits until that is done
    page.run("document.querySelector('#s1 .edit').click()")
    write(page, ".editor", "Today we learn.")
    press(page, "Enter", 13, "\r")
    assert page.run("document.getElementById('save').disabled") is True
    worked_in = transcript(first="The important root will not need you.", speaker="Dr Ada")
    publish(worker, {"transcript.json": worked_in, "notes.json": {**NOTES, "title": {"text": "Roots", "segments": [0]}}})
    worker.complete()
    page.until("document.getElementById('state').hidden && document.querySelector('#s0 .mended')")
    assert page.text(".notes-title") == "Roots"
    assert page.text("#s1 .words") == "Today we learn."
    page.run("document.querySelector('#s0 .mended').focus()")
    assert page.text("#s0 .was") == "Heard as: The important food will not need new."
    pictures(page, "reader-corrected")

    # a refusal is told in words and nothing is lost; what was saved is taken back
    elsewhere = f"jobs/{job}/corrections/elsewhere.json"
    storage.put_bytes(elsewhere, storage.get_bytes(key))
    control.revise(store, job, elsewhere, ("merge",), former=key)
    page.click("#save")
    page.until("!document.getElementById('wrong').hidden")
    assert "only what has completed can be corrected" in page.text("#wrong")
    publish(worker, {"transcript.json": worked_in, "notes.json": NOTES})
    worker.complete()
    page.run("document.querySelector('#s0 .edit').click()")
    page.run("[...document.querySelectorAll('.editing button')].find(button => button.textContent === 'As it was heard').click()")
    assert page.text("#s0 .words") == "The important food will not need new."
    page.click("#discard")
    assert page.text("#s0 .words") == "The important root will not need you."
    page.run("document.querySelector('#s0 .edit').click()")
    page.run("[...document.querySelectorAll('.editing button')].find(button => button.textContent === 'As it was heard').click()")
    page.click("#save")
    page.until(says("#state", "being worked in"))
    now = control.corrections(store, job)
    assert now is not None
    assert json.loads(storage.get_bytes(now))["segments"] == {}
    page.complaints[:] = [said for said in page.complaints if "beforeunload" not in said and "409" not in said]


def test_notes_are_read_learnt_and_tried_beside_the_transcript(page: Page, worker: Worker) -> None:
    files = {"transcript.txt": "", "transcript.json": transcript(), "notes.json": NOTES, "notes.md": "", "report.html": ""}
    open_reader(page, worker, files)
    page.until("document.querySelectorAll('.w').length === 16 && document.getElementById('length').textContent === '0:06'")
    assert_accessible(page)

    # what was made of it is grouped
    names = "[...group.querySelectorAll('a')].map(link => link.download)"
    assert page.run(f"[...document.querySelectorAll('#files section')].map(group => [group.ariaLabel, ...{names}])") == [
        ["Transcript", "transcript.txt", "transcript.json"], ["Notes", "notes.json", "notes.md"], ["Report", "report.html"],
        ["Package", "package.zip"],
    ]  # fmt: skip

    # text is text
    assert page.text(".notes-title") == NOTES["title"]["text"]  # type: ignore[index]
    assert "Made offline" in page.text("#notes")
    assert "2 items were left out" in page.text("#notes")
    assert "the transcript is short" in page.text("#notes .notice")
    assert page.run("[...document.querySelectorAll('#notes details')].map(part => [part.dataset.part, part.open])") == [
        ["Summary", True], ["Outline", True], ["Key terms", False], ["Questions", False], ["Flashcards", False], ["Quiz", False],
    ]  # fmt: skip

    # times lead to their place in the transcript and in the recording
    assert page.run("[...document.querySelectorAll('.chapter .when')].map(link => link.textContent)") == ["0:00", "0:03"]
    page.click(".outline > li:nth-child(2) .when")
    page.until("document.querySelector('#lines li:target')?.id === 's1' && document.querySelector('audio').currentTime === 3.58")

    # a card is turned by key, a question answered
    page.run("document.querySelector('[data-part=Flashcards] summary').focus()")
    press(page, "Enter", 13, "\r")
    press(page, "Tab", 9)
    assert page.text(".flash").split("\n") == ["Question", "What is important?"]
    press(page, "Enter", 13, "\r")
    assert page.text(".flash").split("\n") == ["Answer", "Food"]
    page.run("document.querySelector('[data-part=Quiz]').open = true")
    page.click(".question .choice:nth-child(1)")
    assert "is not it" in page.text(".question .told")
    page.click(".question .choice:nth-child(2)")
    assert page.text(".question .told") == "Right. It was asked."
    page.click(".quiz > li:nth-child(2) .choice")
    assert page.text("#notes [role='status']") == "1 of 2 right at once"

    # on a phone one part at a time
    page.look(width=390, height=844, dark=True)
    page.click("#tab-notes")
    seen = "[...document.querySelectorAll('#columns .card')].filter(card => card.checkVisibility()).map(card => card.id)"
    assert page.run(seen) == ["notes-card"]
    assert_accessible(page)
    pictures(page, "reader-notes")
    page.look(width=390, height=844)
    page.click(".outline .when")
    page.until("document.getElementById('said').checkVisibility()")
    page.look()

    # a link plays the recording elsewhere
    page.click("#share-make")
    page.until("document.getElementById('share-url').value.includes('/links/')")
    page.open(page.run("document.getElementById('share-url').value"))
    page.until("document.querySelector('video, audio')?.readyState >= 1")


def test_what_a_browser_cannot_play_can_be_read_all_the_same(page: Page, worker: Worker) -> None:
    job = open_reader(page, worker, {"transcript.json": transcript()}, recording=b"#!AMR\n" + bytes(2000))
    page.until("!document.getElementById('unplayable').hidden")

    assert "Your browser cannot play this recording." in page.text("#unplayable")
    assert page.run("document.querySelector('#unplayable a').pathname") == f"/api/jobs/{job}/recording"
    assert page.run("document.getElementById('player').hidden && document.getElementById('notes-card').hidden") is True
    page.click("#s0 .w")
    press(page, " ", 32, " ")
    assert "The important food" in page.text("#lines")


@pytest.mark.parametrize(("end", "times"), [(6.4, ["0:00", "0:03"]), (0.0, [])])
def test_notes_without_a_transcript_tell_times_where_there_are_any(page: Page, worker: Worker, end: float, times: list[str]) -> None:
    outline = [{**section, "end": end} for section in NOTES["outline"]]  # type: ignore[attr-defined]
    open_reader(page, worker, {"notes.json": {**NOTES, "outline": outline}})
    page.until(says("#notes", "Roots"))

    told = "[...document.querySelectorAll('#notes .when')].map(when => when.tagName + when.textContent)"
    assert page.run(told) == [f"SPAN{time}" for time in times]
    assert page.run("document.getElementById('said').hidden && !document.getElementById('notes-card').hidden") is True


def test_where_nothing_is_made_yet_the_page_leads_to_the_job(owner: Caller, job: str, worker: Worker) -> None:
    response = owner("GET", f"/jobs/{job}/transcript", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["Location"]) == (303, f"/jobs/{job}")

    publish(worker, {"transcript.json": transcript()})
    page = owner("GET", f"/jobs/{job}/transcript", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert f'"url": "/api/jobs/{job}/recording"' in page.text
