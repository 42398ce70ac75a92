"""Draw the run as SVG: what was done second by second with the blows above it, and how long each recovery took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from html import escape

from tests.chaos.figures import AWAY, ROWS, Figures, Recovery
from tests.chaos.harm import Kind
from tests.chaos.ordeal import Evidence

Along = Callable[[float], float]  #: from seconds since the beginning to a place on the picture

WIDTH, LEFT, RIGHT = 960, 150, 20
BIN_S = 5
LANES = {
    "Redis away": (Kind.REDIS_KILLED, Kind.REDIS_ENDED),
    "told to leave": (Kind.DEPLOY,),
    "stopped": (Kind.STOPPED, Kind.HORSE_STOPPED, Kind.SUPERVISOR_STOPPED),
    "worker killed": (Kind.SUPERVISOR, Kind.BOTH),
    "horse killed": (Kind.HORSE,),
}
COLOURS = {"Redis away": "#111827", "told to leave": "#2563eb", "stopped": "#d97706", "worker killed": "#b91c1c", "horse killed": "#7c3aed"}
DOTS = {**dict(zip(ROWS, ("#7c3aed", "#b91c1c", "#d97706"), strict=True)), AWAY: "#111827"}
LANE, TOP, BARS, GAP, DOTS_HEIGHT = 18, 34, 150, 64, 190


def draw(evidence: Evidence, figures: Figures) -> str:
    bars_top = TOP + LANE * len(LANES) + 8
    dots_top = bars_top + BARS + GAP
    height = dots_top + DOTS_HEIGHT + 56
    seconds = max(figures.seconds, 1.0)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at / seconds, 0.0), 1.0)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 18, "Runs completed per second, and what was done to the fleet meanwhile", size=14),
        *_lanes(evidence, x),
        *_bars(evidence, seconds, x, bars_top),
        _text(
            LEFT,
            dots_top - 14,
            "Seconds from a blow to a worker that held a run: until its task was in its lane again (dot), until it ran again (ring)",
            size=14,
        ),
        *_dots(evidence, figures.recoveries, x, dots_top),
        *_clock(seconds, x, dots_top + DOTS_HEIGHT),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lanes(evidence: Evidence, x: Along) -> Iterator[str]:
    for row, (name, kinds) in enumerate(LANES.items()):
        y = TOP + LANE * row
        yield _text(LEFT - 8, y + 10, name, anchor="end", colour=COLOURS[name])
        for blow in evidence.blows:
            if blow.kind in kinds and name != "Redis away":
                yield f'<rect x="{x(blow.at - evidence.begun) - 1:.1f}" y="{y}" width="2" height="{LANE - 5}" fill="{COLOURS[name]}"/>'
    for since, until in evidence.outages:
        left, right = x(since - evidence.begun), x(until - evidence.begun)
        yield f'<rect x="{left:.1f}" y="{TOP}" width="{max(right - left, 2):.1f}" height="{LANE - 5}" fill="{COLOURS["Redis away"]}"/>'


def _bars(evidence: Evidence, seconds: float, x: Along, top: int) -> Iterator[str]:
    done = Counter(int((run.ended - evidence.begun) // BIN_S) for run in evidence.ledger.runs.values()
                   if run.ended and run.became in ("completed", "joining"))  # fmt: skip
    most = max([count / BIN_S for count in done.values()], default=1.0)
    yield from _axis(top, BARS, _ticks(most), most)
    for index in range(int(seconds // BIN_S) + 1):
        tall = BARS * done[index] / BIN_S / most
        left, wide = x(index * BIN_S), max(x((index + 1) * BIN_S) - x(index * BIN_S) - 0.6, 0.4)
        yield f'<rect x="{left:.1f}" y="{top + BARS - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="#0f766e"/>'


def _dots(evidence: Evidence, recoveries: Iterable[Recovery], x: Along, top: int) -> Iterator[str]:
    shown = [recovery for recovery in recoveries if recovery.urgent and recovery.waiting_s is not None]
    most = max([recovery.running_s for recovery in shown] + [20.0])
    yield from _axis(top, DOTS_HEIGHT, _ticks(most), most)

    def y(seconds: float | None) -> float:
        return top + DOTS_HEIGHT * (1 - (seconds or 0.0) / most)

    for recovery in shown:
        at, colour, seen, again = x(recovery.blow.at - evidence.begun), DOTS[recovery.row], y(recovery.waiting_s), y(recovery.running_s)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{seen:.1f}" y2="{again:.1f}" stroke="{colour}" stroke-opacity="0.35"/>'
        yield f'<circle cx="{at:.1f}" cy="{again:.1f}" r="3" fill="#ffffff" stroke="{colour}"/>'
        yield f'<circle cx="{at:.1f}" cy="{seen:.1f}" r="3.5" fill="{colour}" fill-opacity="0.8"/>'
    left = LEFT
    for name, colour in DOTS.items():
        yield f'<circle cx="{left + 4}" cy="{top + DOTS_HEIGHT + 44}" r="4" fill="{colour}"/>'
        yield _text(left + 13, top + DOTS_HEIGHT + 48, name, size=11)
        left += 32 + round(5.4 * len(name))


def _axis(top: int, height: int, ticks: Iterable[float], most: float) -> Iterator[str]:
    for tick in ticks:
        y = top + height * (1 - tick / most)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield _text(LEFT - 8, y + 4, f"{tick:g}", anchor="end")


def _ticks(most: float) -> list[float]:
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if most / step <= 5)
    return [step * index for index in range(int(most // step) + 1)]


def _clock(seconds: float, x: Along, y: int) -> Iterator[str]:
    step = 60 if seconds > 150 else 10
    for at in range(0, int(seconds) + 1, step):
        yield _text(x(at), y + 18, f"{at // 60}:{at % 60:02}", anchor="middle")


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#374151", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(words)}</text>'
