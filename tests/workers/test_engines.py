"""Engines are found by name, and what cannot be used here says why."""

from __future__ import annotations

import pytest

from workers import engines


def test_an_engine_is_found_by_its_name() -> None:
    engine = engines.find("synthetic")
    assert (engine.name, engine.stall_s) == ("synthetic", engines.STALL_SECONDS)
    assert engines.find("synthetic") is engine


@pytest.mark.parametrize("name", ["nobody", "../horse", "os.path", "", "Synthetic", "__init__"])
def test_what_is_no_engine_is_unavailable(name: str) -> None:
    with pytest.raises(engines.Unavailable):
        engines.find(name)


def test_a_module_without_run_is_no_engine() -> None:
    with pytest.raises(engines.Unavailable, match=r"has no run\(\)"):
        engines._load("probe")
