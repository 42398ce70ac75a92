"""Each rule of the doctor: a fault against it is planted in Redis, named in a sentence, and repaired where that is safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import control, doctor, show
from jobs.doctor import RULES
from jobs.doctor.mend import mend
from jobs.doctor.walk import Walk
from jobs.errors import NotFound
from jobs.store import Store
from tests.doctor import plants_in_jobs, plants_in_order
from tests.doctor.planting import PLANTS, Plant
from tests.jobs.audit import audit
from tests.jobs.hands import Hands

__all__ = ["plants_in_jobs", "plants_in_order"]  # which fill PLANTS

each_plant = pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.plant.__name__)
NOTES = {name for name, rule in RULES.items() if rule.note}


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store, "host:1:hands")


def test_a_fault_is_planted_against_every_rule() -> None:
    assert set().union(*(plant.rules for plant in PLANTS)) == set(RULES)


def test_what_is_repaired_is_what_the_rule_says() -> None:
    for plant in PLANTS:
        if len(plant.rules) == 1:
            (rule,) = plant.rules
            assert RULES[rule].mends is plant.repaired, plant


@each_plant
def test_the_fault_is_named_with_what_to_do(plant: Plant, hands: Hands) -> None:
    plant.plant(hands)
    report = doctor.examine(hands.store, again_s=0)
    assert {fault.rule for fault in report.found} == plant.rules
    assert any(plant.says in fault.says for fault in report.found), [fault.says for fault in report.found]
    assert all(fault.todo and fault.mended is None for fault in report.found)
    assert report.sound is (plant.rules <= NOTES)


@each_plant
def test_what_is_only_looked_at_stays_as_it_is(plant: Plant, hands: Hands) -> None:
    plant.plant(hands)
    before = {key: hands.store.redis.dump(key) for key in hands.store.redis.scan_iter()}
    doctor.examine(hands.store, again_s=0)
    assert {key: hands.store.redis.dump(key) for key in hands.store.redis.scan_iter()} == before


@each_plant
def test_the_fault_is_repaired_where_that_is_safe_and_the_job_completes(plant: Plant, hands: Hands) -> None:
    job = plant.plant(hands)
    report = doctor.examine(hands.store, fix=True, again_s=0, now=hands.now)
    assert all(fault.mended is plant.repaired for fault in report.found if fault.rule not in NOTES or plant.repaired), report.found
    assert report.sound is (plant.repaired or plant.rules <= NOTES)
    if not plant.repaired:
        return
    assert audit(hands.store) == []
    assert doctor.examine(hands.store, fix=True, again_s=0, now=hands.now).found == []
    for kind, names in control.paused(hands.store).items():
        for name in names:
            control.resume(hands.store, name, kind, now=hands.now)
    work_off(hands)
    assert ended(hands, job)
    assert audit(hands.store) == []


@each_plant
def test_a_repair_repeated_changes_nothing(plant: Plant, hands: Hands) -> None:
    plant.plant(hands)
    found = doctor.examine(hands.store, fix=True, again_s=0, now=hands.now).found
    before = {key: hands.store.redis.dump(key) for key in hands.store.redis.scan_iter()}
    again = Walk(hands.store, hands.now)
    again.everything()
    mend(hands.store, [fault for fault in found if fault.mended], again)
    after = {key: hands.store.redis.dump(key) for key in hands.store.redis.scan_iter()}
    assert {key for key in before | after if before.get(key) != after.get(key) and not key.startswith((b"app:bell", b"app:jobs:"))} == set()


def work_off(hands: Hands) -> None:
    """Do all there is to do, in six minutes in which somebody always looks: leases end, delays pass."""
    for _ in range(36):
        hands.drain()
        hands.now += 10


def ended(hands: Hands, job: str) -> bool:
    """Whether the job came to the end it was to come to."""
    try:
        return show.job(hands.store, job).status in ("completed", "cancelled")
    except NotFound:
        return True


def test_each_rule_is_in_the_handbook() -> None:
    handbook = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    assert [rule for rule in RULES if f"`{rule}`" not in handbook] == []
