"""Where tasks run: the zone of their engine, else their own, else the submission's, else the job type's."""

from __future__ import annotations

import pytest

from jobs import show, submit
from jobs.model import Graph, Spawn, Submission, TaskSpec
from jobs.settings import Settings
from jobs.store import Store
from jobs.types import synthetic, transcription
from tests.jobs.hands import Hands


def queues(zones: str = "", zone: str = "") -> dict[str, str]:
    asked = Submission("transcription", {"upload": "u1"}, user="ada", org="acme", zone=zone, admin=True)
    _, _, graph = submit.expand(asked, Settings(zones=zones))
    return {task.name: task.queue for task in graph.tasks}


def test_files_are_inspected_where_the_operator_says_and_the_rest_is_done_elsewhere() -> None:
    found = queues("inspect=ingest,transcribe=gpu")
    assert found == {
        "inspect": "ingest.short",
        "prepare": "long",
        "transcribe": "gpu.long",
        "merge": "short",
        "export": "short",
    }


@pytest.mark.parametrize(("zones", "queue"), [("inspect=ingest", "ingest.long"), ("inspect=ingest,quality=lab", "lab.long"), ("", "long")])
def test_what_opens_files_unseen_does_so_where_inspect_does_unless_it_is_bound(zones: str, queue: str) -> None:
    asked = Submission("quality", {"uploads": ["0" * 24]}, user="ada", org="acme")
    _, _, graph = submit.expand(asked, Settings(zones=zones))
    assert [task.queue for task in graph.tasks] == [queue]


def test_a_submission_of_an_admin_names_a_zone_for_what_is_bound_to_none() -> None:
    found = queues("inspect=ingest", "lab")
    assert (found["inspect"], found["prepare"], found["merge"]) == ("ingest.short", "lab.long", "lab.short")


def test_a_job_type_may_name_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "ZONE", "night", raising=False)
    assert set(queues("").values()) == {"night.short", "night.long"}
    assert queues("", "lab")["prepare"] == "lab.long"


def test_a_tasks_own_zone_comes_before_the_submissions(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Submission(
        "synthetic", {"tasks": [{"name": "a", "zone": "own"}, {"name": "b"}]}, user="ada", org="acme", zone="lab", admin=True
    )
    _, _, graph = submit.expand(asked, Settings())
    assert [task.queue for task in graph.tasks] == ["own.short", "lab.short"]
    _, _, graph = submit.expand(asked, Settings(zones="synthetic=bound"))
    assert [task.queue for task in graph.tasks] == ["bound.short", "bound.short"]


def test_children_of_another_engine_run_where_that_engine_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "expand", lambda params: Graph((TaskSpec("a", "split"),)))
    hands = Hands(Store(store.redis, Settings(zones="decode=gpu")))
    job = hands.submit({"name": "any"})
    claimed = hands.claim()
    hands.record(claimed, Spawn(({},), engine="decode"))
    hands.queues = ("short",)
    assert hands.drain() == []
    hands.queues = ("gpu.short",)
    assert hands.drain() == ["a.0"]
    assert str(show.job(store, job).status) == "completed"
