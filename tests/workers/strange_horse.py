"""A horse that has the engines of this folder as well: `python -m tests.workers.strange_horse`.

With DIE_AFTER=claim|record in the environment it is killed once, right after Redis has answered that call: the file DIED
is then there, and later horses live.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from workers import engines, horse, shift


def die_once_after(verb: str) -> None:
    module = getattr(shift, verb)
    call = getattr(module, f"{verb}_some")

    def and_die(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        got = answer if verb == "claim" else answer[1]
        if isinstance(got, list) and not Path("DIED").exists():
            Path("DIED").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(module, f"{verb}_some", and_die)


if __name__ == "__main__":
    engines.__path__.append(str(Path(__file__).with_name("strange_engines")))
    if verb := os.environ.get("DIE_AFTER"):
        die_once_after(verb)
    sys.exit(horse.main())
