"""The report for people, one screen of it, from the figures of `chaos.json` alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import mean
from typing import Any

from tests.chaos.load import ASKS, LENGTH, ORGS

HOW = {
    "horse": "SIGKILL of a horse",
    "supervisor": "SIGKILL of a supervisor",
    "both": "SIGKILL of supervisor and horse; once of all workers together",
    "stopped": "SIGSTOP of supervisor and horse for 1.2 to 1.8 leases, then SIGCONT",
    "horse_stopped": "SIGSTOP of a horse for as long while its supervisor lives",
    "supervisor_stopped": "SIGSTOP of a supervisor for as long while its horse works on",
    "deploy": "SIGTERM of supervisor and horse, as on a deploy; once of all workers together",
    "redis_killed": "SIGKILL of Redis, started again with its append-only file",
    "redis_ended": "SIGTERM of Redis, started again likewise",
}
GROUPS = {
    "the one that asks for three times as much": [org for org in ORGS if ASKS[org] == 3],
    "four with long tasks": [org for org in ORGS if LENGTH[org] > 1],
    "four with many short tasks": [org for org in ORGS if LENGTH[org] < 1],
    "the other eleven": [org for org in ORGS if LENGTH[org] == 1 and ASKS[org] == 1],
}

Told = dict[str, Any]


def write_page(told: Told) -> str:
    parts = [*_head(told), *_done(told), *_held(told), *_recovery(told), *_throughput(told), *_known(told)]
    return "\n\n".join(parts) + "\n"


def _head(told: Told) -> Iterator[str]:
    form, meddling, broken = told["form"], told["meddling"], [check for check in told["checks"] if not check["holds"]]
    yield "# Chaos: what was done to a fleet, and what came of it"
    verdict = f"{len(broken)} of {len(told['checks'])} promises were broken" if broken else "Everything that was promised held"
    yield paragraph(f"""
        Written by `make chaos` on {datetime.fromisoformat(told["when"]):%d %B %Y at %H:%M} UTC, seed {form["seed"]}; every figure is in
        [chaos.json](chaos.json). **{verdict}.**
        """)
    yield paragraph(f"""
        {form["workers"]} workers (`python -m workers short long`) with a lease of {form["lease_s"]:g} s, and one Redis with
        `appendfsync always`. {form["jobs"]:,} jobs of six tasks over {len(ORGS)} organisations: graphs with children, tasks that may
        fail, failing attempts, backoffs, tasks that kill their worker. All were submitted within
        {minutes(told["submitted_after_seconds"])} and had ended after {minutes(told["settled_after_seconds"])}.
        {meddling.get("cancel", 0)} were to be cancelled on the way, {meddling.get("cancel_and_retry", 0)} cancelled and retried,
        {meddling.get("retry_failed", 0)} retried after they had failed, and of {meddling.get("retry_skipped", 0)} a skipped task was
        retried.
        """)


def _done(told: Told) -> Iterator[str]:
    yield table(["done to it", "times"], [[how, told["blows"].get(kind, 0)] for kind, how in HOW.items()], right=1)
    yield "![Runs completed per second with the blows above them, and the time that each recovery took](chaos.svg)"


def _held(told: Told) -> Iterator[str]:
    rows = [
        [check["promise"], check["counted"], "held" if check["holds"] else f"**{len(check['faults'])} faults**"] for check in told["checks"]
    ]
    yield table(["what had to hold", "counted", ""], rows)


def _recovery(told: Told) -> Iterator[str]:
    yield "## Recovery"
    yield paragraph(f"""
        Seconds from the blow to a worker that held a run until its task stood in its lane again, and until it ran again, elsewhere or
        on the successor. A horse's death is seen by its supervisor at once, a whole worker's when its lease has ended. Running again
        includes the wait for the organisation's turn, for all workers had enough to do: a long one where it was ahead of its share.
        Tasks of low and background priority, which wait longer, are not in it. {told["blows_that_hit_no_run"]} more blows hit a worker
        that held nothing, or whose outcome was
        under way.
        """)
    rows = []
    for row, spreads in told["recovery"].items():
        waiting, running = spreads["waiting"], spreads["running"]
        rows.append([row, waiting["count"] if waiting else 0, *cells(waiting), *cells(running)])
    yield table(["after", "times", "in its lane: median", "p99", "max", "running: median", "p99", "max"], rows, right=7)


def _throughput(told: Told) -> Iterator[str]:
    done, stretch, longest_stop_s = told["throughput"], told["stretch_of_tasks"], 1.8 * told["form"]["lease_s"]
    yield "## Throughput and fairness"
    yield paragraph(f"""
        {done["runs_completed_per_second"]:.1f} runs completed per second,
        {done["runs_completed_per_second_in_the_best_ten_seconds"]:.0f} in the best ten; {done["jobs_per_second"]:.2f} jobs. Runs held
        {100 * done["share_of_the_workers_time_in_runs"]:.0f} % of the workers' time, those of the dead and the stopped included. Tasks
        sleep 0 to 1.5 s, stretched {stretch["least"]:.1f} to {stretch["most"]:.1f} times so that the fleet was not short of work and
        yet came to its end.
        """)
    for shares in told["fairness"]:
        yield paragraph(f"""
        While every organisation had a task of normal priority waiting in `{shares["queue"]}`, {shares["seconds_in_which_all_waited"]:.0f} s
        in all, Jain's index over the worker-seconds that they got there was **{shares["jain"]:.3f}** (1 is the same for all). What a
        worker held after it had died or was stopped serves nobody and is not in it; with it the index is
        {shares["jain_with_what_the_dead_held"]:.3f}. An organisation had {mean(shares["worker_seconds"].values()):.0f} worker-seconds on
        average; a run whose horse is stopped under a living supervisor keeps its lease, is charged and counts:
        {longest_stop_s:.0f} s at most.
        """)
    if not told["fairness"]:
        yield "There was no time to speak of in which every organisation had work waiting: no index of fairness."
    longest = max(told["fairness"], key=lambda shares: shares["seconds_in_which_all_waited"], default=None)
    rows = []
    for name, orgs in GROUPS.items():
        waits = [told["waits"][org] for org in orgs if org in told["waits"]]
        got = [longest["worker_seconds"][org] for org in orgs] if longest else []
        jobs = span([told["jobs"][org] for org in orgs], 0)
        rows.append([name, jobs, span(got, 1), span([wait["median"] for wait in waits], 2), span([wait["p99"] for wait in waits], 1)])
    where = f"in `{longest['queue']}` then" if longest else "then"
    yield table(["organisations", "jobs each", f"worker-seconds each {where}", "wait of a ready task, s: median", "p99"], rows, right=4)


def _known(told: Told) -> Iterator[str]:
    machine, versions = told["machine"], ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    away = ", ".join(f"{seconds:.1f}" for seconds in told["redis_away_seconds"])
    yield "## How it is known"
    yield paragraph("""
        Redis's append-only file holds every write, script by script, each all or nothing; it was never rewritten, and no line of
        Lectern writes it. `tests/chaos/ledger.py` reads it from the first byte to the last and follows every task from state to state,
        with the run whose lease the same transaction gave up; `tests/chaos/verdict.py` holds that against what was submitted. Played to
        its end the log gives what Redis holds, so nothing is missing from it; and what the workers' own logs say was acknowledged to
        them stands in it.
        """)
    yield paragraph(f"""
        {versions}; {machine["cores"]} cores, {machine["memory_gb"]} GB, {machine["system"]}, shared with other work: load average
        {machine["load_average_mean"]:.1f}, at most {machine["load_average_max"]:.1f}. Redis was away for {away} s.
        """)


def paragraph(words: str) -> str:
    return textwrap.fill(" ".join(words.split()), 140, break_long_words=False, break_on_hyphens=False)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, right: int = 0) -> str:
    """Return a table whose last `right` columns are numbers."""
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (heads, rule, *rows))


def cells(spread: dict[str, float] | None) -> list[str]:
    return [f"{spread[name]:.2f}" for name in ("median", "p99", "max")] if spread else ["–"] * 3


def span(values: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def minutes(seconds: float | None) -> str:
    if seconds is None:
        return "the time given (they had not)"
    return f"{round(seconds) // 60} min {round(seconds) % 60:02} s" if seconds >= 60 else f"{seconds:.0f} s"
