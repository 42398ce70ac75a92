"""Hold all of Redis against its rules and repair what is safe, as `scripts.admin doctor --fix` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.context import Context

MOST_TOLD = 20


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found, in words and in warnings."""
    from jobs import doctor  # only now: other engines never need it

    report = doctor.examine(context.store, fix=True)
    for fault in report.faults:
        context.log.warning("fault rule=%s mended=%s %s", fault.rule, fault.mended, fault.says)
    mended, count = sum(fault.mended is True for fault in report.faults), len(report.faults)
    says = f"{count} fault{'s' if count != 1 else ''} found, {mended} repaired" if count else "all is sound"
    unmended = [f"{fault.says}: {fault.todo}" for fault in report.faults if fault.mended is not True]
    return {"says": says, "faults": count, "mended": mended, "warnings": unmended[:MOST_TOLD]}
