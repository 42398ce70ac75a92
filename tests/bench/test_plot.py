"""Plots are whole SVG documents that show every value, to scale."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench import plot

SVG = "{http://www.w3.org/2000/svg}"


def words(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_bars_grow_by_the_same_length_for_each_power_of_ten() -> None:
    values = [("no-op", "stock RQ", 10.0), ("no-op", "Lectern", 1000.0), ("graph", "stock RQ", 1.0), ("graph", "Lectern", 100.0)]

    root = ElementTree.fromstring(plot.bars("Jobs & tasks", values, unit="jobs a second"))

    bars = [element for element in root.iter(f"{SVG}rect") if element.get("class") == "bar"]
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths[0] - widths[2] == pytest.approx(widths[3] - widths[0], abs=2)
    assert widths[1] - widths[3] == pytest.approx(widths[3] - widths[0], abs=2)
    assert [bar.get("fill") for bar in bars] == [plot.COLOURS[0], plot.COLOURS[1]] * 2
    assert {"Jobs & tasks", "no-op, stock RQ", "1,000"} <= set(words(root))


def test_a_line_goes_from_left_to_right_and_higher_is_more() -> None:
    root = ElementTree.fromstring(plot.line("Time", [(200_000, 120.0), (100, 100.0), (1000, 50.0)], across="waiting", up="µs"))

    places = [(float(dot.get("cx", "0")), float(dot.get("cy", "0"))) for dot in root.iter(f"{SVG}circle")]
    assert places == sorted(places)
    assert places[1][1] > places[0][1] > places[2][1], "y counts from the top"
    assert {"100", "1,000", "200,000", "waiting", "µs"} <= set(words(root))


def test_everything_is_drawn_within_the_picture() -> None:
    drawn = plot.line("Time", [(100, 3.0), (10_000, 97.0)], across="waiting", up="µs")

    _, _, width, height = (float(side) for side in ElementTree.fromstring(drawn).get("viewBox", "").split())
    for dot in ElementTree.fromstring(drawn).iter(f"{SVG}circle"):
        assert 0 < float(dot.get("cx", "-1")) < width
        assert 0 < float(dot.get("cy", "-1")) < height


@pytest.mark.parametrize(("most", "step"), [(10, 2), (97, 20), (120, 20), (290, 50), (0.4, 0.1), (6, 1)])
def test_the_scale_goes_in_round_steps(most: float, step: float) -> None:
    assert plot.nice_step(most) == pytest.approx(step)


def test_a_single_value_can_be_drawn() -> None:
    assert ElementTree.fromstring(plot.bars("One", [("a", "b", 7.0)], unit="jobs"))
