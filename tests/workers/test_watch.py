"""When a horse is told to stop, and when it is killed; with time given."""

from __future__ import annotations

import pytest

from workers.orders import Why
from workers.pulse import Beat, Phase
from workers.watch import SILENCE_S, STOP_GRACE_S, TIMEOUT_GRACE_S, Kill, Stop, Watch


def working(number: int = 2, run: str = "r1", timeout_s: float = 100.0, stall_s: float = 30.0) -> Beat:
    return Beat(number, Phase.WORKING, run, "job-a", "e", started=1000.0, timeout_s=timeout_s, stall_s=stall_s)


def test_a_horse_at_work_that_gives_signs_is_left_alone() -> None:
    watch = Watch(1000.0)
    for second in range(100):
        assert watch.judge(working(), second, 1000.0 + second) is None


def test_an_engine_that_falls_silent_is_killed_after_its_own_time() -> None:
    watch = Watch(1000.0)
    assert watch.judge(working(), 1, 1001.0) is None
    assert watch.judge(working(), 1, 1030.9) is None
    assert watch.judge(working(), 1, 1031.1) == Kill("engine e gave no sign of life for 30 s")


def test_a_time_in_which_the_supervisor_itself_was_stopped_is_not_its_horses_silence() -> None:
    watch = Watch(1000.0)
    assert watch.judge(working(), 1, 1001.0) is None
    watch.excuse(60.0)
    assert watch.judge(working(), 1, 1061.0) is None
    assert watch.judge(working(), 1, 1091.1) == Kill("engine e gave no sign of life for 30 s")


def test_a_new_beat_is_a_sign_of_life() -> None:
    watch = Watch(1000.0)
    assert watch.judge(working(2, stall_s=5), 1, 1004.0) is None
    assert watch.judge(working(4, "r2", stall_s=5), 1, 1008.0) is None
    assert watch.judge(working(4, "r2", stall_s=5), 1, 1012.0) is None


def test_a_run_past_its_timeout_is_told_once_and_then_killed() -> None:
    watch = Watch(1000.0)
    assert watch.judge(working(), 1, 1099.0) is None
    assert watch.judge(working(), 2, 1100.5) == Stop("r1", Why.TIMEOUT)
    assert watch.judge(working(), 3, 1101.0) is None
    assert watch.judge(working(), 4, 1100.0 + TIMEOUT_GRACE_S) is None
    assert watch.judge(working(), 5, 1100.5 + TIMEOUT_GRACE_S) == Kill("timed out after 100 s")


@pytest.mark.parametrize("why", [Why.CANCELLED, Why.STALE])
def test_a_run_that_does_not_stop_when_told_is_killed(why: Why) -> None:
    watch = Watch(1000.0)
    assert watch.told_to_stop("r1", why, 1010.0)
    assert not watch.told_to_stop("r1", why, 1011.0), "once is enough"
    assert watch.judge(working(), 1, 1010.0 + STOP_GRACE_S) is None
    assert isinstance(watch.judge(working(), 2, 1010.5 + STOP_GRACE_S), Kill)


def test_the_next_run_does_not_suffer_for_the_one_before() -> None:
    watch = Watch(1000.0)
    watch.told_to_stop("r1", Why.CANCELLED, 1001.0)
    assert watch.judge(working(4, "r2"), 1, 1001.0) is None
    assert watch.judge(working(4, "r2"), 2, 1020.0) is None


def test_a_run_that_is_being_recorded_has_neither_timeout_nor_grace() -> None:
    watch = Watch(1000.0)
    watch.told_to_stop("r1", Why.STALE, 1001.0)
    settling = Beat(3, Phase.SETTLING, "r1", "job-a", next_run="r2", started=900.0)
    assert watch.judge(settling, 1, 1050.0) is None


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.IDLE, Phase.CLAIMING, Phase.SETTLING, Phase.GONE])
def test_a_horse_that_hangs_outside_an_engine_is_killed(phase: Phase) -> None:
    watch = Watch(1000.0)
    assert watch.judge(Beat(1, phase), 0, 1001.0) is None
    assert watch.judge(Beat(1, phase), 0, 1001.0 + SILENCE_S) is None
    assert isinstance(watch.judge(Beat(1, phase), 0, 1001.5 + SILENCE_S), Kill)
