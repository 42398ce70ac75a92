"""What an idle worker asks of Redis, its supervisor and its horse together: commands a second, and with those that scripts call."""

from __future__ import annotations

import collections
import time

from bench.bench import Bench
from bench.figures import Measured, Row, Table
from bench.processes import blocked, process, ready_worker, stock_command, wait_for
from bench.wire import commands_in

SETTLED_S = 1.0  #: after which nothing of its start is left
OWN = {
    f"cmdstat_{name}" for name in ("config", "config|resetstat", "hello", "client|setinfo", "monitor", "ping", "echo", "info")
}  #: the case's


def measure(bench: Bench) -> Measured:
    seconds = bench.pick(30.0, 10.0)  # whole rounds of what is done every 10 s
    with bench.store() as store:
        with ready_worker(store, bench.folder, "short"):
            time.sleep(SETTLED_S)
            store.redis.config_resetstat()
            ours = commands_in(store, seconds)
            whole = sum(int(one["calls"]) for name, one in store.redis.info("commandstats").items() if name not in OWN)
        url = store.settings.redis_url
        with process(stock_command(url), bench.folder, url):
            wait_for(lambda: blocked(store), 1)
            time.sleep(SETTLED_S)
            stock_seconds = bench.pick(20.0, 1.0)
            theirs = commands_in(store, stock_seconds).total() / stock_seconds
    row = Row(
        "idle_commands_per_s",
        "Redis commands a second of an idle worker",
        ours.total() / seconds,
        ours.total() / seconds,
        theirs=theirs,
        against="stock RQ",
        theirs_key="idle_commands_stock_per_s",
    )
    note = (
        f"Listened to with `MONITOR` for {seconds:g} s. A stock worker asks next to nothing: it blocks for 405 s, and tidies up only then."
    )
    more = {"idle_commands_with_scripts_per_s": whole / seconds}
    return Measured([row], more=more, tables=[asked(ours, seconds)], notes=[note, inner(more["idle_commands_with_scripts_per_s"])])


def inner(per_s: float) -> str:
    return f"With the commands that its scripts call within Redis it is {per_s:.1f} a second, by `INFO commandstats`."


def asked(counted: collections.Counter[str], seconds: float) -> Table:
    rows = [(f"`{name}`", f"{count / seconds:.2f}") for name, count in counted.most_common()]
    return Table("What an idle worker asks, a second", ("command", "times"), rows)
