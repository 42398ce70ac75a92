"""Draw a recording as SVG: its wave, silence, clipping and damage above, its loudness over time below. Pure text, no library."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

WIDTH, LEFT, RIGHT = 960, 46, 12
WAVE_TOP, WAVE_HEIGHT = 30, 130
LOUD_TOP, LOUD_HEIGHT = 178, 92
HEIGHT = LOUD_TOP + LOUD_HEIGHT + 26
LOUDEST, QUIETEST = 0.0, -60.0  #: LUFS, of the lower scale
GUIDES = (-10, -20, -35, -50)
SHOWN_SILENCE_S = 0.5
MOST_TICKS = 10
Along = Callable[[float], float]  #: from seconds to where they are drawn

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)

#: By day and by night. In a page that shows many, it stands once, in the page.
STYLE = """<style>
.q-pic{--paper:#fff;--ink:#1e2227;--muted:#5d636c;--line:#e3e1da;--wave:#3a5bc7;--loud:#1d6b40;--still:#ecebe7;--bad:#c0392b;--hurt:#e8a33d;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){.q-pic{--paper:#1c1f25;--ink:#e7e5e0;--muted:#a2a8b3;--line:#2f343d;--wave:#93acff;
--loud:#86d6a5;--still:#2a2e35;
--bad:#ff7b70;--hurt:#edc178}}
.q-pic .paper{fill:var(--paper)}.q-pic text{fill:var(--muted)}.q-pic .name{fill:var(--ink);font-weight:600;font-size:13px}
.q-pic .line{stroke:var(--line)}.q-pic .still{fill:var(--still)}.q-pic .wave{fill:var(--wave)}.q-pic .clip{stroke:var(--bad);stroke-width:2}
.q-pic .hurt{fill:var(--hurt);opacity:.45}.q-pic .loud{fill:none;stroke:var(--loud);stroke-width:1.5;stroke-linejoin:round}
.q-pic .mean{stroke:var(--ink);stroke-dasharray:5 4;opacity:.6}
</style>"""


def draw(title: str, columns: dict[str, Any], found: dict[str, Any]) -> str:
    """Return a picture of what `Columns.told` and `check` tell of a recording."""
    length_s: float = max(found["seconds"], columns["seconds"] * len(columns["lufs"]), 0.1)

    def along(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at_s / length_s, 0.0), 1.0)

    label = escape(printable(f"{title}: wave, and loudness over {length_s:.0f} seconds"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="q-pic" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">',
        STYLE,
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        words(LEFT, 19, title[:100], kind="name"),
        *stretches("still", silent(columns), along),
        *time_scale(length_s, along),
        *loudness_scale(),
        *wave(columns, along),
        *stretches("hurt", widened(found["damage"], length_s), along),
        *clips(columns, along),
        *loudness(columns, along),
    ]
    level = found["loudness_lufs"]
    if level is not None:
        y = height_of(level)
        parts.append(f'<line class="mean" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(words(WIDTH - RIGHT - 4, y - 4, f"{level:.1f} LUFS".replace("-", "\N{MINUS SIGN}"), anchor="end"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def words(x: float, y: float, said: str, *, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(printable(said))}</text>'


def printable(text: str) -> str:
    """Return `text` without what XML cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def stretches(kind: str, found: list[tuple[float, float]], along: Along) -> list[str]:
    boxes = ((along(start), along(end)) for start, end in found)
    return [
        f'<rect class="{kind}" x="{x:.1f}" y="{WAVE_TOP}" width="{max(end - x, 0.5):.1f}" height="{LOUD_TOP + LOUD_HEIGHT - WAVE_TOP}"/>'
        for x, end in boxes
    ]


def silent(columns: dict[str, Any]) -> list[tuple[float, float]]:
    """Return the stretches of silent columns, joined, without pauses between words."""
    found: list[tuple[float, float]] = []
    for n, still in enumerate(columns["silent"]):
        start, end = n * columns["seconds"], (n + 1) * columns["seconds"]
        if still and found and abs(found[-1][1] - start) < 1e-6:
            found[-1] = found[-1][0], end
        elif still:
            found.append((start, end))
    return [(start, end) for start, end in found if end - start >= SHOWN_SILENCE_S]


def widened(found: list[list[float]], seconds: float) -> list[tuple[float, float]]:
    """Return stretches as wide as it takes to be seen."""
    return [(start, max(end, start + seconds / 300)) for start, end in found]


def wave(columns: dict[str, Any], along: Along) -> list[str]:
    middle, half = WAVE_TOP + WAVE_HEIGHT / 2, WAVE_HEIGHT / 2
    count = len(columns["lowest"])
    if not count:
        return []

    def y(value: float) -> float:
        return middle - half * min(max(value, -1.0), 1.0)

    xs = [along((n + 0.5) * columns["seconds"]) for n in range(count)]
    above = [f"{x:.1f},{y(value) - 0.4:.1f}" for x, value in zip(xs, columns["highest"], strict=True)]
    below = [f"{x:.1f},{y(value) + 0.4:.1f}" for x, value in zip(xs, columns["lowest"], strict=True)]
    return [f'<polygon class="wave" points="{" ".join([*above, *reversed(below)])}"/>']


def clips(columns: dict[str, Any], along: Along) -> list[str]:
    places = sorted({round(along((n + 0.5) * columns["seconds"])) for n, clipped in enumerate(columns["clipped"]) if clipped})
    ticks = "".join(f"M{x} {WAVE_TOP - 5}v7M{x} {WAVE_TOP + WAVE_HEIGHT - 2}v7" for x in places)
    return [f'<path class="clip" d="{ticks}"/>'] if ticks else []


def loudness(columns: dict[str, Any], along: Along) -> list[str]:
    """Draw the loudness, smoothed over 3 s where columns are narrower than that."""
    energies = [10 ** (level / 10) if level is not None else 0.0 for level in columns["lufs"]]
    reach = max(round(3.0 / columns["seconds"]), 1)
    sums = [0.0]
    for energy in energies:
        sums.append(sums[-1] + energy)
    points = []
    for n in range(len(energies)):
        first = max(n + 1 - reach, 0)
        mean = max(sums[n + 1] - sums[first], 0.0) / (n + 1 - first)
        level = 10 * math.log10(mean) if mean > 1e-9 else QUIETEST
        points.append(f"{along((n + 0.5) * columns['seconds']):.1f},{height_of(level):.1f}")
    return [f'<polyline class="loud" points="{" ".join(points)}"/>'] if points else []


def height_of(level: float) -> float:
    share = (LOUDEST - min(max(level, QUIETEST), LOUDEST)) / (LOUDEST - QUIETEST)
    return LOUD_TOP + LOUD_HEIGHT * share


def loudness_scale() -> list[str]:
    lines = []
    for level in GUIDES:
        y = height_of(level)
        lines.append(f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(words(LEFT - 6, y + 4, f"\N{MINUS SIGN}{-level}", anchor="end"))
    middle = WAVE_TOP + WAVE_HEIGHT / 2
    lines.append(f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    return [*lines, words(LEFT - 6, WAVE_TOP + 9, "wave", anchor="end"), words(LEFT - 6, LOUD_TOP + 2, "LUFS", anchor="end")]


def time_scale(seconds: float, along: Along) -> list[str]:
    step = next((step for step in STEPS_S if seconds / step <= MOST_TICKS), math.ceil(seconds / MOST_TICKS / 3600) * 3600)
    ticks = []
    for n in range(int(seconds / step) + 1):
        x, minutes = along(n * step), n * step // 60
        said = f"{minutes // 60}:{minutes % 60:02}:{n * step % 60:02}" if seconds >= 3600 else f"{minutes}:{n * step % 60:02}"
        ticks.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{WAVE_TOP}" y2="{LOUD_TOP + LOUD_HEIGHT}"/>')
        ticks.append(words(x, HEIGHT - 8, said, anchor="middle" if n else "start"))
    return ticks
