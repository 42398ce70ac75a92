"""Write what was done, what was verified and what was measured: for people, for programs, and as a picture."""

from __future__ import annotations

import json
import os
import platform
import statistics
import tomllib
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.chaos.figures import AWAY, ROWS, Figures, Spread
from tests.chaos.fleet import ROOT
from tests.chaos.ordeal import Evidence
from tests.chaos.page import write_page
from tests.chaos.plot import draw
from tests.chaos.verdict import Check


def write(folder: Path, evidence: Evidence, checks: list[Check], figures: Figures) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = tell(evidence, checks, figures)
    (folder / "chaos.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "chaos.md").write_text(write_page(told))
    (folder / "chaos.svg").write_text(draw(evidence, figures))


def tell(evidence: Evidence, checks: list[Check], figures: Figures) -> dict[str, Any]:
    """Return every figure as JSON; times in seconds."""
    clients = evidence.clients
    told = {
        "when": datetime.fromtimestamp(evidence.begun, UTC).isoformat(timespec="seconds"),
        "holds": all(check.holds for check in checks),
        "form": asdict(evidence.form),
        "submitted_after_seconds": evidence.submitted_at and evidence.submitted_at - evidence.begun,
        "settled_after_seconds": evidence.settled_at and evidence.settled_at - evidence.begun,
        "blows": Counter(blow.kind.name.lower() for blow in evidence.blows),
        "redis_away_seconds": [until - since for since, until in evidence.outages],
        "checks": [asdict(check) | {"holds": check.holds, "faults": check.faults[:50]} for check in checks],
        "recovery": {row: _recovery(figures, row) for row in (*ROWS, AWAY)},
        "blows_that_hit_no_run": figures.unharmed,
        "throughput": {
            "runs": len(evidence.ledger.runs),
            "runs_completed_per_second": figures.runs_per_s,
            "runs_completed_per_second_in_the_best_ten_seconds": figures.peak_runs_per_s,
            "jobs_per_second": figures.jobs_per_s,
            "share_of_the_workers_time_in_runs": figures.busy,
        },
        "fairness": [
            {
                "queue": shares.queue,
                "seconds_in_which_all_waited": shares.contended_s,
                "jain": shares.jain(shares.worked_s),
                "jain_with_what_the_dead_held": shares.jain(shares.held_s),
                "worker_seconds": shares.worked_s,
                "worker_seconds_with_what_the_dead_held": shares.held_s,
            }
            for shares in figures.shares
        ],
        "jobs": figures.jobs_each,
        "waits": {org: asdict(spread) for org, spread in figures.waits.items()},
        "meddling": Counter(one.plan.meddling.name.lower() for one in evidence.accepted),
        "clients": {
            "cut_after_their_job_was_made": clients.cut_and_taken,
            "cut_before": clients.cut_and_lost,
            "sent_again_after_an_answer": clients.repeated,
            "longest_wait_for_an_answer_seconds": max(clients.waited_s, default=0.0),
        },
        "stretch_of_tasks": {"least": min(clients.stretches), "most": max(clients.stretches)},
        "versions": _versions(evidence),
        "machine": _machine() | {"load_average_mean": statistics.mean(evidence.loads), "load_average_max": max(evidence.loads)},
    }
    return {name: _rounded(value) for name, value in told.items()}


def _recovery(figures: Figures, row: str) -> dict[str, Any]:
    found = [recovery for recovery in figures.recoveries if recovery.row == row]
    spreads = {
        "waiting": Spread.of(recovery.waiting_s for recovery in found if recovery.waiting_s is not None),
        "running": Spread.of(recovery.running_s for recovery in found if recovery.urgent),
        "running_of_any_priority": Spread.of(recovery.running_s for recovery in found),
    }
    return {name: spread and asdict(spread) for name, spread in spreads.items()}


def _versions(evidence: Evidence) -> dict[str, str]:
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    redis = evidence.redis.removeprefix("Redis ")
    return {"Lectern": own, "Python": platform.python_version(), "Redis": redis, "rq": version("rq"), "redis-py": version("redis")}


def _machine() -> dict[str, Any]:
    """Say what ran it, without a name of anything."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count(), "memory_gb": round(memory / 1e9), "system": f"{platform.system()} on {platform.machine()}"}


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value
