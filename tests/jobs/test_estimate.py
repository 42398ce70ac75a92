"""Place in the queue and time left: examples with figures. What holds whatever the figures are: test_estimate_laws.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.estimate import eta_s, held, position
from jobs.model import JobView, Line, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState
from jobs.view import describe, estimates
from tests.jobs.standings import DONE, NOW, SPEEDS, WAITING, ahead, idle, in_long, transcription

# the place


def test_the_next_has_the_first_place() -> None:
    assert position(WAITING, ahead(0)) == 1


def test_the_place_counts_the_own_organisation_before_it_and_not_behind() -> None:
    assert position(WAITING, ahead(6, fresh=100)) == 7


def test_all_of_higher_priorities_come_before_and_none_of_lower_ones() -> None:
    waiting = {"high": 5, "normal": 3, "low": 1000, "background": 1000}
    assert position(WAITING, ahead(2, waiting=waiting)) == 5 + 3
    urgent = replace(WAITING, priority=Priority.HIGH)
    assert position(urgent, ahead(2, fresh=3, waiting={"high": 3, "normal": 50})) == 3


def test_another_organisations_backlog_counts_one_a_turn() -> None:
    assert position(WAITING, ahead(0, waiting={"normal": 5001}, others=1)) == 2
    assert position(WAITING, ahead(3, waiting={"normal": 5004}, others=2)) == 4 + 4 * 2


def test_no_more_of_the_others_than_wait() -> None:
    assert position(WAITING, ahead(9, waiting={"normal": 12}, others=2)) == 10 + 2


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
    # two of 30 s before it and the one that runs; 600 s of audio × (0.001 + 0.02 + 0.5 + 0.002 + 0.001); and before merge,
    # which comes first in `short` then, the run that the only worker is busy with
    assert eta_s(WAITING, ahead(2), NOW) == 3 * 30 + 314 + 30


def test_what_stands_before_it_is_shared_by_the_workers() -> None:
    assert eta_s(WAITING, ahead(2, running=3, workers=3), NOW) == 30 + 314 + 10


def test_a_free_worker_begins_at_once() -> None:
    assert eta_s(WAITING, ahead(0, running=0), NOW) == 314
    assert eta_s(WAITING, ahead(0, running=1, workers=2), NOW) == 314


def test_each_before_it_brings_along_what_follows_from_it() -> None:
    # in `long` one claim in eight takes a fresh task: a recording is a run of prepare, one of transcribe and six parts
    view = transcription(inspect=DONE, prepare="ready")
    assert eta_s(view, in_long("prepare", 3, fresh=4, waiting={"normal": 4}), NOW) == 3 * 8 * 20 + 20 + 314
    # what is chained already brings nothing along
    assert eta_s(view, in_long("prepare", 5, fresh=4, chained=2, waiting={"normal": 6}), NOW) == 2 * 20 + 3 * 8 * 20 + 20 + 314


def test_another_organisation_has_its_turn_for_each_of_ours_as_long_as_it_has_work() -> None:
    view = transcription(inspect=DONE, prepare="ready")
    # one turn of theirs before prepare, and one before transcribe, which follows upon the job's own
    assert eta_s(view, in_long("prepare", 0, fresh=1, others=1, waiting={"normal": 100}), NOW) == 20 + 20 + 20 + 314
    # and no more of them than they have: of 8 entries half of what follows from one is chained, the others bring along 8 runs each
    assert eta_s(view, in_long("prepare", 20, fresh=21, others=1, waiting={"normal": 29}), NOW) == round(
        (20 * 8 + 3.5 + 4.5 * 8 + 1) * 20 + 20 + 314
    )


def test_what_is_chained_waits_behind_what_is_chained_in_its_organisation_alone() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe="ready")
    standing = in_long("transcribe", 3, fresh=50, chained=7, waiting={"normal": 57})
    assert eta_s(view, standing, NOW) == 3 * 20 + 20 + 300 + 2


def test_a_job_that_is_not_in_the_long_queue_yet_waits_there_behind_all_that_are() -> None:
    long = {"fresh": 5, "running": 1, "mean_s": 20.0, "waiting": {"normal": 5}, "fresh_share": 1 / 8}
    assert eta_s(WAITING, ahead(0, running=0, long=long), NOW) == 5 * 8 * 20 + 20 + 314


def test_those_before_it_will_be_before_it_in_the_next_queue_as_well() -> None:
    # 8 before it in `short`; of 100 claims there 80 were fresh, and 60 of 480 in `long`: 6 of the 8 will go there, and 8 runs be each
    long = {"running": 1, "mean_s": 20.0, "fresh_share": 1 / 8, "claims": 480}
    standing = ahead(8, running=0, mean_s=0.0, claims=100, fresh_share=0.8, long=long)
    assert eta_s(WAITING, standing, NOW) == 6 * 8 * 20 + 20 + 314


def test_an_organisation_at_its_limit_waits_for_its_own() -> None:
    # 9 of its own before it, 2 at a time, although 10 workers are there; and before merge one of its two
    assert eta_s(WAITING, ahead(9, running=10, workers=10, limit=2), NOW) == 5 * 30 + 314 + 15
    assert eta_s(WAITING, ahead(9, limit=2), NOW) == 10 * 30 + 314 + 30
    parts = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 8})
    assert eta_s(parts, idle(workers=10, limit=2), NOW) == round(300 / 2 + 1.8)


def test_parts_run_side_by_side_as_far_as_workers_and_parts_go() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 2})
    assert [eta_s(view, idle(workers=workers), NOW) for workers in (1, 2, 9)] == [302, 152, 152]


def test_organisations_that_wait_get_their_share_of_the_workers() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "joining", "started_at": NOW, "children_total": 20})
    lines = {"short": Line(workers=1), "long": Line(workers=4, running=4, others=1, waiting={"normal": 9})}
    assert eta_s(view, idle(lines=lines), NOW) == round(300 / 2 + 1.8)


def test_a_recording_that_is_not_cut_yet_will_have_as_many_parts_as_it_is_long() -> None:
    view = transcription(inspect=DONE, prepare={"state": "running", "started_at": NOW})
    assert eta_s(view, idle(size=1500, workers=4), NOW) == round(30 + 750 / 4 + 4.5)
    assert eta_s(view, idle(size=500, workers=4), NOW) == round(10 + 250 / 2 + 1.5)


def test_a_task_well_under_way_goes_on_at_its_own_pace() -> None:
    half = {"state": "running", "started_at": NOW - 40, "progress": 50.0}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=half), idle(), NOW) == 40 + 2


@pytest.mark.parametrize(
    ("begun", "left"),
    [({"started_at": NOW - 2, "progress": 50.0}, 152), ({"started_at": NOW - 40, "progress": 5.0}, 262)],  # not 2, not 760
)
def test_a_pace_of_moments_is_no_pace(begun: dict[str, Any], left: int) -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe={"state": "running", **begun})
    assert eta_s(view, idle(), NOW) == left


def test_a_task_that_was_begun_anew_may_have_resumed_so_that_its_pace_says_nothing() -> None:
    again = {"state": "running", "started_at": NOW - 4, "progress": 80.0, "attempts": 2}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=again), idle(), NOW) == round(300 * 0.2 + 1.8)


def test_a_task_that_says_nothing_of_itself_runs_down_but_never_to_nothing() -> None:
    def left(seconds: float) -> int | None:
        silent = {"state": "running", "started_at": NOW - seconds}
        return eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=silent), idle(), NOW)

    assert [left(seconds) for seconds in (0, 100, 270, 5000)] == [302, 202, 32, 32]


def test_a_first_word_of_progress_does_not_turn_the_time_back() -> None:
    said = {"state": "running", "started_at": NOW - 100, "progress": 2.0}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=said), idle(), NOW) == 202


def test_parts_that_wait_for_a_worker_do_not_run_down() -> None:
    waits = {"state": "joining", "started_at": NOW - 100, "children_total": 1}
    assert eta_s(transcription(inspect=DONE, prepare=DONE, transcribe=waits), idle(), NOW) == 302


def test_of_branches_side_by_side_the_longest_counts() -> None:
    def task(name: str, engine: str, *needs: str) -> TaskView:
        return TaskView(name, engine, "short", TaskState.PENDING, optional=False, needs=needs)

    tasks = (task("a", "quick"), task("b", "slow"), task("c", "quick", "a", "b"), task("d", "slow", "a"))
    view = replace(WAITING, type="synthetic", tasks=tasks)
    # a+c = 20, b+c = 110, a+d = 110
    assert eta_s(view, idle(speeds={"quick": 0.1, "slow": 1.0}, size=100.0), NOW) == 110


def test_what_is_done_or_skipped_takes_no_time() -> None:
    view = transcription(inspect=DONE, prepare=DONE, transcribe=DONE, merge="skipped", export="ready")
    assert eta_s(view, ahead(0, task="export", running=2, workers=2), NOW) == round(15 + 0.6)


# what is not known is not told


def test_an_engine_that_was_never_measured_leaves_the_time_unknown() -> None:
    speeds = {name: speed for name, speed in SPEEDS.items() if name != "merge"}
    assert eta_s(WAITING, ahead(2, speeds=speeds), NOW) is None
    assert position(WAITING, ahead(2, speeds=speeds)) == 3


def test_a_recording_of_unknown_length_has_no_time_until_somebody_has_looked() -> None:
    assert eta_s(WAITING, ahead(2, size=0.0), NOW) is None
    seen = transcription(inspect=DONE, prepare={"state": "running", "started_at": NOW})
    assert eta_s(seen, idle(size=0.0), NOW) is None
    assert eta_s(replace(seen, outputs={"inspect": {"seconds": 600.0}}), idle(size=0.0, workers=1), NOW) == round(600 * 0.523)


def test_its_own_pace_is_enough_where_nothing_else_is_left() -> None:
    last = transcription(
        inspect=DONE, prepare=DONE, transcribe=DONE, merge=DONE, export={"state": "running", "started_at": NOW - 30, "progress": 75.0}
    )
    assert eta_s(last, Standing(), NOW) == 10


@pytest.mark.parametrize("why", ["queue", "organisation", "type", "worker"])
def test_nobody_knows_when_what_is_held_goes_on(why: str) -> None:
    assert eta_s(WAITING, ahead(2, held=why), NOW) is None
    assert position(WAITING, ahead(2, held=why)) == 3
    assert held(WAITING, ahead(2, held=why)) == why


def test_a_queue_on_the_way_that_nobody_serves_leaves_the_time_unknown() -> None:
    assert eta_s(WAITING, ahead(2, long={"workers": 0}), NOW) is None
    assert eta_s(WAITING, ahead(2, long={"workers": 0, "running": 1}), NOW) is not None  # somebody does, whatever RQ lists


def test_what_has_ended_has_neither_place_nor_time_nor_hold() -> None:
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED):
        view, standing = replace(WAITING, status=status), ahead(2, held="worker")
        assert (position(view, standing), eta_s(view, standing, NOW), held(view, standing)) == (None, None, None)


def test_what_runs_is_not_held_by_what_was_paused_meanwhile() -> None:
    view = transcription(inspect={"state": "running", "started_at": NOW})
    assert held(view, idle(held="organisation")) is None
    assert eta_s(view, idle(held="organisation"), NOW) is None, "the rest of it is"


# as it is told


@pytest.mark.parametrize(
    ("why", "held", "message"),
    [
        ({}, None, "waiting for a worker, 0 of 5 steps done"),
        ({"held": "queue"}, "queue", "paused by an admin: the queue short waits until it is resumed"),
        ({"held": "organisation"}, "organisation", "paused by an admin: jobs of acme wait until they are resumed"),
        ({"held": "type"}, "type", "paused by an admin: transcription jobs wait until they are resumed"),
        ({"held": "limit", "limit": 3}, "limit", "acme has as many tasks running as it may (3); the next begins when one of them ends"),
        ({"held": "worker", "queue": "ingest.short"}, "worker", "no worker serves ingest.short; it waits until one is started"),
    ],
)
def test_the_status_says_why_a_job_waits(why: dict[str, Any], held: str | None, message: str) -> None:
    standing = ahead(2, **why)
    told = describe(WAITING, standing, estimates(WAITING, standing, NOW))
    assert (told["held"], told["message"], told["queue_position"]) == (held, message, 3)


def test_a_status_without_a_standing_has_no_estimates() -> None:
    told = describe(WAITING)
    assert (told["eta_seconds"], told["queue_position"], told["held"]) == (None, None, None)
