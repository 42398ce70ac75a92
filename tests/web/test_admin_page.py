"""An admin's day on /admin, in a real browser: what stands still, what failed, who waits, and RQ's dashboard behind it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest
from redis import Redis

from jobs import control, orgs, people, samples, show
from jobs.model import Claimed, Failed
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.web.axe import assert_accessible
from tests.web.browsing import PICTURES, pictures, says
from tests.web.chromium import Page
from tests.workers.conftest import until

pytestmark = [pytest.mark.browser]

TRACEBACK = """\
The model folder is missing: set WHISPER_MODEL.
Traceback (most recent call last):
  File "whisper.py", line 7
OSError: no such folder"""
HOSTILE = "<img src=x onerror=alert(1)>: not a recording"


def an_hour(hands: Hands) -> None:
    """Have had an hour of work, a little of which failed, with ten minutes in which no worker lived."""
    dice = random.Random(6)
    start = time.time() - 3600
    for minute in range(1, 60):
        hands.now = start + 60 * minute
        for _ in range(dice.randrange(4)):
            hands.submit({"name": "a", "duration": dice.choice(["short", "long"])}, org=dice.choice(["physics", "history", "chemistry_2"]))
        for _ in range(dice.randrange(4) if minute < 55 else 0):
            if isinstance(found := hands.look(), Claimed):
                hands.now += 3
                hands.record(found, Failed("too short", final=True) if dice.random() < 0.1 else None)
        if not 20 < minute < 30:
            samples.note(hands.store, now=start + 60 * minute + 59)
    hands.now = time.time()


def enlist(redis: Redis, name: str, queues: str, state: str, **more: object) -> None:
    now = datetime.now(UTC).isoformat()
    fields = {"birth": now, "last_heartbeat": now, "queues": queues, "state": state, **more}
    redis.hset(f"rq:worker:{name}", mapping={key: str(value) for key, value in fields.items()})
    redis.sadd("rq:workers", f"rq:worker:{name}")
    for queue in queues.split(","):
        redis.sadd(f"rq:workers:{queue}", f"rq:worker:{name}")


def test_an_admin_sees_what_stands_still_and_puts_it_right(page: Page, store: Store, redis: Redis) -> None:
    redis.hset("app:users:ada", "role", "admin")
    hands = Hands(store, "lab-3:4711:ab12cd")
    hands.renew()
    an_hour(hands)
    for _ in range(3):
        hands.submit({"name": "a"}, org="physics", priority="high")
    failed = [hands.work(Failed(text, final=True)).job for text in (TRACEBACK, TRACEBACK, HOSTILE)]
    hands.submit({"name": "a", "duration": "long", "zone": "gpu"}, org="physics")
    hands.submit({"name": "a"}, priority="high", org="history")
    hands.renew(hands.claim())
    enlist(redis, hands.name, "short,long", "busy", successful_job_count=1204, failed_job_count=3)
    enlist(redis, "lab-4:99:ef34ab", "short", "idle", successful_job_count=7)

    page.open(f"{page.run('location.origin')}/admin")
    page.until("document.querySelectorAll('#queues > li').length === 3 && document.querySelectorAll('#workers tbody tr').length === 2")
    page.until("document.querySelectorAll('#failed li').length > 2 && document.querySelector('#orgs tbody')")
    page.until(says("#troubles", "No worker serves gpu.long, and a task waits there."))
    assert "python -m workers long --zone gpu" in page.text("#troubles")
    assert "1204" in page.text("#workers")
    assert page.run("document.querySelector('#workers a').textContent") == "a"
    page.until("document.querySelectorAll('[data-queue=short] .line').length >= 4")  # a curve breaks where nothing was noted
    label = page.run("document.querySelector('[data-queue=short] svg').getAttribute('aria-label')")
    assert label.startswith("Waiting over the last hour: at most ")
    pictures(page, "admin")
    assert_accessible(page)

    # a queue is paused, and goes on
    page.click("[data-key='pause-long']")
    page.until(says("[data-queue=long] .badge", "Paused") + " && " + says("#troubles", "The queue long is paused"))
    assert control.paused(store)["queue"] == ["long"]
    page.click("[data-key='pause-long']")
    page.until(says("[data-queue=long] .queue-head button", "Pause") + " && !" + says("#troubles", "long is paused"))
    assert control.paused(store)["queue"] == []

    # what an organisation gets
    page.click("[data-key='tune-physics']")
    page.run("document.querySelector('#dialog [name=weight]').value = '0'; document.querySelector('#dialog-do').click()")
    assert page.run("document.getElementById('dialog').open"), "0 is no weight, which the browser says"
    page.run(
        "document.querySelector('#dialog [name=weight]').value = '2.5'; document.querySelector('#dialog [name=max_running]').value = '4'"
    )
    page.look(dark=True)
    assert_accessible(page, within="#dialog")
    pictures(page, "admin-dialog")
    page.click("#dialog-do")
    page.until("!document.getElementById('dialog').open")
    assert orgs.get(store, "physics") == orgs.Org("physics", 2.5, 4)
    page.click("[data-key='hold-physics']")
    page.until(says("#orgs", "Paused") + " && " + says("#troubles", "organisation physics is paused"))
    page.click("[data-key='hold-physics']")
    page.until("!" + says("#orgs", "Paused"))

    # what failed: chosen by its error, looked at, retried at once
    page.run("const text = document.getElementById('filter-text'); text.value = 'WHISPER'; text.dispatchEvent(new Event('input'))")
    assert page.run("document.querySelectorAll('#failed li').length") == 2
    assert page.run("document.querySelector('#failed summary').textContent") == "The model folder is missing: set WHISPER_MODEL."
    page.click("#failed summary")
    page.click("#all")
    assert page.text("#retry-picked") == "Retry 2 jobs"
    page.look(dark=True)
    assert_accessible(page)
    pictures(page, "admin-failed")
    control.retry(store, failed[0])  # somebody else was faster
    page.click("#retry-picked")
    page.until(says("#bulk-said", "1 job runs again; 1 not:"))
    assert {str(show.job(store, job).status) for job in failed[:2]} == {"running"}
    page.until("document.querySelectorAll('#failed li').length === 0")
    page.run("text.value = 'onerror'; text.dispatchEvent(new Event('input'))")
    page.until(says("#failed .error", "<img src=x"))

    # by keyboard, in order, and what has the focus keeps it when everything is drawn anew
    page.run("document.querySelector('#workers th:nth-child(4) button').focus(); document.activeElement.click()")
    assert page.run("document.activeElement.textContent + document.activeElement.closest('th').ariaSort") == "Doneascending"
    assert page.run("document.querySelector('#workers tbody .name span').textContent") == "lab-4:99"
    asked = len(page.requested)
    page.run("document.dispatchEvent(new Event('visibilitychange'))")
    page.run("new Promise(done => setTimeout(done, 700))")
    assert len(page.requested) > asked
    assert page.run("document.activeElement.dataset.key") == "Workers-3"


def test_rqs_dashboard_opens_behind_the_same_sign_in(page: Page, store: Store, redis: Redis) -> None:
    redis.hset("app:users:ada", "role", "admin")
    hands = Hands(store)
    hands.renew()
    job = hands.submit({"name": "a"})
    waiting = hands.submit({"name": "b"})
    hands.work(Failed("<b>It broke</b>", final=True))
    origin = page.run("location.origin")
    page.open(f"{origin}/admin/rq/")
    page.until(says("#queues", "short.normal.fresh.acme"))
    page.picture(PICTURES / "dashboard.png")
    page.open(f"{origin}/admin/rq/0/view/jobs/short.normal.fresh.acme/queued/8/asc/1")
    page.until(says("#jobs", f"{waiting}-b"))
    page.open(f"{origin}/admin/rq/0/view/job/{job}-a")
    page.until(says("#job-data", "<b>It broke</b>"))  # as text, not as markup
    page.click("#requeue-job-btn")
    until(lambda: redis.llen("rq:queue:short") == 1)
    assert hands.drain() == ["b", "a"]
    page.open(f"{origin}/admin/rq/0/view/workers")
    page.until(says("#workers", "No workers"))


def test_an_admin_adds_a_person_and_takes_one_away(page: Page, store: Store, redis: Redis) -> None:
    redis.hset("app:users:ada", "role", "admin")
    people.add(store, "ben", org="history")
    page.open(f"{page.run('location.origin')}/admin")
    if not page.run("JSON.parse(document.getElementById('initial').textContent).people"):
        pytest.skip("people are looked after on the command line alone")
    page.until(says("#people", "ben"))
    page.click("#add-person")
    page.run(
        "document.querySelector('#dialog [name=user]').value = 'Cleo!'; document.querySelector('#dialog [name=org]').value = 'history'"
    )
    page.click("#dialog-do")
    page.until("!document.getElementById('dialog-wrong').hidden")
    assert page.run("document.getElementById('dialog').open"), "what was refused can be put right"
    page.complaints.clear()  # Chromium reports the 422
    page.run("document.querySelector('#dialog [name=user]').value = 'cleo'; document.querySelector('#dialog-do').click()")
    page.until("!document.getElementById('dialog').open && " + says("#people", "cleo"))
    token = page.text("#secret-token")
    made = people.find(store, token)
    assert made
    assert (made.user, made.org, made.admin) == ("cleo", "history", False)
    assert_accessible(page)
    pictures(page, "admin-people")

    page.click("[data-key='New token-ben']")
    page.click("#dialog-do")
    page.until(says("#secret-for", "A new token for ben.") + " && !document.getElementById('dialog').open")
    assert (people.find(store, page.text("#secret-token")) or made).user == "ben"
    page.click("[data-key='Make admin-ben']")
    page.click("#dialog-do")
    page.until("document.querySelector(\"[data-key='Make user-ben']\")")
    page.click("[data-key='Remove-ben']")
    assert page.run("document.activeElement.id") == "dialog-leave", "what destroys is not where Enter falls"
    page.click("#dialog-do")
    page.until("!" + says("#people", "ben"))
    assert [person.user for person in people.listing(store)] == ["ada", "cleo"]
