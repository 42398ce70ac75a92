"""`doctor`: is Redis sound?"""

from __future__ import annotations

import argparse
from typing import Any

from jobs import doctor
from jobs.doctor import Fault, Report
from jobs.store import Store
from scripts.admin.desk import command, counted, tell

SOUND, FAULTY = 0, 1  #: and 2, as everywhere, when it could not look

ABOUT = """\
Hold everything in Redis against what must always be true of it, while workers work; say what is not, and what to do about it.
Ends with 0 when all is sound (or was repaired), 1 when faults were found (or are left after --fix), 2 when it could not look.
It costs Redis about 0.1 s of work per 1,000 tasks, in calls of a few milliseconds each with room for others in between, and this process
some 200 bytes a task: 20,000 jobs of a task each take 6 to 8 s, and jobs that ended long ago are looked at as well.
"""


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    made = command(things, shared, "doctor", examine, "look whether everything in Redis is sound, and repair what is safe (--fix)")
    made.description = ABOUT
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--fix", action="store_true", help="repair what is safe; beside workers, harmless when repeated")


def examine(store: Store, arguments: argparse.Namespace) -> int:
    report = doctor.examine(store, fix=arguments.fix)
    tell(arguments, described(report), told(report))
    return SOUND if report.sound else FAULTY


def told(report: Report) -> str:
    looked = ", ".join(counted(count, what.removesuffix("s")) for what, count in report.looked.items() if count)
    lines = [sentence(fault) for fault in report.faults]
    lines += [f"note: {fault.says}: {fault.todo}" for fault in report.notes]
    if report.more:
        lines.append(f"{report.more} more {'looks' if report.more == 1 else 'look'} wrong, for the next run")
    mended = sum(fault.mended is True for fault in report.faults)
    found = f"{counted(len(report.faults), 'fault')}{f', {mended} of them repaired' if mended else ''}" if report.faults else "sound"
    return "\n".join([*lines, f"{found}: looked at {looked or 'nothing'} in {report.seconds:.1f} s"])


def sentence(fault: Fault) -> str:
    did = {True: "repaired", False: f"NOT repaired: {fault.todo}", None: fault.todo}[fault.mended]
    return f"{fault.says} [{fault.rule}]; {did}"


def described(report: Report) -> dict[str, Any]:
    faults, notes = ([one(fault) for fault in some] for some in (report.faults, report.notes))
    return {
        "sound": report.sound,
        "faults": faults,
        "notes": notes,
        "more": report.more,
        "looked": report.looked,
        "seconds": round(report.seconds, 3),
    }


def one(fault: Fault) -> dict[str, Any]:
    kind, names = fault.subject
    return {
        "rule": fault.rule,
        "kind": kind,
        "subject": list(names),
        "fault": fault.says,
        "todo": fault.todo,
        "holds": doctor.RULES[fault.rule].holds,
        "mended": fault.mended,
    }
