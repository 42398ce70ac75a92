"""What a picture of a recording is drawn from: at most so many columns, however long it is; two become one when there are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MOST = 640
#: Of each column: lowest and highest sample; summed over its tenths of a second: K-weighted energy, silent ones, all, clipped samples.
LOWEST, HIGHEST, ENERGY, SILENT, COUNT, CLIPPED = range(6)


class Columns:
    def __init__(self) -> None:
        self.each = 1  #: tenths of a second in a column
        self.full = np.zeros((0, 6))
        self.begun = np.zeros((0, 6))  #: tenths that do not fill a column yet

    def add(self, tenths: Values) -> None:
        """Add a row for each tenth of a second."""
        waiting = np.concatenate([self.begun, tenths])
        while len(self.full) + len(waiting) // self.each >= MOST:
            odd = self.full[len(self.full) // 2 * 2 :]
            if len(odd):  # the last column has no partner yet: its tenths wait again, as one of their mean
                waiting = np.concatenate([spread(odd[0], self.each), waiting])
            self.full = merged(self.full[: len(self.full) // 2 * 2], 2)
            self.each *= 2
        fills = len(waiting) // self.each * self.each
        self.full = np.concatenate([self.full, merged(waiting[:fills], self.each)])
        self.begun = waiting[fills:]

    def rows(self) -> Values:
        """Return all columns, the last one perhaps of fewer tenths."""
        return np.concatenate([self.full, merged(self.begun, len(self.begun))]) if len(self.begun) else self.full

    def told(self) -> dict[str, Any]:
        """Return the columns in few characters: seconds of each, and lists of numbers."""
        rows = self.rows()
        counts = np.maximum(rows[:, COUNT], 1)
        with np.errstate(divide="ignore"):
            loudness = -0.691 + 10 * np.log10(rows[:, ENERGY] / counts)
        return {
            "seconds": self.each / 10,
            "lowest": [round(float(value), 3) for value in rows[:, LOWEST]],
            "highest": [round(float(value), 3) for value in rows[:, HIGHEST]],
            "lufs": [round(float(value), 1) if value > -90 else None for value in loudness],
            "silent": [bool(row[SILENT] >= row[COUNT]) for row in rows],
            "clipped": [bool(row[CLIPPED]) for row in rows],
        }


def merged(rows: Values, each: int) -> Values:
    """Return one row for `each` of `rows`, of which there are as many as fill them."""
    if not len(rows):
        return np.zeros((0, 6))
    groups = rows.reshape(-1, each, 6)
    joined: Values = groups.sum(axis=1)
    joined[:, LOWEST] = groups[:, :, LOWEST].min(axis=1)
    joined[:, HIGHEST] = groups[:, :, HIGHEST].max(axis=1)
    return joined


def spread(row: Values, tenths: int) -> Values:
    rows = np.repeat(row[None, :], tenths, axis=0)
    rows[:, ENERGY:] /= tenths
    return rows
