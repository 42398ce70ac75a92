"""scripts.admin queues: what waits, and what is to wait."""

from __future__ import annotations

from jobs import control
from jobs.model import Idle
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.scripts.conftest import Admin


def test_queues_are_listed_with_depth_by_priority_and_what_runs(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"}, {"name": "c", "duration": "long", "zone": "gpu"})
    hands.submit({"name": "d"}, priority="high", org="bolt")
    hands.claim()
    found = {queue["queue"]: queue for queue in admin.json("queues", "list")["queues"]}
    assert set(found) == {"gpu.long", "long", "short"}
    assert (found["short"]["priorities"], found["short"]["running"]) == ({"high": 0, "normal": 2, "low": 0, "background": 0}, 1)
    assert found["gpu.long"]["waiting"] == 1
    short = next(line for line in admin("queues", "list").splitlines() if line.startswith("short"))
    assert short.split()[:6] == ["short", "0", "2", "0", "0", "1"]
    assert short.endswith("no worker")
    assert "bolt" not in admin("queues", "list")
    assert "bolt" in admin("queues", "list", "--orgs")


def test_a_queue_is_paused_and_resumed(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"})
    assert admin.json("queues", "pause", "short") == {"kind": "queue", "name": "short", "paused": True, "changed": True}
    assert "paused already" in admin("queues", "pause", "short")
    assert "paused" in admin("queues", "list")
    assert isinstance(hands.look(), Idle)
    assert "goes on" in admin("queues", "resume", "short")
    assert "was not paused" in admin("queues", "resume", "short")
    hands.claim()


def test_an_organisation_is_paused_and_resumed(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"})
    assert admin("queues", "pause", "--org", "acme").strip() == "organisation acme is paused"
    assert isinstance(hands.look(), Idle)
    assert "organisation acme is paused" in admin("queues", "list")
    assert admin.json("queues", "list")["paused"] == {"queue": [], "org": ["acme"], "type": []}
    admin("queues", "resume", "--org", "acme")
    hands.claim()


def test_a_job_type_is_paused_and_resumed(admin: Admin, hands: Hands) -> None:
    hands.submit({"name": "a"})
    admin("queues", "pause", "--type", "synthetic")
    assert isinstance(hands.look(), Idle)
    assert "job type synthetic is paused; held out of their queues: 1 ready task" in admin("queues", "list")
    assert admin.json("queues", "list")["held"] == {"synthetic": 1}
    assert admin("queues", "resume", "--type", "synthetic").strip() == "job type synthetic goes on"
    hands.claim()


def test_what_cannot_be_there_is_not_paused(admin: Admin, store: Store) -> None:
    assert "queue 'lnog' is none: they are called short, long" in admin("queues", "pause", "lnog", code=2)
    assert "unknown job type 'transcript'; known are" in admin("queues", "pause", "--type", "transcript", code=2)
    assert "organisation 'A B' is not of the form" in admin("queues", "pause", "--org", "A B", code=2)
    assert "not allowed with argument" in admin.refused("queues", "pause", "short", "--org", "acme")
    assert "required" in admin.refused("queues", "pause")
    assert "queue 'transcription' is none" in admin("queues", "resume", "transcription", code=2)
    assert control.paused(store) == {"queue": [], "org": [], "type": []}


def test_a_pause_of_what_is_gone_can_be_resumed(admin: Admin, store: Store) -> None:
    control.pause(store, "retired", "type")
    control.pause(store, "lnog")
    admin("queues", "resume", "--type", "retired")
    admin("queues", "resume", "lnog")
    assert control.paused(store) == {"queue": [], "org": [], "type": []}


def test_an_organisation_without_jobs_is_paused_with_a_word_about_it(admin: Admin, store: Store) -> None:
    admin.capsys.readouterr()
    from scripts import admin as command

    assert command.main(["queues", "pause", "--org", "amce"]) == 0
    assert "it is paused all the same" in admin.capsys.readouterr().err
