"""What holds of a place and of a time left, whatever the figures are."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jobs.estimate import brought, eta_s, position
from jobs.model import JobView, Line, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState
from tests.jobs.standings import NOW, WAITING

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
def lines(draw: st.DrawFn) -> Line:
    return Line(
        chained=draw(counts),
        fresh=draw(counts),
        others=draw(st.integers(0, 1000)),
        running=draw(st.integers(0, 100)),
        workers=draw(st.integers(0, 100)),
        mean_s=draw(seconds),
        fresh_share=draw(st.floats(0, 1)),
        claims=draw(counts),
        waiting=draw(st.dictionaries(st.sampled_from([*map(str, Priority)]), counts)),
    )


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    return Standing(
        task=draw(st.sampled_from(["", "t0"])),
        queue="short",
        ahead=draw(counts),
        held=draw(st.sampled_from(["", "", "", "", "limit", "queue", "worker"])),
        limit=draw(st.integers(0, 20)),
        lines={"short": draw(lines()), "long": draw(lines())},
        speeds=draw(st.dictionaries(st.sampled_from("abc"), st.floats(0, 100))),
        size=draw(st.floats(0, 1e5)),
    )


@given(views(), standings())
def test_a_place_is_at_least_one_and_behind_all_that_surely_come_first(view: JobView, standing: Standing) -> None:
    place = position(view, standing)
    if place is not None:
        assert place >= standing.ahead + 1
        assert place <= standing.ahead + 1 + sum(standing.line.waiting.values())


@given(views(), standings(), st.data())
def test_more_before_it_never_makes_the_place_better_nor_the_wait_shorter(view: JobView, standing: Standing, data: st.DataObject) -> None:
    line = standing.line
    # One more organisation, with as many entries as each is taken to have chained: the same entries in more hands are not more before it.
    its = max(1, math.ceil((brought(line, 1) - 1) / 2))
    lines = [
        replace(line, others=line.others + 1, waiting={**line.waiting, view.priority: line.waiting.get(view.priority, 0) + its}),
        replace(line, waiting={**line.waiting, "high": line.waiting.get("high", 0) + 1}),
        replace(line, mean_s=line.mean_s * 2),
    ]
    worse = data.draw(
        st.sampled_from(
            [replace(standing, ahead=standing.ahead + 1), *(replace(standing, lines={**standing.lines, "short": more}) for more in lines)]
        )
    )
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
    unserved = [
        task
        for task in view.tasks
        if not task.state.ended
        and task.state not in ("running", "joining")
        and not (standing.lines[task.queue].workers or standing.lines[task.queue].running)
    ]
    told = eta_s(view, standing, NOW) is not None
    assert told == (not view.status.ended and not unknown and not unserved and standing.held in ("", "limit"))


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
