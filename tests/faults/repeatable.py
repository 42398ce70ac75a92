"""For each verb a call that may be made again as it is, and what the second one answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rq import Queue
from rq.serializers import JSONSerializer

from jobs import claim, control, orgs, people, pieces, plain, quota, record, samples, show, submit, uploads
from jobs.errors import NotFound, Stale
from jobs.foresee import foresee
from jobs.model import Back, Claimed, Completed, Failed, Idle, Outcome, Plain, Skipped, Spawn, Submission
from jobs.settings import Quota
from jobs.store import stamp
from tests.border.conftest import FUNCTIONS
from tests.jobs.hands import Hands, chain

Repeatable = Callable[[], Any]  #: a call that may be made again as it is
SAME = "the first answer"


@dataclass(frozen=True)
class Case:
    verb: str
    name: str
    prepare: Callable[[Hands], Repeatable]
    again: Any = SAME  #: what the second call returns, or raises, where that is not the answer of the first

    def __str__(self) -> str:
        return f"{self.verb}: {self.name}"


def submitted(hands: Hands, **named: Any) -> Repeatable:
    asked = Submission("synthetic", {"tasks": chain("a", "b")}, user="ada", org="acme", admin=True)
    return lambda: submit.submit(hands.store, asked, now=hands.now, **named)


def claims(hands: Hands) -> Repeatable:
    hands.submit({"name": "a"}, {"name": "b"})
    return lambda: hands.look("r1")


def claims_nothing(hands: Hands) -> Repeatable:
    return lambda: hands.look("r1")


def records(outcome: Outcome, next_run: str | None = None, *, late: bool = False) -> Callable[[Hands], Repeatable]:
    def prepare(hands: Hands) -> Repeatable:
        hands.submit({"name": "z", "attempts": 2, "backoff_seconds": 0}, *chain("a", "b"))
        claimed = hands.claim()
        if late:
            claim.reap(hands.store, hands.now + 16)
        return lambda: hands.record(claimed, outcome, next_run)

    return prepare


def last_child_recorded(hands: Hands) -> Repeatable:
    hands.submit(*chain("a", "b"))
    hands.work(Spawn(({}, {}), output={"parent": True}))
    hands.work()
    claimed = hands.claim()
    return lambda: hands.record(claimed, Completed(1), "next")


def child(hands: Hands) -> Claimed:
    hands.submit({"name": "a"})
    hands.work(Spawn(({}, {})))
    return hands.claim()


def appends(hands: Hands) -> Repeatable:
    claimed = child(hands)
    record.append(hands.store, claimed, 0, [{"n": 0}])
    return lambda: record.append(hands.store, claimed, 1, [{"n": 1}, {"n": 2}])


def announces(hands: Hands) -> Repeatable:
    hands.submit({"name": "a"})
    claimed = hands.claim()
    return lambda: pieces.announce(hands.store, claimed, 3)


def appends_to_a_piece(hands: Hands) -> Repeatable:
    hands.submit({"name": "a"})
    piece = pieces.announce(hands.store, hands.claim(), 3)[1]
    pieces.append(hands.store, piece, 0, [{"n": 0}])
    return lambda: pieces.append(hands.store, piece, 1, [{"n": 1}, {"n": 2}])


def progresses(hands: Hands) -> Repeatable:
    claimed = child(hands)
    return lambda: record.progress(hands.store, claimed, 0.5, "half")


def renews(hands: Hands) -> Repeatable:
    claimed = child(hands)
    hands.now += 5
    return lambda: hands.renew(claimed)


def renews_and_learns_of_a_cancel(hands: Hands) -> Repeatable:
    claimed = child(hands)
    control.cancel(hands.store, claimed.job, now=hands.now)
    return lambda: hands.renew(claimed)


def hands_back(*, delay_s: float = 0.0, knows: bool = True) -> Callable[[Hands], Repeatable]:
    def prepare(hands: Hands) -> Repeatable:
        hands.submit({"name": "a"}, {"name": "b"})
        claimed = hands.claim()
        rq_job = claimed.rq_job if knows else ""
        return lambda: record.hand_back(hands.store, worker=hands.name, run=claimed.run, rq_job=rq_job, delay_s=delay_s, now=hands.now)

    return prepare


def loses(hands: Hands) -> Repeatable:
    hands.submit({"name": "a"})
    claimed = hands.claim()
    return lambda: record.lost(hands.store, worker=hands.name, run=claimed.run, reason="killed", now=hands.now)


def reaps(hands: Hands) -> Repeatable:
    hands.submit({"name": "a"})
    hands.claim()
    return lambda: claim.reap(hands.store, hands.now + 16)


def cancels(hands: Hands) -> Repeatable:
    claimed = child(hands)
    return lambda: control.cancel(hands.store, claimed.job, now=hands.now)


def retries(hands: Hands) -> Repeatable:
    job = hands.submit(*chain("a", "b", attempts=1))
    hands.work(Failed("no"))
    return lambda: control.retry_task(hands.store, job, "", call="c1", now=hands.now)


def retries_a_child(hands: Hands) -> Repeatable:
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({}, {}), attempts=1, allowed_failures=1))
    hands.work(Failed("no"))
    return lambda: control.retry_task(hands.store, job, "a.0", call="c1", now=hands.now)


def pauses(kind: control.Paused, name: str, *, on: bool) -> Callable[[Hands], Repeatable]:
    def prepare(hands: Hands) -> Repeatable:
        hands.submit({"name": "a"}, {"name": "b"})
        if not on:
            control.pause(hands.store, name, kind, now=hands.now)
            assert isinstance(hands.look(), Idle)  # parked, or held
        return lambda: (control.pause if on else control.resume)(hands.store, name, kind, now=hands.now)

    return prepare


def samples_the_queues(hands: Hands) -> Repeatable:
    child(hands)
    return lambda: samples.note(hands.store, now=hands.now)


def tunes(hands: Hands) -> Repeatable:
    child(hands)
    return lambda: orgs.set(hands.store, "acme", weight=2.0, max_running=1, now=hands.now)


def reserves(*, free: bool) -> Callable[[Hands], Repeatable]:
    def prepare(hands: Hands) -> Repeatable:
        its = Quota("gemini", 1, 60.0)
        hands.submit({"name": "a"}, {"name": "b"})
        if not free:
            assert quota.reserve(hands.store, hands.claim(), its, now=hands.now) == 0
        claimed = hands.claim()
        return lambda: quota.reserve(hands.store, claimed, its, now=hands.now)

    return prepare


def looks(hands: Hands) -> Repeatable:
    job = hands.submit(*chain("a", "b"))
    return lambda: show.look(hands.store, job, now=hands.now)


def enqueued(hands: Hands) -> None:
    """A plain job, as another program enqueues it."""
    Queue("short", connection=hands.store.redis, serializer=JSONSerializer).enqueue(f"{FUNCTIONS}.add", 1)


def claimed_plain(hands: Hands) -> Plain:
    enqueued(hands)
    found = hands.look()
    assert isinstance(found, Plain)
    return found


def claims_plain(hands: Hands) -> Repeatable:
    enqueued(hands)
    return lambda: hands.look("r1")


def knocks(hands: Hands) -> Repeatable:
    enqueued(hands)
    return lambda: claim.knock(hands.store, hands.queues)


def ends_plain(hands: Hands) -> Repeatable:
    found = claimed_plain(hands)
    return lambda: plain.end(hands.store, found, reason="it ended without a word", now=hands.now)


def hands_plain_back(hands: Hands) -> Repeatable:
    found = claimed_plain(hands)
    return lambda: record.hand_back(hands.store, worker=hands.name, run=found.run, rq_job=found.rq_job, now=hands.now)


def loses_plain(hands: Hands) -> Repeatable:
    found = claimed_plain(hands)
    return lambda: record.lost(hands.store, worker=hands.name, run=found.run, reason="killed", now=hands.now)


def fails_plain(hands: Hands) -> Repeatable:
    found = claimed_plain(hands)
    return lambda: plain.fail(hands.store, found, worker=hands.name, reason="it cannot be read", now=hands.now)


def revises(hands: Hands) -> Repeatable:
    job = hands.submit(*chain("a", "b"))
    hands.drain()
    return lambda: control.revise(hands.store, job, "jobs/j/corrections/1.json", ["a"], now=hands.now)


def brief(hands: Hands) -> None:
    """Let the queue's runs be known to be brief, and six tasks wait in it."""
    for _ in range(3):
        hands.submit({"name": "t"})
        hands.work()
    for _ in range(6):
        hands.submit({"name": "t"})


def claims_several(hands: Hands) -> Repeatable:
    brief(hands)
    return lambda: hands.claim_some(4, run="r1")


def records_several(hands: Hands) -> Repeatable:
    brief(hands)
    outcomes = (Completed({"x": 1}), Failed("no", final=True), Back(), Spawn(({"n": 0}, {"n": 1})))
    ended = [record.Ended(run, outcome) for run, outcome in zip(hands.claim_some(4), outcomes, strict=True)]
    return lambda: hands.record_some(ended, "next", most=4)


def hands_several_back(hands: Hands) -> Repeatable:
    brief(hands)
    run = hands.claim_some(4)[2].run
    return lambda: record.hand_back(hands.store, worker=hands.name, run=run, now=hands.now)


def loses_one_of_several(hands: Hands) -> Repeatable:
    brief(hands)
    run = hands.claim_some(4)[2].run
    return lambda: record.lost(hands.store, worker=hands.name, run=run, reason="killed", now=hands.now)


def deletes(hands: Hands) -> Repeatable:
    job = hands.submit(*chain("a", "b"))
    hands.claim()
    return lambda: control.delete(hands.store, job, now=hands.now)


def sweeps(hands: Hands) -> Repeatable:
    job = hands.submit(*chain("a", "b"))
    return lambda: hands.store.run("sweep", stamp(hands.now), job)


def releases(hands: Hands) -> Repeatable:
    upload = uploads.Upload(uploads.new_id(), "ada", "acme", "a.ogg", 1, "audio/ogg", 1.0, "uploads/x/recording")
    uploads.add(hands.store, upload, ttl_s=60, job="j1")
    return lambda: hands.store.run("release", upload.id, "j1")


def told(hands: Hands, job: str | None = None) -> str:
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "acme", admin=True, callback_url="https://example.org/")
    return submit.submit(hands.store, asked, job=job, now=hands.now)


def records_the_end(hands: Hands) -> Repeatable:
    told(hands)
    claimed = hands.claim()
    return lambda: hands.record(claimed, next_run="next")


def foresees(hands: Hands) -> Repeatable:
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "acme", admin=True)
    return lambda: foresee(hands.store, asked, [60.0])


def keeps(hands: Hands) -> Repeatable:
    upload = uploads.Upload(uploads.new_id(), "ada", "acme", "a.ogg", 1, "audio/ogg", 1.0, "uploads/x/recording")
    return lambda: uploads.add(hands.store, upload, ttl_s=60, limited=True, now=hands.now)


CASES = [
    Case("submit", "of a job that is told of", lambda hands: partial(told, hands, "j1")),
    Case("submit", "with the job's id", lambda hands: submitted(hands, job="j1")),
    Case("submit", "with an Idempotency-Key", lambda hands: submitted(hands, idempotency_key="k")),
    Case("claim", "of a task", claims),
    Case("claim", "of nothing", claims_nothing),
    Case("record", "completed", records(Completed({"x": 1}))),
    Case("record", "completed, and claims", records(Completed({"x": 1}), "next")),
    Case("record", "failed, and claims", records(Failed("no"), "next")),
    Case("record", "failed for good", records(Failed("no", final=True), "next")),
    Case("record", "not configured", records(Skipped("not configured"), "next")),
    Case("record", "split, and claims", records(Spawn(({"n": 0}, {"n": 1})), "next")),
    Case("record", "the last child", last_child_recorded),
    Case("record", "too late", records(Completed({"x": 1}), "next", late=True)),
    Case("claim", "of several", claims_several),
    Case("record", "of several, and claims", records_several),
    Case("hand_back", "of all that a claim took", hands_several_back),
    Case("reap", "one of several", loses_one_of_several, again=Stale),
    Case("revise", "", revises),
    Case("append", "", appends),
    Case("append", "of pieces, announced", announces),
    Case("append", "to a piece", appends_to_a_piece),
    Case("progress", "", progresses),
    Case("renew", "", renews),
    Case("renew", "of a cancelled run", renews_and_learns_of_a_cancel),
    Case("hand_back", "", hands_back()),
    Case("hand_back", "with a delay", hands_back(delay_s=30)),
    Case("hand_back", "by a supervisor that knows the run alone", hands_back(knows=False)),
    Case("reap", "one worker's run", loses, again=Stale),  # which its supervisor takes for done
    Case("reap", "whose lease has ended", reaps, again=0),
    Case("cancel", "of a tree", cancels),
    Case("retry", "of a job", retries),
    Case("retry", "of a child", retries_a_child),
    # That it was paused, or resumed, already.
    Case("pause", "a queue", pauses("queue", "short", on=True), again=False),
    Case("pause", "an organisation", pauses("org", "acme", on=True), again=False),
    Case("pause", "a job type", pauses("type", "synthetic", on=True), again=False),
    Case("pause", "a queue resumed", pauses("queue", "short", on=False), again=False),
    Case("pause", "an organisation resumed", pauses("org", "acme", on=False), again=False),
    Case("pause", "a job type resumed", pauses("type", "synthetic", on=False), again=False),
    Case("tune", "", tunes),
    Case("reserve", "a place", reserves(free=True)),
    Case("reserve", "none left", reserves(free=False)),
    Case("look", "", looks),
    Case("foresee", "", foresees),
    Case("record", "what ends a job that is told of", records_the_end),
    Case("cancel", "of a job that is told of", lambda hands: partial(control.cancel, hands.store, told(hands), now=hands.now)),
    Case("keep", "an upload that is charged", keeps),
    Case("who", "", lambda hands: partial(people.find, hands.store, people.add(hands.store, "ada", org="acme"))),
    Case("claim", "of a plain RQ job", claims_plain),
    Case("knock", "", knocks),
    Case("sample", "", samples_the_queues, again=60),  # seconds until the next
    # RQ's own code has committed the outcome: the run is over, and needs nothing.
    Case("end_plain", "", ends_plain, again=Stale),
    Case("hand_back", "of a plain RQ job", hands_plain_back),
    Case("reap", "of a plain RQ job", loses_plain, again=Stale),
    Case("fail_plain", "", fails_plain, again=Stale),
    Case("delete", "", deletes, again=NotFound),
    Case("sweep", "", sweeps),
    Case("release", "of an upload", releases),
]
