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


@pytest.mark.timeout(0 if LONG else 300)
def test_redis_equals_the_model_whatever_is_done_to_it(store: Store) -> None:
    bound: Any = type("BoundMachine", (Machine,), {"stores": stores(store.redis)})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=int(os.environ.get("LECTERN_EXAMPLES", "2000")) if LONG else 60,
            stateful_step_count=80 if LONG else 50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=[phase for phase in Phase if phase is not Phase.explain],
            report_multiple_bugs=False,
        ),
    )
