"""A job's page in a real browser: its graph, its timeline, one step looked at closely, and what can be done about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from jobs import control, show
from jobs.model import Claimed, Completed, Failed, Skipped, Spawn, Submission
from jobs.record import append, progress
from jobs.store import Store
from jobs.submit import submit
from tests.web.axe import assert_accessible
from tests.web.browsing import PICTURES, pictures, says, upload
from tests.web.chromium import Page
from tests.web.conftest import Worker

pytestmark = [pytest.mark.browser]

EVERYTHING = "for (const step of document.querySelectorAll('[data-param]:not(:disabled)')) if (!step.checked) step.click();"
STATES = "Object.fromEntries([...document.querySelectorAll('.graph .node')].map(node => [node.dataset.step, node.classList[1]]))"
TRACE = "ValueError: the chunk is empty\nTraceback (most recent call last):\n  File align.py, line 7\nValueError: the chunk is empty"


def node(name: str) -> str:
    return f".graph [data-step={name}]"


def is_now(name: str, state: str) -> str:
    return f"document.querySelector('{node(name)}.{state}')"


def press(page: Page, key: str, code: int, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else ""
        )


def publish(worker: Worker, claimed: Claimed, files: dict[str, Any]) -> None:
    """Complete a task with these files; what is no text is written as JSON."""
    artifacts = []
    for name, content in files.items():
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        key = f"jobs/{claimed.job}/{claimed.node}/{claimed.run}/{name}"
        worker.storage.put_bytes(key, data)
        artifacts.append({"name": name, "bytes": len(data), "media_type": "text/plain", "key": key})
    worker.record(claimed, Completed({"artifacts": artifacts}))


def synthetic(store: Store, page: Page, tasks: list[dict[str, Any]]) -> str:
    """Open the page of a job with these tasks."""
    job = submit(store, Submission("synthetic", {"tasks": tasks}, "ada", "physics", admin=True))
    page.run(f"location.assign('/jobs/{job}')")
    page.until("location.pathname.startsWith('/jobs/') && document.getElementById('bar')?.hasAttribute('aria-valuenow')")
    return job


def test_a_job_is_watched_step_by_step_cancelled_and_goes_on(page: Page, worker: Worker, store: Store) -> None:
    page.run(EVERYTHING)
    job = upload(page)
    others = [replace(worker, name=f"lab-{n}:40{n}:ab") for n in (1, 2, 3)]

    # each step is drawn with its state, after what it needs
    page.until(is_now("inspect", "ready"))
    inspecting = worker.take()
    progress(store, inspecting, 0.5, "Looking into the recording")
    page.until(is_now("inspect", "running"))
    assert page.run(f"document.querySelector('{node('inspect')} .figure').textContent") == "50 %"
    said = page.run(f"document.querySelector('{node('inspect')}').getAttribute('aria-label')")
    assert said.startswith("Inspect: working, 50 %, for ")
    assert page.run("document.querySelector(\"link[rel='icon']\").href").endswith("/static/icons/working-0.svg")
    same = "document.querySelector('.graph [data-step=inspect]') === window.kept"
    page.run("window.kept = document.querySelector('.graph [data-step=inspect]')")
    worker.record(inspecting, Completed({}))
    page.until(is_now("inspect", "completed"))
    assert page.run(same), "what is drawn stays in its place"
    edges = page.run("[...document.querySelectorAll('.edge')].map(edge => edge.dataset.from + '>' + edge.dataset.to)")
    assert {"inspect>prepare", "prepare>transcribe", "transcribe>align", "diarize>emotions", "diarize>notes", "merge>export"} <= set(edges)
    assert "inspect>merge" not in edges, "what follows from other lines is not drawn"

    # parts, and what they put out
    worker.complete()
    worker.record(worker.take(), Spawn(tuple({"n": n} for n in range(12)), attempts=1, allowed_failures=3))
    for n, hand in enumerate([worker, *others]):
        child = hand.take()
        hand.append(child, [{"segments": [{"start": 300.0 * n, "end": 300.0 * n + 9, "text": f"This is part {n} of the lecture."}]}])
        if n == 1:
            hand.record(child, Failed(TRACE, final=True))
        elif n < 3:
            hand.record(child, Completed({}))
        else:
            progress(store, child, 0.4, "Transcribing, 31 %")
    page.until(says("#tasks", "2 of 12 parts done, 1 failed") + " || " + says(".graph", "2 of 12 parts, 1 failed"))
    page.until("document.querySelectorAll('#transcript li').length === 4")
    assert page.run("!document.getElementById('live').hidden")
    page.run(f"document.querySelector('{node('transcribe')}').focus()")
    press(page, "Enter", 13, "\r")
    page.until(says("#step", "Part 1 failed"))
    assert page.text("#step h3") == "Transcribe"
    page.until("document.querySelector('#step .cells')?.getAttribute('aria-label') === '2 done, 1 failed, 1 working, 8 waiting'")
    assert page.run("document.querySelector('#step .failed-parts details').open") is False
    assert_accessible(page)
    pictures(page, "job-graph")

    # when what ran, and where
    page.click("#tab-timeline")
    page.until("document.querySelectorAll('.timeline .row .part').length === 4")
    assert page.run("document.querySelectorAll('.timeline .row').length") == 9
    row = page.run("document.querySelector('.timeline [data-step=transcribe]').getAttribute('aria-label')")
    assert "parts on 4 workers" in row
    page.run("document.querySelector('.timeline [data-step=prepare]').focus()")
    page.until("!document.querySelector('.tip').hidden")
    assert "on test:1" in page.text(".tip")
    pictures(page, "job-timeline")
    assert_accessible(page, within=".steps-card")
    page.click("#tab-list")
    page.until(says("#tasks", "2 of 12 parts done, 1 failed"))
    page.look(dark=True)
    assert_accessible(page)
    page.look()
    page.click("#tab-graph")

    # who follows it sees what is new; who reads further up is told of it, and brought there
    lines = [{"start": 1000.0 + n, "end": 1001.0 + n, "text": f"Line {n}."} for n in range(41)]
    append(store, child, 1, [{"segments": lines[:40]}])
    page.until("document.querySelectorAll('#transcript li').length === 44")
    at_end = (
        "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight >= scrollHeight - 2)(document.getElementById('transcript'))"
    )
    page.until(at_end)
    page.run("document.getElementById('transcript').scrollTop = 0")
    append(store, child, 2, [{"segments": lines[40:]}])
    page.until(says("#newest", "1 new line"))
    assert page.run("document.getElementById('transcript').scrollTop") == 0
    page.click("#newest")
    page.until(f"{at_end} && document.getElementById('newest').hidden")

    # one part again
    page.click("#step [data-key='retry-transcribe.1']")
    page.until("document.querySelector('#step .cells')?.getAttribute('aria-label') === '2 done, 9 waiting, 1 working'")
    assert "failed" not in page.text("#step .parts h4")

    # much is done: a cancel is asked about first
    page.click("#cancel")
    page.until("document.getElementById('sure').open")
    page.click("#sure-no")
    page.until("!document.getElementById('sure').open")
    assert show.job(store, job).status == "running"
    page.click("#cancel")
    page.click("#sure-yes")
    page.until(says("#status", "Cancelled"))
    assert page.run(STATES)["merge"] == "cancelled"
    page.until("document.getElementById('live').hidden")

    # and it goes on where it was
    page.click("#retry")
    page.until(is_now("transcribe", "joining"))
    assert (page.run(STATES)["prepare"], page.run(STATES)["merge"]) == ("completed", "pending")


def test_a_step_that_failed_says_why_and_is_tried_again_alone(page: Page, worker: Worker, store: Store) -> None:
    page.run(EVERYTHING)
    upload(page)
    worker.complete()
    worker.complete()
    worker.complete()
    worker.record(worker.take(), Failed(TRACE, final=True))
    page.until(says("#status", "Failed"))
    page.until("!document.getElementById('step').hidden")
    assert page.text("#step summary") == "ValueError: the chunk is empty"
    assert page.run("document.querySelector('#step details').open") is False
    assert page.run(STATES)["merge"] == "cancelled"
    assert "Align failed" in page.text("#message")
    pictures(page, "job-step-failed")

    page.click("#step [data-key='again-align']")
    page.until(is_now("align", "ready"))
    assert page.run(STATES)["transcribe"] == "completed", "nothing else runs again"

    # what is optional is skipped, and that is told with a way to it
    while (claimed := worker.take()).node != "merge":
        worker.record(claimed, Skipped("not configured: set DIARIZATION_MODEL_DIR") if claimed.node == "diarize" else Completed({}))
    publish(worker, claimed, {"transcript.txt": "Good morning. " * 60, "transcript.json": {"segments": []}})
    worker.publish("package.zip", b"PK", "application/zip")
    page.until(says("#status", "Done"))
    page.until(says("#outcome", "Good morning."))
    assert "1 step skipped: diarize, not configured" in page.text("#warnings").lower()
    assert page.run("document.querySelector('#warnings .configure')") is None, "that is an admin's to do"
    page.click("#warnings .link-button")
    page.until(says("#step h3", "Diarize"))
    assert "DIARIZATION_MODEL_DIR" in page.text("#step .error")
    assert page.run("document.querySelector(\"link[rel='icon']\").href").endswith("/completed.svg")
    pictures(page, "job-finished")


def test_while_it_is_held_nothing_is_told_that_means_nothing(page: Page, worker: Worker, store: Store, redis: Redis) -> None:
    for queue in ("short", "long"):
        redis.sadd(f"rq:workers:{queue}", "rq:worker:one")
    redis.set("rq:worker:one", "alive")
    synthetic(store, page, [{"name": "first"}, {"name": "second", "needs": ["first"]}])
    page.until(says("#facts", "Waiting for"))
    worker.complete()
    control.pause(store, "short")
    page.until(says("#status", "Paused"))
    told = page.run("[...document.querySelectorAll('#facts dt')].map(term => term.textContent)")
    assert not {"Working for", "Waiting for", "Begun", "Place in the queue"} & set(told), told
    control.resume(store, "short")
    page.until(says("#message", "Next in the queue"))
    page.until(says("#facts", "Begun"))
    taken = worker.take()
    page.until(says("#facts", "Working for"))
    worker.record(taken, Completed({}))
    page.until(says("#facts", "Took"))


def test_what_a_job_came_to_is_told_by_what_it_made(page: Page, worker: Worker, store: Store) -> None:
    remark = {"about": "clipping", "weight": "poor", "text": "It is too loud: 12 s of it are cut off."}
    report = {
        "verdicts": {"good": 14, "fair": 1, "poor": 1, "unusable": 0},
        "recordings": [
            {"filename": "a.mp3", "verdict": "fair", "remarks": []},
            {"filename": "<b>b</b>.wav", "verdict": "poor", "remarks": [remark]},
        ],
    }
    notes = {"title": {"text": "Leaves & <i>light</i>"}, "summary": [{"text": f"Sentence {n}."} for n in range(5)]}

    synthetic(store, page, [{"name": "quality"}])
    publish(worker, worker.take(), {"report.json": report, "report.html": "<p>"})
    page.until(says("#outcome-title", "What was found"))
    assert page.text("#outcome .verdicts").split() == ["✓", "14", "good", "~", "1", "fair", "!", "1", "poor"]
    assert page.text("#outcome .amiss li strong") == "<b>b</b>.wav", "the worst comes first, and text is text"
    assert page.run("document.querySelector('#outcome a').download") == "report.html"
    pictures(page, "job-quality")
    assert_accessible(page)

    synthetic(store, page, [{"name": "notes"}])
    publish(worker, worker.take(), {"notes.json": notes, "notes.md": ""})
    page.until(says("#outcome .notes-title", "Leaves & <i>light</i>"))
    assert page.run("document.querySelectorAll('#outcome li').length") == 3

    synthetic(store, page, [{"name": "package"}])
    publish(worker, worker.take(), {"package.zip": "PK"})
    page.until(says("#outcome-title", "Package"))
    assert page.run("document.querySelector('#outcome a').download") == "package.zip"


def test_a_graph_that_is_too_large_is_a_list(page: Page, store: Store) -> None:
    synthetic(store, page, [{"name": f"step_{n}", "needs": [f"step_{n - 1}"] if n else []} for n in range(60)])
    page.until("document.querySelectorAll('#tasks > li').length === 60")
    assert page.run("document.getElementById('tab-graph').hidden") is True
    assert "60 steps are too many" in page.text("#too-many")


def test_a_wide_graph_is_laid_out_without_one_node_upon_another(page: Page, store: Store) -> None:
    def boxes() -> list[list[float]]:
        edges = "box.getBoundingClientRect()).map(({left, top, right, bottom}) => [left, top, right, bottom])"
        found: list[list[float]] = page.run(f"[...document.querySelectorAll('.graph .node .box')].map(box => {edges}")
        return found

    wide = [{"name": "begin"}, *({"name": f"part_{n}", "needs": ["begin"]} for n in range(5)), {"name": "side", "needs": ["part_3"]}]
    synthetic(store, page, [*wide, {"name": "end", "needs": ["side", *(f"part_{n}" for n in range(5))]}])
    page.until("document.querySelectorAll('.graph .node').length === 8")
    for width in (1100, 390):
        page.look(width=width)
        page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        placed = boxes()
        for n, (left, top, right, bottom) in enumerate(placed):
            for other in placed[n + 1 :]:
                assert other[0] >= right or other[2] <= left or other[1] >= bottom or other[3] <= top
        assert page.run("document.documentElement.scrollWidth") <= width
        page.picture(PICTURES / f"job-wide-{width}.png")


def test_a_job_that_was_deleted_meanwhile_says_so(page: Page, store: Store) -> None:
    job = synthetic(store, page, [{"name": "only"}])
    control.cancel(store, job)
    page.until(says("#status", "Cancelled"))
    control.delete(store, job)
    page.click("#retry")
    page.until(says("#wrong", "no job"))
    page.complaints.clear()  # the browser itself notes that a request was answered with 404
    page.run("document.dispatchEvent(new Event('visibilitychange'))")
    page.run("location.reload()")
    page.until(says("main", "It may have been deleted"))
    page.complaints.clear()
