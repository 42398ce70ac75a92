"""Redis and the model, side by side through whatever may be done to a queue: after each step they are equal."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from jobs.store import Store
from tests.model.machine import Machine
from tests.model.twin import stores

LONG = os.environ.get("LECTERN_LONG") == "1"


def explore(store: Store, examples: int, steps: int) -> None:
    bound: Any = type("BoundMachine", (Machine,), {"stores": stores(store.redis)})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            report_multiple_bugs=False,
            phases=[phase for phase in Phase if phase is not Phase.explain],
        ),
    )


@pytest.mark.timeout(300)
def test_redis_equals_the_model_whatever_is_done_to_it(store: Store) -> None:
    explore(store, examples=60, steps=50)


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.skipif(not LONG, reason="takes half an hour: LECTERN_LONG=1")
def test_redis_equals_the_model_for_half_an_hour(store: Store) -> None:
    explore(store, examples=1500, steps=80)
