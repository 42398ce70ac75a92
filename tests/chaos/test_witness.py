"""Would the chaos run notice? A real log of a sound run, then the same log as it would be had something gone wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobs.model import Completed
from jobs.settings import Settings
from jobs.states import JobStatus
from jobs.store import Store, connect
from scripts import embedded
from tests.chaos import aof, ledger, verdict
from tests.chaos.aof import Command
from tests.chaos.clients import Accepted
from tests.chaos.load import Plan
from tests.chaos.ordeal import Evidence, Form, states_of
from tests.jobs.hands import Hands

OF_THE_LOG = (
    verdict.everything_accepted_is_there,
    verdict.everything_ended_as_it_had_to,
    verdict.no_outcome_is_committed_twice,
    verdict.only_the_holder_commits,
    verdict.every_arrow_is_drawn,
    verdict.nothing_runs_before_what_it_needs,
    verdict.attempts_are_counted,
    verdict.the_log_is_whole,
)
TASKS: tuple[dict[str, Any], ...] = ({"name": "a", "needs": [], "output": "of a"}, {"name": "b", "needs": ["a"], "output": "of b"})


class Sound:
    """A job of two tasks, worked through by hand on a Redis that kept its log."""

    def __init__(self, folder: Path) -> None:
        with embedded.running(folder) as url:
            store = Store(connect(url), Settings(_env_file=None))
            hands = Hands(store)
            self.job = hands.submit(*TASKS)
            for task in TASKS:
                hands.work(Completed(task["output"]))
            self.statuses, self.states = states_of(store)
            self.outputs = {self.job: {task["name"]: json.dumps(task["output"]) for task in TASKS}}
        self.transactions = list(aof.transactions(aof.read(embedded.home(folder))))

    def faults(self, transactions: list[list[Command]], *, forgotten: bool = False) -> set[str]:
        """The names of the checks that do not hold when this is the log, and Redis has (or has not) forgotten the job."""
        evidence: Any = SimpleNamespace(
            form=Form(jobs=1),
            accepted=[Accepted(Plan(0, "acme", TASKS, JobStatus.COMPLETED), self.job, 0.0)],
            clients=SimpleNamespace(faults=[], cut_and_taken=0, cut_and_lost=0, repeated=0),
            settled_at=0.0,
            said="",
            ledger=ledger.read(b"".join(written(each) for each in transactions)),
            statuses={} if forgotten else self.statuses,
            states={} if forgotten else self.states,
            outputs=self.outputs,
        )
        return {check.__name__ for check in OF_THE_LOG if not check(cast(Evidence, evidence)).holds}

    def commit_of(self, task: str) -> int:
        """The place of the transaction in which a task was completed."""
        return next(at for at, writes in enumerate(self.transactions) if [task.encode(), b"completed"] in [write[2:4] for write in writes])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return Sound(tmp_path_factory.mktemp("sound"))


def test_a_sound_run_leaves_no_fault(sound: Sound) -> None:
    assert sound.faults(sound.transactions) == set()


def counted_on(writes: list[Command]) -> list[Command]:
    """The same transaction as it would be written once more: what dependents wait for is counted down again."""

    def once_more(write: Command) -> Command:
        named = zip(write[2::2], write[3::2], strict=True)
        return [
            *write[:2],
            *(part for name, value in named for part in (name, b"%d" % (int(value) - 1) if name.endswith(b":w") else value)),
        ]

    return [once_more(write) if write[0] == b"HSET" else write for write in writes]


def test_a_second_commit_is_seen(sound: Sound) -> None:
    commit = sound.commit_of("a")
    again = [*sound.transactions[: commit + 1], counted_on(sound.transactions[commit]), *sound.transactions[commit + 1 :]]
    assert {"no_outcome_is_committed_twice", "every_arrow_is_drawn", "nothing_runs_before_what_it_needs"} <= sound.faults(again)


def test_a_commit_by_another_run_than_the_holder_is_seen(sound: Sound) -> None:
    commit = sound.commit_of("a")
    without_lease = [write for write in sound.transactions[commit] if write[:2] != [b"ZREM", b"app:leases"]]
    assert sound.faults([*sound.transactions[:commit], without_lease, *sound.transactions[commit + 1 :]]) == {"only_the_holder_commits"}


def test_a_commit_that_was_lost_is_seen(sound: Sound) -> None:
    assert "the_log_is_whole" in sound.faults(sound.transactions[: sound.commit_of("b")])


def test_a_job_that_was_lost_is_seen(sound: Sound) -> None:
    assert sound.faults(sound.transactions, forgotten=True) >= {"everything_accepted_is_there", "the_log_is_whole"}
    assert sound.faults([]) >= {"the_log_is_whole", "attempts_are_counted"}


def test_a_task_that_begins_too_early_is_seen(sound: Sound) -> None:
    commit = sound.commit_of("a")
    begin = next(at for at, writes in enumerate(sound.transactions) if [b"b", b"running"] in [write[2:4] for write in writes])
    assert begin > commit
    order = [*sound.transactions[:commit], sound.transactions[begin], *sound.transactions[commit:begin], *sound.transactions[begin + 1 :]]
    assert "nothing_runs_before_what_it_needs" in sound.faults(order)


def test_a_log_cut_in_its_last_words_is_read_up_to_there(sound: Sound) -> None:
    log = b"".join(written(each) for each in sound.transactions)
    assert list(aof.transactions(log[:-20])) == sound.transactions[:-1]


def written(writes: list[Command]) -> bytes:
    """Return a transaction as it stands in the file."""
    commands = [[b"MULTI"], *writes, [b"EXEC"]]
    return b"".join(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words) for words in commands)
