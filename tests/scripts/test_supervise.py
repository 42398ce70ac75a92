"""The supervisor, on small children of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from scripts.supervise import OFTEN, Command, Part, Supervisor, how_it_ended, pause_before_restart

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
DIES = "raise SystemExit('no good')"
IGNORES_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
HAS_A_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {IGNORES_SIGTERM!r}])
print("child", child.pid, flush=True)
child.wait()
"""


def test_a_killed_part_is_started_again_at_once(tmp_path: Path) -> None:
    async def given_a_killed_part() -> None:
        async with supervised(tmp_path, SLEEPS) as (part, told):
            first = await pid_of(part)

            os.kill(first, signal.SIGKILL)

            await until(lambda: part.pid not in (None, first))
            assert told == ["part was killed by SIGKILL; starting it again"]

    asyncio.run(given_a_killed_part())


def test_what_a_killed_part_leaves_behind_is_killed_too(tmp_path: Path) -> None:
    async def given_a_killed_part_with_a_child() -> None:
        async with supervised(tmp_path, HAS_A_CHILD) as (part, _told):
            first = await pid_of(part)
            await until(lambda: "up" in logged(part))
            child = int(logged(part).split()[1])

            os.kill(first, signal.SIGKILL)

            await until(lambda: not alive(child))

    asyncio.run(given_a_killed_part_with_a_child())


def test_a_part_that_keeps_dying_is_tried_slowly_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.supervise.pause_before_restart", lambda deaths: 30.0 if deaths >= OFTEN else 0.0)

    async def given_a_part_that_dies() -> None:
        async with supervised(tmp_path, DIES) as (part, told):
            await until(lambda: part.deaths == OFTEN)

            assert told[-1] == f"part ended with code 1; that was {OFTEN} times in a row, so it is tried again in 30 s; see {part.log}"
            assert "no good" in part.last_words()

    asyncio.run(given_a_part_that_dies())


def test_the_pauses_between_deaths_grow() -> None:
    assert [pause_before_restart(deaths) for deaths in range(1, OFTEN + 2)] == [0.0, 0.5, 1.0, 2.0, 30.0, 30.0]


def test_a_part_that_cannot_be_found_says_so_in_its_log(tmp_path: Path) -> None:
    async def given_no_such_program() -> None:
        supervisor = Supervisor(tmp_path, lambda _line: None)
        part = supervisor.start(Command("part", ("/no/such/program",), os.environ, 1.0))
        await until(lambda: part.deaths > 0)
        await supervisor.stop([part], asyncio.Event())
        await supervisor.close()
        assert "cannot start /no/such/program: No such file or directory" in part.last_words()

    asyncio.run(given_no_such_program())


def test_a_stopped_part_is_not_started_again(tmp_path: Path) -> None:
    async def given_a_part() -> None:
        async with supervised(tmp_path, SLEEPS) as (part, told):
            await pid_of(part)
        assert part.pid is None
        assert told == []

    asyncio.run(given_a_part())


def test_a_part_told_to_stop_before_it_was_started_ends(tmp_path: Path) -> None:
    async def given_a_part_that_has_not_begun() -> None:
        async with supervised(tmp_path, SLEEPS) as (part, _told):
            pass
        assert part.pid is None

    asyncio.run(given_a_part_that_has_not_begun())


def test_a_part_that_does_not_end_is_killed_after_its_grace(tmp_path: Path) -> None:
    async def given_a_deaf_part() -> None:
        async with supervised(tmp_path, IGNORES_SIGTERM, grace_s=0.3) as (part, told):
            await until(lambda: "up" in logged(part))
        assert told == ["part did not end by itself; killing it"]

    asyncio.run(given_a_deaf_part())


def test_a_second_wish_to_stop_cuts_the_grace_short(tmp_path: Path) -> None:
    async def given_a_deaf_part() -> None:
        hasten = asyncio.Event()
        async with supervised(tmp_path, IGNORES_SIGTERM, grace_s=60) as (part, _told):
            await until(lambda: "up" in logged(part))
            stopping = asyncio.create_task(part.stop(hasten))
            await asyncio.sleep(0)
            hasten.set()
            await asyncio.wait_for(stopping, 10)

    asyncio.run(given_a_deaf_part())


def test_nothing_is_left_of_what_the_parts_started(tmp_path: Path) -> None:
    code = """
    import subprocess, sys, time
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("up", flush=True)
    time.sleep(60)
    """

    async def given_a_part_with_a_child_in_a_session_of_its_own() -> None:
        before = psutil.Process().children(recursive=True)
        async with supervised(tmp_path, textwrap.dedent(code)) as (part, _told):
            await until(lambda: "up" in logged(part))
        assert psutil.Process().children(recursive=True) == before

    asyncio.run(given_a_part_with_a_child_in_a_session_of_its_own())


def test_parts_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
    import asyncio, os, sys
    from pathlib import Path
    from scripts.supervise import Command, Supervisor
    async def main():
        Supervisor(Path({str(tmp_path)!r}), print).start(Command("part", (sys.executable, "-c", {SLEEPS!r}), os.environ, 1.0))
        await asyncio.sleep(60)
    asyncio.run(main())
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    wait_until(lambda: (tmp_path / "part.log").exists() and "up" in (tmp_path / "part.log").read_text())
    [part] = psutil.Process(supervisor.pid).children()

    supervisor.kill()
    supervisor.wait()

    wait_until(lambda: not alive(part.pid))


def test_a_log_that_grew_too_long_is_moved_aside_and_written_on(tmp_path: Path) -> None:
    code = """
    import time
    print("old", flush=True)
    while True:
        print("new", flush=True)
        time.sleep(0.05)
    """

    async def given_a_part_that_writes() -> None:
        async with supervised(tmp_path, textwrap.dedent(code)) as (part, _told):
            await until(lambda: "old\nnew" in logged(part))

            part.trim_log(most_bytes=1)

            await until(lambda: "new" in logged(part))
            assert "old" not in logged(part)
            assert (tmp_path / "part.log.1").read_text().startswith("old\n")

    asyncio.run(given_a_part_that_writes())


def test_how_a_part_ended_is_told_in_words() -> None:
    assert [how_it_ended(code) for code in (0, 3, -9, -64)] == [
        "ended with code 0",
        "ended with code 3",
        "was killed by SIGKILL",
        "was killed by SIGRTMAX",
    ]


@asynccontextmanager
async def supervised(logs: Path, code: str, *, grace_s: float = 10.0) -> AsyncIterator[tuple[Part, list[str]]]:
    """Run Python `code` as a part for as long as the block lasts."""
    told: list[str] = []
    supervisor = Supervisor(logs, told.append)
    part = supervisor.start(Command("part", (sys.executable, "-c", code), os.environ, grace_s))
    try:
        yield part, told
    finally:
        await supervisor.stop([part], asyncio.Event())
        await supervisor.close()


async def pid_of(part: Part) -> int:
    await until(lambda: part.pid is not None)
    assert part.pid is not None
    return part.pid


async def until(holds: Callable[[], object], timeout_s: float = 15.0) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < give_up_at, "it did not come true in time"
        await asyncio.sleep(0.02)


def wait_until(holds: Callable[[], object], timeout_s: float = 15.0) -> None:
    asyncio.run(until(holds, timeout_s))


def logged(part: Part) -> str:
    return part.log.read_text() if part.log.exists() else ""


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
