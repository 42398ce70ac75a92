"""Draw plots as SVG text: bars over a scale of powers of ten, and a line of points. Pure, and nothing but the standard library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.figures import number

WIDTH = 720
INK, FAINT, PAPER = "#24292f", "#d0d7de", "#ffffff"  #: its own paper, so that it can be read on a dark page too
COLOURS = ("#9a6700", "#0969da", "#1a7f37", "#8250df")
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 56, 56
BAR, GAP = 24, 10
LABEL_WIDTH = 210
LINE_HEIGHT = 320


def bars(title: str, values: Sequence[tuple[str, str, float]], *, unit: str) -> str:
    """Return a bar for each (label, side, value), coloured by side, over powers of ten. Values are more than 0."""
    sides = list(dict.fromkeys(side for _, side, _ in values))
    lowest = 10.0 ** math.floor(math.log10(min(value for _, _, value in values)))
    decades = max(1, math.ceil(math.log10(max(value for _, _, value in values) / lowest)))
    span = WIDTH - LABEL_WIDTH - RIGHT - 60

    def along(value: float) -> float:
        return LABEL_WIDTH + span * math.log10(value / lowest) / decades

    bottom = TOP + len(values) * (BAR + GAP)
    parts = [text(LEFT / 4, 26, title, weight="600", size=15)]
    for power in range(decades + 1):
        x = along(lowest * 10**power)
        parts += [rule(x, TOP - 6, x, bottom), text(x, bottom + 18, number(lowest * 10**power), anchor="middle")]
    for n, (label, side, value) in enumerate(values):
        y, colour = TOP + n * (BAR + GAP), COLOURS[sides.index(side) % len(COLOURS)]
        width = max(along(value) - LABEL_WIDTH, 1)
        parts += [
            text(LABEL_WIDTH - 10, y + BAR * 0.7, f"{label}, {side}", anchor="end"),
            f'<rect class="bar" x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
            text(LABEL_WIDTH + width + 6, y + BAR * 0.7, number(value)),
        ]
    parts.append(text(LABEL_WIDTH, bottom + 38, f"{unit}, each line ten times the one before"))
    return drawing(title, bottom + BOTTOM, parts)


def line(title: str, points: Sequence[tuple[float, float]], *, across: str, up: str) -> str:
    """Return a line through (x, y) points, x over powers of ten, y from 0. All x are more than 0, and there are two at least."""
    points = sorted(points)
    first, last = math.log10(points[0][0]), math.log10(points[-1][0])
    step = nice_step(max(y for _, y in points) * 1.2)
    steps = math.ceil(max(y for _, y in points) * 1.1 / step)
    bottom, width = LINE_HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + width * (math.log10(x) - first) / (last - first), bottom - (bottom - TOP) * y / (step * steps)

    parts = [text(LEFT / 4, 26, title, weight="600", size=15)]
    for n in range(steps + 1):
        _, y = place(points[0][0], n * step)
        parts += [rule(LEFT, y, WIDTH - RIGHT, y), text(LEFT - 8, y + 4, number(n * step), anchor="end")]
    parts.append(text(LEFT - 8, TOP - 10, up, anchor="end"))
    placed = [place(x, y) for x, y in points]
    trail = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    parts.append(f'<polyline points="{trail}" fill="none" stroke="{COLOURS[1]}" stroke-width="2"/>')
    for (x, y), (of_x, of_y) in zip(placed, points, strict=True):
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[1]}"/>',
            text(x, y - 10, number(of_y), anchor="middle"),
            text(x, bottom + 18, number(of_x), anchor="middle"),
        ]
    parts.append(text(LEFT + width / 2, bottom + 40, across, anchor="middle"))
    return drawing(title, LINE_HEIGHT, parts)


def nice_step(most: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides `most` into about five."""
    power = 10.0 ** math.floor(math.log10(most / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if most / (power * factor) <= 6)


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}">{escape(words)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{FAINT}"/>'


def drawing(title: str, height: float, parts: Sequence[str]) -> str:
    return "\n".join(framed(title, height, parts)) + "\n"


def framed(title: str, height: float, parts: Sequence[str]) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" font-family="sans-serif" fill="{INK}">'
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    yield from parts
    yield "</svg>"
