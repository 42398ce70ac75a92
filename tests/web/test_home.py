"""The home page in a real browser: several recordings at once, what is wrong with them, and the list of jobs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis import Redis

from jobs import control, people, show
from jobs.model import Submission
from jobs.people import Role
from jobs.record import progress
from jobs.store import Store
from jobs.submit import submit
from tests.web.axe import assert_accessible
from tests.web.browsing import RECORDING, pictures, says
from tests.web.chromium import Page
from tests.web.conftest import ONE_TASK, Worker

pytestmark = [pytest.mark.browser]

OTHER = RECORDING.with_name("short-f3.ogg")
TITLES = "[...document.querySelectorAll('#jobs .name')].map(name => name.textContent)"
SHOWN = "[...document.querySelectorAll('#jobs a')].map(link => link.pathname.split('/')[2])"


def row(n: int) -> str:
    return f"#files li:nth-child({n})"


def submitted(store: Store, user: str = "ada", org: str = "physics") -> str:
    return submit(store, Submission("synthetic", ONE_TASK, user, org, admin=True))


def serve(redis: Redis) -> None:
    """Have a worker of both queues, as RQ lists it, which has learned how long a transcription takes."""
    redis.set("rq:worker:one", "alive")
    for queue in ("short", "long"):
        redis.sadd(f"rq:workers:{queue}", "rq:worker:one")
    redis.hset("app:speeds", mapping={"inspect": 1000, "prepare": 1000, "transcribe": 12_000_000, "merge": 1000, "export": 1000})


def test_several_recordings_become_jobs_and_what_is_none_says_why(page: Page, store: Store, redis: Redis, tmp_path: Path) -> None:
    serve(redis)
    large, slides, text, long = (tmp_path / name for name in ("large.wav", "slides.pdf", "notes.mp3", "long.wav"))
    large.write_bytes(bytes(300_001))
    slides.write_bytes(b"%PDF-1.4")
    text.write_text("no recording\n" * 100)
    long.write_bytes(wave(31))
    pictures(page, "home-empty")
    assert_accessible(page)

    # each is looked at before anything is sent
    page.choose("#file", RECORDING, large, slides)
    page.choose("#file", OTHER, text, long, RECORDING)
    page.until("document.querySelectorAll('#files li').length === 6")
    page.until(says(row(1), "19 KB · 6 s"))
    page.until(says(row(2), "at most 300 KB are accepted"))
    page.until(says(row(3), "neither audio nor video (application/pdf)"))
    page.until(says(row(5), "length told after the upload"))
    page.until(says(row(6), "This recording has 31 s; at most 30 s are accepted."))
    assert page.text("#start") == "Start 3 jobs"
    pictures(page, "home-files")
    assert_accessible(page)

    # the keyboard's place goes on to the next row
    for n in (2, 2):
        page.click(f"{row(n)} .remove")
    assert page.run("document.activeElement.getAttribute('aria-label')") == "Remove short-f3.ogg"

    # how long those may take whose length is known
    page.click(f"{row(3)} .remove")
    page.until(says("#estimate", "Together they take about 3 min."))
    assert page.text("#total") == "2 recordings, 17 s"
    page.choose("#file", text)

    # what the server refuses stays, with its reason; the others are jobs, at the top of the list
    page.run("document.getElementById('language').value = 'en'; document.getElementById('word-timestamps').click()")
    page.click("#start")
    page.until(says("#started", "2 jobs started. Follow them below."))
    assert page.run(f"{TITLES}.sort()") == ["short-f3.ogg", "short-slt.ogg"]
    page.until(says("#files", "not a recording"))
    assert page.run("getComputedStyle(document.querySelector('#files .acts button')).display") == "none", "it would be refused again"
    params = [show.job(store, job).params for job in page.run(SHOWN)]
    assert [(one["language"], one["word_timestamps"], one["export"]) for one in params] == [("en", True, True)] * 2
    pictures(page, "home-sent")
    assert_accessible(page)
    page.complaints.clear()  # the browser itself notes that a request was answered with 422


def test_an_upload_goes_on_when_the_connection_is_back_and_is_one_job(page: Page, redis: Redis) -> None:
    def offline(is_so: bool) -> None:
        page.call("Network.emulateNetworkConditions", offline=is_so, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    page.choose("#file", RECORDING)
    page.until("!document.getElementById('start').disabled")
    offline(True)
    page.click("#start")
    page.until(says("#files", "The connection broke off. Trying again in 2 s."), timeout_s=20)
    assert page.run("!dispatchEvent(new Event('beforeunload', { cancelable: true }))"), "leaving is asked about"
    pictures(page, "home-offline")

    # stopped, it can be started again
    page.click("#files .quiet")
    page.until("!document.getElementById('start').hidden && !document.getElementById('start').disabled", timeout_s=20)
    assert page.run("dispatchEvent(new Event('beforeunload', { cancelable: true }))"), "nothing is under way"
    page.click("#start")
    page.until(says("#files", "Trying again in"), timeout_s=20)

    # the first time that it arrives, the answer is lost
    page.run("""
        const send = XMLHttpRequest.prototype.send;
        XMLHttpRequest.prototype.send = function (form) {
          XMLHttpRequest.prototype.send = send;
          this.onload = () => { window.arrived = this.response.id; this.onerror(); };
          send.call(this, form);
        }; undefined
    """)
    offline(False)
    page.until("window.arrived", timeout_s=20)
    arrived = page.run("window.arrived")
    page.until("location.pathname.startsWith('/jobs/')", timeout_s=20)
    assert page.run("location.pathname") == f"/jobs/{arrived}"
    assert len(redis.keys("app:uploads:*:jobs")) == 1
    page.complaints.clear()  # the browser notes itself that there was no network


def test_a_job_that_was_put_off_tells_when_it_begins(page: Page, store: Store) -> None:
    """In the time of who looks, and nobody is told that it waits for a worker."""
    begins = time.time() + 3 * 86_400
    job = submit(store, Submission("synthetic", ONE_TASK, "ada", "physics", admin=True, run_at=begins))
    at = f"new Date({begins * 1000})"
    day, clock = f"{at}.toLocaleDateString([], {{ dateStyle: 'medium' }})", f"{at}.toLocaleTimeString([], {{ timeStyle: 'short' }})"
    said = f"Begins on ${{{day}}} at ${{{clock}}}"
    page.run("location.reload()")
    page.until("document.querySelector('#jobs .badge')")
    assert page.text("#jobs .badge") == "Later"
    assert page.run(f"document.querySelector('#jobs .said').textContent.endsWith(`{said}`)")
    page.open(f"{page.run('location.origin')}/jobs/{job}")
    page.until(f"document.getElementById('message').textContent === `{said}`")
    assert page.text("#status") == "Later"
    assert "Waiting" not in page.text("#job")


def test_the_list_is_live_and_filtered(page: Page, store: Store, worker: Worker, redis: Redis) -> None:
    serve(redis)
    failed, done, working, waiting = (submitted(store) for _ in range(4))
    worker.fail("The disk of the worker is full.")
    worker.complete()
    progress(store, worker.take(), 0.4, "Listening")
    control.cancel(store, submitted(store))
    page.run("location.reload()")
    page.until("document.querySelectorAll('#jobs a').length === 5")
    page.until(says("#jobs", "Next in the queue"))
    assert page.run("[...document.querySelectorAll('#jobs .badge')].map(badge => badge.textContent)") == [
        "Cancelled", "Waiting for a worker", "Working", "Done", "Failed",
    ]  # fmt: skip
    pictures(page, "home")
    assert_accessible(page)
    page.look(dark=True)
    assert_accessible(page)
    page.look()

    # a row is told anew, and is the same row
    page.run(f"document.querySelector('#jobs a[href$=\"{waiting}\"]').focus()")
    control.pause(store, "short")
    page.until(says("#jobs", "paused by an admin"))
    assert page.text("#jobs li:nth-child(2) .badge") == "Paused"
    assert page.run("document.activeElement.pathname") == f"/jobs/{waiting}"

    # by state and by title, which stays on the way back from a job
    page.click("#states [value=failed]")
    page.until(f"{SHOWN}.join() === '{failed}'")
    page.click("#jobs a")
    page.until("location.pathname.startsWith('/jobs/')")
    page.run("history.back()")
    page.until(f"location.pathname === '/' && {SHOWN}.join() === '{failed}'")
    page.click("#states [value=alive]")
    page.until(f"{SHOWN}.join() === '{waiting},{working}'")
    page.run("document.getElementById('find').value = 'Osmosis'; document.getElementById('find').dispatchEvent(new Event('input'))")
    page.until(says("#no-jobs-said", "No title of 2 jobs has “Osmosis” in it."))
    page.click("#all-jobs")
    page.until("document.querySelectorAll('#jobs a').length === 5")
    assert done in page.run(SHOWN)

    # an admin sees those of everybody, and whose they are
    people.add(store, "ben", org="history")
    theirs = submitted(store, "ben", "history")
    people.remove(store, "ada")
    token = people.add(store, "ada", org="physics", role=Role.ADMIN)
    page.open(page.run("location.origin") + "/signin")
    page.run(f"document.getElementById('token').value = '{token}'")
    page.click("form.stack button")
    page.until("document.readyState === 'complete' && document.getElementById('everybody')")
    page.click("#everybody")
    page.until(f"{SHOWN}[0] === '{theirs}'")
    assert page.text("#jobs li:first-child .of-whom") == "ben · history"
    assert page.text("#jobs-title") == "All jobs"
    pictures(page, "home-everybody")
    assert_accessible(page)


def test_a_new_job_takes_no_other_off_the_list(page: Page, store: Store) -> None:
    jobs = [submitted(store) for _ in range(22)]
    page.run("location.reload()")
    page.until("document.querySelectorAll('#jobs a').length === 20")
    page.click("#more")
    page.until("document.querySelectorAll('#jobs a').length === 22")

    jobs.append(submitted(store))

    page.until(f"document.querySelector('#jobs a').pathname.endsWith('{jobs[-1]}')")
    assert page.run(SHOWN) == jobs[::-1]


def test_everything_can_be_reached_with_the_keyboard(page: Page) -> None:
    reached = []
    for _ in range(13):
        for kind in ("keyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(page.run("document.activeElement.id || document.activeElement.className || document.activeElement.textContent"))
    assert {"skip", "brand", "Jobs", "file", "language", "word-timestamps", "export"} <= set(reached)


def wave(seconds: int) -> bytes:
    """A WAV file of so many seconds, by its header: 8 kHz and 8 bits."""
    count = seconds * 8000
    head = (36 + count).to_bytes(4, "little") + b"WAVEfmt " + bytes([16, 0, 0, 0, 1, 0, 1, 0]) + (8000).to_bytes(4, "little") * 2
    return b"RIFF" + head + bytes([1, 0, 8, 0]) + b"data" + count.to_bytes(4, "little") + bytes([128]) * count
