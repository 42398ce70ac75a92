"""The page between a horse and its supervisor: what is read was written as a whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from workers.pulse import Phase, Pulse

SLOT_1 = 64 + 512  # where beats with an odd number are

WRITER = """
import sys
from workers.pulse import Pulse
pulse = Pulse.attach(int(sys.argv[1]))
number = 0
while True:
    number += 1
    name = f"{number:x}" * 4
    pulse.working(name, name, name, float(number), float(number))
    pulse.sign()
"""


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    pulse = Pulse.create()
    yield pulse
    pulse.close()


def test_a_page_that_nobody_wrote_to_is_of_a_horse_that_starts(pulse: Pulse) -> None:
    assert pulse.read().phase is Phase.STARTING
    assert pulse.read().run == ""


def test_the_reader_sees_what_was_written_last(pulse: Pulse) -> None:
    pulse.claiming("r1")
    assert (pulse.read().phase, pulse.read().next_run) == (Phase.CLAIMING, "r1")
    before = time.monotonic()
    pulse.working("r1", "job-a-3", "transcribe", 60.0, 30.0)
    beat = pulse.read()
    assert (beat.phase, beat.run, beat.rq_job, beat.engine, beat.next_run) == (Phase.WORKING, "r1", "job-a-3", "transcribe", "")
    assert (beat.timeout_s, beat.stall_s) == (60.0, 30.0)
    assert before <= beat.started <= time.monotonic()
    pulse.settling("r1", "job-a-3", "r2")
    assert (pulse.read().phase, pulse.read().run, pulse.read().next_run) == (Phase.SETTLING, "r1", "r2")
    pulse.idle()
    assert (pulse.read().phase, pulse.read().run, pulse.read().next_run) == (Phase.IDLE, "", "")
    pulse.gone()
    assert pulse.read().phase is Phase.GONE


def test_runs_and_their_seconds_are_counted(pulse: Pulse) -> None:
    pulse.working("r1", "job-a", "e", 1.0, 1.0)
    time.sleep(0.01)
    pulse.completed += 1
    pulse.settling("r1", "job-a", "")
    assert (pulse.read().completed, pulse.read().failed) == (1, 0)
    assert pulse.read().busy_s >= 0.01


@pytest.mark.parametrize("written_bytes", [0, 3, 4, 11, 12, 40, 60, 70, 90])
def test_a_writer_killed_while_writing_leaves_what_it_said_before(pulse: Pulse, written_bytes: int) -> None:
    pulse.claiming("r0" * 30)
    older = pulse._page[SLOT_1:]
    pulse.working("r1", "job-a", "e", 1.0, 1.0)
    pulse.settling("r1", "job-a" * 10, "r2")
    newest = pulse._page[SLOT_1:]
    assert older[90:] != newest[90:], "the cut must leave something unwritten"
    pulse._page[SLOT_1:] = newest[:written_bytes] + older[written_bytes:]
    assert pulse.read().phase is Phase.WORKING
    assert pulse.read().run == "r1"


def test_a_page_of_which_nothing_can_be_read_leaves_what_was_read_before(pulse: Pulse) -> None:
    pulse.working("r1", "job-a", "e", 1.0, 1.0)
    assert pulse.read().run == "r1"
    pulse._page[64:] = b"\xff" * (len(pulse._page) - 64)
    assert pulse.read().run == "r1"


def test_names_too_long_for_a_slot_are_refused_and_change_nothing(pulse: Pulse) -> None:
    pulse.idle()
    with pytest.raises(ValueError, match="more than the"):
        pulse.working("r1", "j" * 500, "e", 1.0, 1.0)
    assert pulse.read().phase is Phase.IDLE


def test_a_reader_beside_a_busy_writer_never_sees_a_mixture(pulse: Pulse) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(pulse.fd)], pass_fds=(pulse.fd,))
    try:
        seen: set[int] = set()
        end, newest = time.monotonic() + 20, 0
        while len(seen) < 2000 and time.monotonic() < end:
            beat = pulse.read()
            assert beat.number >= newest, "went back in time"
            newest = beat.number
            if beat.phase is Phase.WORKING:
                assert beat.run == beat.rq_job == beat.engine == f"{int(beat.timeout_s):x}" * 4
                assert beat.stall_s == beat.timeout_s
                seen.add(beat.number)
        assert len(seen) == 2000
        assert pulse.signs() > 0
    finally:
        writer.kill()
        writer.wait()


def test_a_beat_is_cheap(pulse: Pulse) -> None:
    begun = time.perf_counter()
    for _ in range(2000):
        pulse.working("0123456789abcdef", "0123456789abcdef-transcribe-12", "transcribe", 3600.0, 60.0)
    assert (time.perf_counter() - begun) / 2000 < 50e-6  # about 3 µs; the machine may be busy


def test_a_horse_sees_for_how_long_its_supervisor_has_not_looked(pulse: Pulse) -> None:
    assert not pulse.seen
    pulse.look()
    assert pulse.seen
    time.sleep(0.05)
    assert 0.05 <= pulse.unseen_s() < 5
    pulse.look()
    assert pulse.unseen_s() < 0.05
