"""The helper with which tests of job types run a job: what it does is what workers do, and what it cannot do it says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import claim, control, orgs, show, submit, uploads
from jobs.errors import NotFound
from jobs.model import Claimed, Graph, Spawn, Submission, TaskSpec
from jobs.reducers import warnings
from jobs.settings import Quota, settings
from jobs.states import Duration, JobStatus, TaskState
from jobs.steps import steps
from jobs.storage import Storage
from jobs.store import Store
from jobs.types import synthetic
from tests.jobs.audit import audit
from workers import engines
from workers.context import Context, Later, NotConfigured
from workers.testing import CannotEnd, run_job

ROOT = Path(__file__).parents[2]

Ask = Callable[..., str]
Teach = Callable[..., None]


@pytest.fixture
def ask(store: Store, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a function that submits a job of exactly these tasks."""

    def ask(*tasks: TaskSpec, org: str = "maths", now: float | None = None) -> str:
        monkeypatch.setattr(synthetic, "expand", lambda params: Graph(tasks))
        asked = Submission("synthetic", {"tasks": [{"name": "any"}]}, user="ada", org=org, admin=True)
        return submit.submit(store, asked, now=now)

    return ask


@pytest.fixture
def teach(monkeypatch: pytest.MonkeyPatch) -> Teach:
    """Return a function that makes an engine of a function."""

    def teach(name: str, run: Callable[[Context, Any], Any], quota: Quota | None = None) -> None:
        monkeypatch.setitem(engines._found, name, engines.Engine(name, run, 60.0, quota))

    return teach


@pytest.fixture(autouse=True)
def sound(store: Store) -> Iterator[None]:
    """Whatever a test did, Redis is sound after it."""
    yield
    assert audit(store) == []


def task(store: Store, job: str, name: str = "a") -> Any:
    return next(one for one in show.job(store, job).tasks if one.name == name)


def test_a_job_runs_to_its_end_and_hands_outputs_on(store: Store, ask: Ask, teach: Teach) -> None:
    teach("first", lambda context, inputs: {"n": context.claimed.payload["n"]})
    teach("second", lambda context, inputs: {"twice": inputs["a"]["n"] * 2})
    job = ask(TaskSpec("a", "first", payload={"n": 21}), TaskSpec("b", "second", needs=("a",), duration=Duration.LONG, zone="gpu"))

    view = run_job(store, job)

    assert view.status is JobStatus.COMPLETED
    assert view.outputs == {"a": {"n": 21}, "b": {"twice": 42}}


def test_what_fails_is_tried_again_and_nobody_waits_for_it(store: Store, ask: Ask, teach: Teach) -> None:
    def fails_twice(context: Context, inputs: Any) -> None:
        if context.claimed.attempt < 3:
            raise RuntimeError("not yet")

    teach("stubborn", fails_twice)
    began = show.see(store, job := ask(TaskSpec("a", "stubborn", backoff_s=300))).at

    assert run_job(store, job).status is JobStatus.COMPLETED
    assert (task(store, job).attempts, task(store, job).ended_at - began < 660) == (3, True)


def test_a_failure_for_good_is_an_end_as_well_and_keeps_its_reason(store: Store, ask: Ask, teach: Teach) -> None:
    teach("broken", lambda context, inputs: 1 // 0)

    view = run_job(store, ask(TaskSpec("a", "broken"), TaskSpec("b", "synthetic", needs=("a",))))

    assert (view.status, [one.state for one in view.tasks]) == (JobStatus.FAILED, [TaskState.FAILED, TaskState.CANCELLED])
    assert view.tasks[0].error.startswith("ZeroDivisionError: ")
    assert view.tasks[0].attempts == 3


def test_children_run_on_their_own_and_their_parent_is_done_when_they_are(store: Store, ask: Ask, teach: Teach) -> None:
    def split(context: Context, inputs: Any) -> Any:
        if context.claimed.child is None:
            return Spawn(tuple({"n": n} for n in range(3)))
        if context.claimed.child == 1 and context.claimed.attempt == 1:
            raise RuntimeError("the first time")
        context.writer().append([{"text": f"part {context.claimed.child}"}])
        return context.claimed.payload["n"]

    teach("split", split)
    teach("join", lambda context, inputs: context.children_outputs("a"))

    view = run_job(store, job := ask(TaskSpec("a", "split"), TaskSpec("b", "join", needs=("a",))))

    assert view.outputs["b"] == [0, 1, 2]
    assert view.tasks[0].children_completed == 3
    assert sorted(item["text"] for item in show.partial(store, job)["items"]) == ["part 0", "part 1", "part 2"]


def test_an_optional_step_that_is_not_configured_is_skipped(store: Store, ask: Ask, teach: Teach) -> None:
    def unset(context: Context, inputs: Any) -> None:
        raise NotConfigured("not configured: set SOME_FOLDER")

    teach("unset", unset)
    teach("rest", lambda context, inputs: sorted(inputs))
    view = run_job(store, ask(TaskSpec("a", "unset", optional=True), TaskSpec("b", "rest", needs=("a",))))

    assert (view.status, view.outputs["b"]) == (JobStatus.COMPLETED, [])
    assert warnings(view) == ("1 step skipped: a, not configured: set SOME_FOLDER",)
    assert run_job(store, ask(TaskSpec("a", "unset"))).status is JobStatus.FAILED


def test_an_engine_gets_progress_a_scratch_folder_and_storage(store: Store, ask: Ask, teach: Teach, tmp_path: Path) -> None:
    folders = []

    def work(context: Context, inputs: Any) -> str:
        context.progress(0.5, "half way")
        folders.append(context.scratch)
        context.storage.put_bytes(context.key("made"), b"made")
        return context.key("made")

    teach("work", work)
    storage = Storage.folder(tmp_path / "elsewhere")
    view = run_job(store, ask(TaskSpec("a", "work")), storage=storage)

    assert storage.get_bytes(view.outputs["a"]) == b"made"
    assert view.tasks[0].message == "half way"
    assert not folders[0].exists()


def test_what_was_cancelled_meanwhile_ends_so(store: Store, ask: Ask, teach: Teach) -> None:
    def cancel(context: Context, inputs: Any) -> None:
        control.cancel(store, context.claimed.job)
        context.progress(0.5, "is told")
        raise AssertionError("it was to be stopped")

    teach("cancels", cancel)
    assert run_job(store, ask(TaskSpec("a", "cancels"))).status is JobStatus.CANCELLED


def test_time_can_be_given(store: Store, ask: Ask) -> None:
    at = 1_900_000_000.0
    view = run_job(store, ask(TaskSpec("a", "synthetic"), now=at), now=at + 60)
    assert at + 60 <= (view.ended_at or 0) < at + 90


def test_what_waits_before_it_is_worked_on_as_well(store: Store, ask: Ask, teach: Teach) -> None:
    done: list[str] = []
    teach("notes", lambda context, inputs: done.append(context.claimed.job))
    jobs = [ask(TaskSpec("a", "notes")) for _ in range(3)]
    ask(TaskSpec("a", "unheard_of"))
    last = ask(TaskSpec("a", "notes"))

    assert run_job(store, last).status is JobStatus.COMPLETED
    assert done == [*jobs, last]


def test_a_job_that_has_ended_is_returned_and_one_that_is_not_there_is_not_found(store: Store, ask: Ask) -> None:
    job = ask(TaskSpec("a", "synthetic"))
    assert run_job(store, job) == run_job(store, job)
    with pytest.raises(NotFound):
        run_job(store, "nowhere")


def test_it_leaves_no_file_open(store: Store, ask: Ask) -> None:
    def ran() -> int:
        run_job(store, ask(TaskSpec("a", "synthetic")))
        return len(os.listdir("/proc/self/fd"))

    assert ran() == ran() == ran()


@pytest.mark.parametrize("own_error", [KeyboardInterrupt, pytest.fail.Exception])
def test_what_ends_the_test_comes_through_and_leaves_the_task_unharmed(
    store: Store, ask: Ask, teach: Teach, own_error: type[BaseException]
) -> None:
    def end(context: Context, inputs: Any) -> None:
        raise own_error

    teach("ends", end)
    job = ask(TaskSpec("a", "ends"))
    with pytest.raises(own_error):
        run_job(store, job)
    assert (task(store, job).state, task(store, job).attempts) == (TaskState.READY, 0)


# what cannot end


def cannot(store: Store, job: str) -> str:
    """Return why `job` cannot end; the task `a` must be where it was."""
    with pytest.raises(CannotEnd) as told:
        run_job(store, job)
    assert task(store, job).attempts == 0
    return str(told.value)


def test_an_engine_that_is_not_here_is_named(store: Store, ask: Ask, teach: Teach) -> None:
    assert "a of job " in (said := cannot(store, ask(TaskSpec("a", "unheard_of"))))
    assert "engine unheard_of cannot be loaded here" in said

    def lacks(context: Context, inputs: Any) -> None:
        import unheard_of_library  # type: ignore[import-not-found]  # noqa: F401

    teach("lacking", lacks)
    assert "No module named 'unheard_of_library'" in cannot(store, ask(TaskSpec("a", "lacking"), org="physics"))


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("queue", "short", "the queue short waits"), ("org", "maths", "jobs of maths wait"), ("type", "synthetic", "synthetic jobs wait")],
)
def test_what_is_paused_is_said(store: Store, ask: Ask, kind: control.Paused, name: str, said: str) -> None:
    control.pause(store, name, kind)
    assert f"paused by an admin: {said}" in cannot(store, ask(TaskSpec("a", "synthetic")))


def test_an_organisation_at_its_limit_is_said(store: Store, ask: Ask) -> None:
    orgs.set(store, "maths", max_running=1)
    ask(TaskSpec("a", "synthetic"))
    assert isinstance(claim.claim(store, worker="other:1:aa", queues=["short"], run="r1"), Claimed)

    assert "as many tasks running as it may (1)" in cannot(store, ask(TaskSpec("a", "synthetic")))


def test_a_task_that_another_worker_holds_is_left_to_it(store: Store, ask: Ask) -> None:
    job = ask(TaskSpec("a", "synthetic"))
    claim.claim(store, worker="other:1:aa", queues=["short"], run="r1")

    with pytest.raises(CannotEnd, match="a is running on other:1:aa"):
        run_job(store, job)
    assert task(store, job).state is TaskState.RUNNING


def test_what_an_engine_puts_off_is_done_later_but_not_for_ever(store: Store, ask: Ask, teach: Teach) -> None:
    waits = iter([Later("the service is busy", 60.0), Later("the service is busy", 60.0)])

    def busy(context: Context, inputs: Any) -> int:
        for later in waits:
            raise later
        return context.claimed.attempt

    teach("busy", busy)
    assert run_job(store, ask(TaskSpec("a", "busy"))).outputs == {"a": 1}

    def spent(context: Context, inputs: Any) -> None:
        raise Later("the day's quota is spent", 600.0)

    teach("spent", spent)
    assert "was put off for 1200 s: the day's quota is spent" in cannot(store, ask(TaskSpec("a", "spent")))


def test_a_job_of_rqs_own_is_left_to_a_worker(store: Store, ask: Ask) -> None:
    plain = Queue("short", connection=store.redis, serializer=JSONSerializer).enqueue("tests.border.functions.add", 1, 2)
    tasks = [TaskSpec(name, "synthetic", needs=needs) for name, needs in (("a", ()), ("b", ("a",)), ("c", ("b",)))]

    with pytest.raises(CannotEnd, match=f"RQ job {plain.id} waits in front"):
        run_job(store, ask(*tasks))
    assert plain.get_status(refresh=True) == "queued"


def test_a_quota_without_a_place_is_said(store: Store, ask: Ask, teach: Teach) -> None:
    teach("asks", lambda context, inputs: None, Quota("gemini", 1, 60.0))
    assert run_job(store, ask(TaskSpec("a", "asks"))).status is JobStatus.COMPLETED
    assert "for a place in the quota of gemini (QUOTAS)" in cannot(store, ask(TaskSpec("a", "asks")))


def test_a_transcription_with_every_step_runs_in_one_process(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHISPER_MODEL", str(ROOT / "models/demo"))
    settings.cache_clear()
    store = Store(store.redis)
    storage = Storage.folder(tmp_path)
    storage.put_file(uploads.storage_key("u1"), ROOT / "samples/short-slt.ogg")
    params = {"upload": "u1", "filename": "short-slt.ogg", **{step.param: step.on for step in steps(store.settings, admin=False)}}
    job = submit.submit(store, Submission("transcription", params, "ada", "maths"))

    view = run_job(store, job, storage=storage)

    assert view.status is JobStatus.COMPLETED, [one.error for one in view.tasks]
    assert {one.name for one in view.tasks if one.state is TaskState.SKIPPED} == {"cleanup"}
    assert "THIRD_PARTIES=gemini" in warnings(view)[0]
    made = {artifact["name"]: artifact["key"] for artifact in show.artifacts(store, job)}
    assert {"transcript.txt", "transcript.json", "notes.json", "package.zip"} <= set(made)
    segments = json.loads(storage.get_bytes(made["transcript.json"]))["segments"]
    assert segments
    assert all({"words", "speaker", "delivery"} <= set(segment) for segment in segments)
    assert json.loads(storage.get_bytes(made["notes.json"]))["summary"]

    # and what is made of it
    notes = submit.submit(store, Submission("notes", {"job": job}, "ada", "maths"))
    assert run_job(store, notes, storage=storage).status is JobStatus.COMPLETED
    package = submit.submit(store, Submission("export", {"jobs": [job, notes]}, "ada", "maths"))
    assert run_job(store, package, storage=storage).status is JobStatus.COMPLETED
    assert [artifact["name"] for artifact in show.artifacts(store, package)] == ["package.zip"]
