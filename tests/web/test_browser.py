"""The pages in a real browser, from sign-in to download. Pictures of them are kept in build/screenshots."""

from __future__ import annotations

import pytest
from redis import Redis

from jobs import control, show
from jobs.model import Completed, Spawn, Submission
from jobs.record import progress
from jobs.store import Store
from jobs.submit import submit
from tests.web.browsing import pictures, says, upload
from tests.web.chromium import Page
from tests.web.conftest import Worker

pytestmark = [pytest.mark.browser]


def test_a_recording_goes_from_the_page_to_its_transcript(page: Page, worker: Worker, store: Store) -> None:
    page.run("document.getElementById('language').value = 'en'; document.getElementById('word-timestamps').click()")
    pictures(page, "home-empty")
    job = upload(page)
    params = show.job(store, job).params
    assert (params["language"], params["word_timestamps"], params["export"], params["filename"]) == ("en", True, True, "short-slt.ogg")

    # waiting is told apart from working
    page.until(says("#status", "Waiting for a worker"))
    inspecting = worker.take()
    page.until(says("#status", "Working"))
    progress(store, inspecting, 0.5, "Looking into the recording")
    page.until(says("#message", "Looking into the recording"))
    worker.record(inspecting, Completed({}))

    # the transcript grows in the order of time, whichever part comes first
    worker.complete()
    worker.record(worker.take(), Spawn(({"n": 0}, {"n": 1})))
    first, second = worker.take(), worker.take()
    worker.append(second, [{"segments": [{"start": 300.0, "end": 302.0, "text": " and <b>this</b> is the second"}]}])
    page.until("document.querySelectorAll('#transcript li').length === 1")
    worker.append(first, [{"segments": [{"start": 0.0, "end": 2.0, "text": " This is the first part,"}]}])
    page.until("document.querySelectorAll('#transcript li').length === 2")
    page.until("document.getElementById('transcript').innerText.includes('\\n')")  # it is laid out
    assert page.text("#transcript").split("\n") == ["0:00", "This is the first part,", "5:00", "and <b>this</b> is the second"]
    worker.record(first, Completed({}))
    page.until(says("#tasks", "1 of 2 parts done"))
    pictures(page, "job-working")
    worker.record(second, Completed({}))

    # downloads, and no more asking once it has ended
    assert worker.complete().node == "align"
    worker.publish("transcript.txt", b"This is the first part, and this is the second")
    worker.publish("package.zip", b"PK", "application/zip")
    page.until(says("#status", "Done"))
    assert page.run("[...document.querySelectorAll('#downloads a')].map(a => a.download)") == ["transcript.txt", "package.zip"]
    assert "first part" in page.run("fetch(document.querySelector('#downloads a').href).then(answer => answer.text())")
    pictures(page, "job-done")
    asked = len(page.requested)
    page.run("new Promise(done => setTimeout(done, 2500))")
    assert len(page.requested) == asked

    page.click(".crumb a")
    page.until(says("#jobs", "short-slt.ogg"))
    pictures(page, "home")


def test_a_job_that_waits_says_what_it_waits_for_and_how_long(page: Page, worker: Worker, store: Store, redis: Redis) -> None:
    for _ in range(6):
        submit(store, Submission("synthetic", {"tasks": [{"name": "only"}]}, "ada", "physics", admin=True))
    redis.hset("app:clock:short", "m", 100_000_000)  # a run takes 100 s there
    redis.hset("app:speeds", mapping={"inspect": 1000, "prepare": 1000, "transcribe": 40_000_000, "merge": 1000, "export": 1000})

    # nobody works
    upload(page)
    page.until(says("#message", "no worker serves short"))
    assert page.text("#status") == "Waiting for a worker"
    pictures(page, "job-unserved")

    # its turn will come
    for queue in ("short", "long"):
        redis.sadd(f"rq:workers:{queue}", "rq:worker:one")
    redis.set("rq:worker:one", "alive")
    first = worker.take()
    page.until(says("#message", "Place 6 in the queue"))
    assert page.text("#message") + page.text("#estimate") == "Place 6 in the queue, done in about 16 min"  # 6 × 100 s, 259 s, 100 s
    assert page.text("#status") == "Waiting for a worker"
    pictures(page, "job-waiting")

    # an admin stops everything
    control.pause(store, "short")
    page.until(says("#status", "Paused"))
    assert page.text("#message") == "Paused by an admin: the queue short waits until it is resumed"
    assert "about" not in page.text(".card")
    pictures(page, "job-paused")

    # and lets it go on
    control.resume(store, "short")
    page.until(says("#message", "Place 6"))
    worker.record(first, Completed({}))
    for _ in range(5):
        worker.complete()
    assert [worker.complete().node for _ in range(2)] == ["inspect", "prepare"]
    progress(store, worker.take(), 0.01, "Listening to the first words")
    page.until(says("#message", "Listening"))
    page.until(says("#estimate", "about 4 min left"))
    pictures(page, "job-time-left")


def test_two_polls_at_once_show_a_line_once(page: Page, worker: Worker) -> None:
    upload(page)
    worker.complete()
    worker.complete()
    worker.record(worker.take(), Spawn(({"n": 0},)))
    page.until(says("#tasks", "0 of 1 part done"))
    slowly = "async (...asked) => { const answer = await real(...asked); await new Promise(go => setTimeout(go, 300)); return answer; }"
    page.run(f"const real = window.fetch; window.fetch = {slowly}")
    child = worker.take()
    worker.append(child, [{"segments": [{"start": 0.0, "end": 2.0, "text": "Once."}]}])
    page.run("for (let n = 0; n < 3; n++) document.dispatchEvent(new Event('visibilitychange'))")

    page.until("document.querySelectorAll('#transcript li').length > 0")
    page.run("new Promise(done => setTimeout(done, 1500))")
    assert page.text("#transcript").split("\n") == ["0:00", "Once."]


def test_a_job_that_failed_says_why_and_runs_again(page: Page, worker: Worker) -> None:
    upload(page)
    worker.fail("The model folder is missing: set WHISPER_MODEL.\nTraceback (most recent call last):\n  File whisper.py")
    page.until(says("#status", "Failed"))
    assert "set WHISPER_MODEL" in page.text("#tasks summary")
    assert page.run("document.querySelector('#tasks details').open") is False
    assert page.run("document.querySelectorAll('#tasks .side button').length") == 1, "what was cancelled with it needs no button of its own"
    pictures(page, "job-failed")

    page.click("#tasks [data-key='retry-inspect']")
    page.until(says("#status", "Waiting for a worker"))
    worker.fail("again")
    page.until(says("#status", "Failed"))
    page.click("#retry")
    page.until(says("#status", "Waiting for a worker"))


def test_a_job_is_cancelled_and_deleted(page: Page, store: Store) -> None:
    job = upload(page)
    page.click("#cancel")
    page.until(says("#status", "Cancelled"))
    assert show.job(store, job).status == "cancelled"

    page.click("#delete")
    page.until("document.getElementById('sure').open")
    page.click("#sure-yes")
    page.until("location.pathname === '/' && document.getElementById('no-jobs') && !document.getElementById('no-jobs').hidden")
