"""Place in the queue and time left: examples with figures, and what must hold whatever the figures are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import types
from jobs.estimate import eta_s, held, position
from jobs.model import JobView, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState
from jobs.view import describe

NOW = 1_800_000_000.0
SPEEDS = {"inspect": 0.001, "prepare": 0.02, "transcribe": 0.5, "merge": 0.002, "export": 0.001}


def transcription(**states: str | dict[str, Any]) -> JobView:
    """A transcription whose tasks are pending but for those given, by state or by fields."""
    kind = types.find("transcription")
    graph = kind.expand(kind.Params.model_validate({"upload": "u"}))
    given: dict[str, dict[str, Any]] = {name: {"state": fields} if isinstance(fields, str) else fields for name, fields in states.items()}
    tasks = tuple(
        TaskView(task.name, task.engine, task.queue, needs=task.needs, optional=False, **{"state": "pending", **given.get(task.name, {})})
        for task in graph.tasks
    )
    tasks = tuple(
        replace(task, state=TaskState(task.state), progress=100.0 if task.state == "completed" else task.progress) for task in tasks
    )
    return JobView(
        "0" * 16, "transcription", "ada", "acme", Priority.NORMAL, JobStatus.RUNNING, {"upload": "u"}, NOW, None, None, 1, tasks, {}
    )


WAITING = transcription(inspect="ready")
DONE = "completed"


def ahead(
    place: int = 0, *, own: int | None = None, waiting: dict[str, int] | None = None, organisations: int = 1, **more: Any
) -> Standing:
    """The standing of a job of which `place` entries of its own organisation stand before the task `inspect`."""
    own = place + 1 if own is None else own
    queue = {"task": "inspect", "queue": "short", "mean_s": 30.0, "running": 1, "speeds": SPEEDS, "size": 600.0}
    return Standing(**{**queue, "ahead": place, "own": own, "waiting": waiting or {"normal": own}, "organisations": organisations, **more})


# the place


def test_the_next_has_the_first_place() -> None:
    assert position(WAITING, ahead(0)) == 1


def test_the_place_counts_the_own_organisation_before_it_and_not_behind() -> None:
    assert position(WAITING, ahead(6, own=100)) == 7


def test_all_of_higher_priorities_come_before_and_none_of_lower_ones() -> None:
    waiting = {"high": 5, "normal": 3, "low": 1000, "background": 1000}
    assert position(WAITING, ahead(2, waiting=waiting)) == 5 + 3
    urgent = replace(WAITING, priority=Priority.HIGH)
    assert position(urgent, ahead(2, own=3, waiting={"high": 3, "normal": 50})) == 3


def test_another_organisations_backlog_counts_one_a_turn() -> None:
    assert position(WAITING, ahead(0, own=1, waiting={"normal": 5001}, organisations=2)) == 2
    assert position(WAITING, ahead(3, own=4, waiting={"normal": 5004}, organisations=3)) == 4 + 4 * 2


def test_no_more_of_the_others_than_wait() -> None:
    assert position(WAITING, ahead(9, own=10, waiting={"normal": 12}, organisations=3)) == 10 + 2


@pytest.mark.parametrize(
    "view",
    [
        transcription(inspect={"state": "running", "started_at": NOW}),
        transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 3}),
        replace(WAITING, status=JobStatus.COMPLETED),
        replace(WAITING, status=JobStatus.CANCELLED),
    ],
)
def test_what_is_at_work_or_has_ended_has_no_place(view: JobView) -> None:
    assert position(view, ahead(0)) is None


def test_what_has_nothing_ready_has_no_place() -> None:
    assert position(transcription(inspect="delayed"), ahead(0, task="")) is None
    assert position(WAITING, None) is None


# the time left


def test_a_waiting_job_needs_its_turn_and_then_each_engines_time() -> None:
    # before it 3 runs of 30 s on one worker; then 600 s of audio × (0.001 + 0.02 + 0.5 + 0.002 + 0.001)
    assert eta_s(WAITING, ahead(2), NOW) == 90 + 314


def test_what_stands_before_it_is_shared_by_the_workers() -> None:
    assert eta_s(WAITING, ahead(2, running=3), NOW) == 30 + 314


def test_an_organisation_at_its_limit_waits_for_its_own() -> None:
    # 9 of its own before it, 2 at a time, although 10 workers are there
    assert eta_s(WAITING, ahead(9, running=10, limit=2), NOW) == 5 * 30 + 314
    assert eta_s(WAITING, ahead(9, running=1, limit=2), NOW) == 10 * 30 + 314
    parts = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 8})
    assert eta_s(parts, ahead(task="", running_by_queue={"long": 10}, limit=2), NOW) == round(300 / 2 + 1.8)


def test_parts_run_side_by_side_as_far_as_workers_and_parts_go() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 2})
    assert eta_s(view, ahead(task="", running_by_queue={"long": 1}), NOW) == round(300 + 1.8)
    assert eta_s(view, ahead(task="", running_by_queue={"long": 2}), NOW) == round(150 + 1.8)
    assert eta_s(view, ahead(task="", running_by_queue={"long": 9}), NOW) == round(150 + 1.8)


def test_a_recording_that_is_not_cut_yet_will_have_as_many_parts_as_it_is_long() -> None:
    view = transcription(inspect=DONE, prepare={"state": "running", "started_at": NOW})
    assert eta_s(view, ahead(task="", size=1500, running_by_queue={"long": 4}), NOW) == round(30 + 750 / 4 + 4.5)
    assert eta_s(view, ahead(task="", size=500, running_by_queue={"long": 4}), NOW) == round(10 + 250 / 2 + 1.5)


def test_a_task_well_under_way_goes_on_at_its_own_pace() -> None:
    half = {"state": "running", "started_at": NOW - 40, "progress": 50.0}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=half), ahead(task=""), NOW) == 40 + 2


@pytest.mark.parametrize(
    ("begun", "left"),
    [({"started_at": NOW - 2, "progress": 50.0}, 152), ({"started_at": NOW - 40, "progress": 5.0}, 262)],  # not 2, not 760
)
def test_a_pace_of_moments_is_no_pace(begun: dict[str, Any], left: int) -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "running", **begun})
    assert eta_s(view, ahead(task=""), NOW) == left


def test_a_task_that_was_begun_anew_may_have_resumed_so_that_its_pace_says_nothing() -> None:
    again = {"state": "running", "started_at": NOW - 4, "progress": 80.0, "attempts": 2}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=again), ahead(task=""), NOW) == round(300 * 0.2 + 1.8)


def test_a_task_that_says_nothing_of_itself_runs_down_but_never_to_nothing() -> None:
    def left(seconds: float) -> int | None:
        silent = {"state": "running", "started_at": NOW - seconds}
        return eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=silent), ahead(task=""), NOW)

    assert [left(seconds) for seconds in (0, 100, 270, 5000)] == [302, 202, 32, 32]


def test_a_first_word_of_progress_does_not_turn_the_time_back() -> None:
    said = {"state": "running", "started_at": NOW - 100, "progress": 2.0}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=said), ahead(task=""), NOW) == 202


def test_parts_that_wait_for_a_worker_do_not_run_down() -> None:
    waits = {"state": "joining", "started_at": NOW - 100, "children_total": 1}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=waits), ahead(task=""), NOW) == 302


def test_of_branches_side_by_side_the_longest_counts() -> None:
    def task(name: str, engine: str, *needs: str) -> TaskView:
        return TaskView(name, engine, "short", TaskState.PENDING, optional=False, needs=needs)

    tasks = (task("a", "quick"), task("b", "slow"), task("c", "quick", "a", "b"), task("d", "slow", "a"))
    view = replace(WAITING, type="synthetic", tasks=tasks)
    # a+c = 20, b+c = 110, a+d = 110
    assert eta_s(view, Standing(speeds={"quick": 0.1, "slow": 1.0}, size=100.0), NOW) == 110


def test_what_is_done_skipped_or_given_up_takes_no_time() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe=DONE, merge="skipped", export="ready")
    assert eta_s(view, ahead(task="export", running=2), NOW) == round(15 + 0.6)


# what is not known is not told


def test_an_engine_that_was_never_measured_leaves_the_time_unknown() -> None:
    speeds = {name: speed for name, speed in SPEEDS.items() if name != "merge"}
    assert eta_s(WAITING, ahead(2, speeds=speeds), NOW) is None
    assert position(WAITING, ahead(2, speeds=speeds)) == 3


def test_a_recording_of_unknown_length_has_no_time_until_somebody_has_looked() -> None:
    assert eta_s(WAITING, ahead(2, size=0.0), NOW) is None
    seen = transcription(inspect=DONE, prepare={"state": "running", "started_at": NOW})
    assert eta_s(seen, ahead(task="", size=0.0), NOW) is None
    assert eta_s(replace(seen, outputs={"inspect": {"seconds": 600.0}}), ahead(task="", size=0.0), NOW) == round(600 * 0.523)


def test_its_own_pace_is_enough_where_nothing_else_is_left() -> None:
    last = transcription(
        inspect=DONE, prepare=DONE, transcribe=DONE, merge=DONE, export={"state": "running", "started_at": NOW - 30, "progress": 75.0}
    )
    assert eta_s(last, Standing(), NOW) == 10


@pytest.mark.parametrize("why", [{"paused": "queue"}, {"paused": "organisation"}, {"paused": "type"}, {"served": False}])
def test_nobody_knows_when_what_is_held_goes_on(why: dict[str, Any]) -> None:
    assert eta_s(WAITING, ahead(2, **why), NOW) is None
    assert position(WAITING, ahead(2, **why)) == 3
    assert held(WAITING, ahead(2, **why)) == why.get("paused", "worker")


def test_what_has_ended_has_neither_place_nor_time_nor_hold() -> None:
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED):
        view = replace(WAITING, status=status)
        assert (position(view, ahead(2)), eta_s(view, ahead(2), NOW), held(view, ahead(2, served=False))) == (None, None, None)


def test_what_runs_is_not_held_by_what_was_paused_meanwhile() -> None:
    view = transcription(inspect={"state": "running", "started_at": NOW})
    assert held(view, ahead(0, paused="queue")) is None


# as it is told


@pytest.mark.parametrize(
    ("why", "held", "message"),
    [
        ({}, None, "waiting for a worker, 0 of 5 steps done"),
        ({"paused": "queue"}, "queue", "paused by an admin: the queue short waits until it is resumed"),
        ({"paused": "organisation"}, "organisation", "paused by an admin: jobs of acme wait until they are resumed"),
        ({"paused": "type"}, "type", "paused by an admin: transcription jobs wait until they are resumed"),
        ({"limited": True, "limit": 3}, "limit", "acme has as many tasks running as it may (3); the next begins when one of them ends"),
        ({"served": False, "queue": "ingest.short"}, "worker", "no worker serves ingest.short; it waits until one is started"),
    ],
)
def test_the_status_says_why_a_job_waits(why: dict[str, Any], held: str | None, message: str) -> None:
    told = describe(WAITING, ahead(2, **why), NOW)
    assert (told["held"], told["message"], told["queue_position"]) == (held, message, 3)


def test_a_status_without_a_standing_has_no_estimates() -> None:
    told = describe(WAITING)
    assert (told["eta_seconds"], told["queue_position"], told["held"]) == (None, None, None)


# whatever the figures

seconds = st.floats(0, 1e6)
counts = st.integers(0, 200_000)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[TaskView, ...]:
    made: list[TaskView] = []
    for n in range(draw(st.integers(1, 6))):
        children = draw(st.integers(0, 50))
        task = TaskView(
            f"t{n}",
            draw(st.sampled_from(["a", "b", "c"])),
            draw(st.sampled_from(["short", "long"])),
            draw(st.sampled_from(TaskState)),
            optional=draw(st.booleans()),
            needs=tuple(draw(st.sets(st.sampled_from([task.name for task in made])))) if made else (),
            attempts=draw(st.integers(0, 3)),
            progress=draw(st.floats(0, 100)),
            started_at=draw(st.none() | st.floats(NOW - 1e5, NOW + 1e5)),
            children_total=children,
            children_completed=draw(st.integers(0, children)),
        )
        made.append(task)
    return tuple(made)


@st.composite
def views(draw: st.DrawFn) -> JobView:
    status, priority = draw(st.sampled_from(JobStatus)), draw(st.sampled_from(Priority))
    return replace(WAITING, type="synthetic", tasks=draw(tasks()), status=status, priority=priority)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    return Standing(
        task=draw(st.sampled_from(["", "t0"])),
        queue="short",
        ahead=draw(counts),
        own=draw(counts),
        waiting=draw(st.dictionaries(st.sampled_from([*map(str, Priority)]), counts)),
        organisations=draw(st.integers(0, 1000)),
        running=draw(st.integers(0, 100)),
        mean_s=draw(seconds),
        paused=draw(st.sampled_from(["", "", "", "queue"])),
        speeds=draw(st.dictionaries(st.sampled_from("abc"), st.floats(0, 100))),
        running_by_queue=draw(st.dictionaries(st.sampled_from(["short", "long"]), st.integers(0, 100))),
        size=draw(st.floats(0, 1e5)),
        served=draw(st.sampled_from([True, True, True, False])),
        limit=draw(st.integers(0, 20)),
    )


@given(views(), standings())
def test_a_place_is_at_least_one_and_behind_all_that_surely_come_first(view: JobView, standing: Standing) -> None:
    place = position(view, standing)
    if place is not None:
        assert place >= standing.ahead + 1
        assert place <= standing.ahead + 1 + sum(standing.waiting.values())


@given(views(), standings(), st.data())
def test_more_before_it_never_makes_the_place_better_nor_the_wait_shorter(view: JobView, standing: Standing, data: st.DataObject) -> None:
    more: list[dict[str, Any]] = [
        {"organisations": standing.organisations + 1},
        {"ahead": standing.ahead + 1},
        {"waiting": {**standing.waiting, "high": standing.waiting.get("high", 0) + 1}},
    ]
    worse = replace(standing, **data.draw(st.sampled_from(more)))
    place, after = position(view, standing), position(view, worse)
    assert (place is None) == (after is None)
    assert after is None or place is None or after >= place
    eta, later = eta_s(view, standing, NOW), eta_s(view, worse, NOW)
    assert (eta is None) == (later is None)
    assert later is None or eta is None or later >= eta


@given(views(), standings())
def test_a_time_is_whole_and_not_negative(view: JobView, standing: Standing) -> None:
    eta = eta_s(view, standing, NOW)
    assert eta is None or (isinstance(eta, int) and eta >= 0)


@given(views(), standings())
def test_a_time_is_told_only_when_each_task_left_is_known(view: JobView, standing: Standing) -> None:
    unknown = [
        task
        for task in view.tasks
        if not task.state.ended
        and (task.engine not in standing.speeds or not standing.size)
        and not (task.state in ("running", "joining") and task.progress > 5 and task.started_at is not None and NOW - task.started_at > 3)
    ]
    told = eta_s(view, standing, NOW) is not None
    assert told == (not view.status.ended and not unknown and not standing.paused and standing.served)


@given(views(), standings(), st.floats(0, 100))
def test_a_task_that_was_not_begun_is_nearer_its_end_the_more_of_it_is_done(view: JobView, standing: Standing, progress: float) -> None:
    idle = replace(view, tasks=tuple(replace(task, started_at=None) for task in view.tasks))
    further = replace(idle, tasks=tuple(replace(task, progress=max(task.progress, progress)) for task in idle.tasks))
    before, after = eta_s(idle, standing, NOW), eta_s(further, standing, NOW)
    assert after is None or before is None or after <= before


@given(views(), standings(), st.floats(0, 1e4))
def test_time_alone_never_takes_a_job_without_a_pace_further_from_its_end(view: JobView, standing: Standing, passed: float) -> None:
    slow = replace(view, tasks=tuple(replace(task, progress=min(task.progress, 5.0)) for task in view.tasks))
    before, after = eta_s(slow, standing, NOW), eta_s(slow, standing, NOW + passed)
    assert after is None or before is None or after <= before
