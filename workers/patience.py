"""Live through trouble with Redis: which errors pass by themselves, and how long to wait before the same call is made again."""

from __future__ import annotations

import random
import re

from redis import exceptions

from jobs.errors import Overloaded
from jobs.store import NO_WRITES, NO_WRITES_TYPES

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0

#: What a server answers, besides NO_WRITES, that is not to be asked just now: redis-py has no class of its own for most of it,
#: and knows none when a script met with it (`Error running script …: -NOREPLICAS …`, Redis 6.2).
_PASSING = re.compile(r"(?:^|: -)(?:MASTERDOWN|NOREPLICAS|BUSY|TRYAGAIN|CLUSTERDOWN|UNBLOCKED)\b")
#: Where it has a class it has taken the code out of the message. MasterDownError is one of the first.
_PASSING_TYPES = (exceptions.ClusterDownError, exceptions.TryAgainError)


def passes(error: BaseException) -> bool:
    """Whether `error` is trouble with Redis that ends by itself: no connection, loading, read-only, out of memory."""
    if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError, Overloaded, *NO_WRITES_TYPES, *_PASSING_TYPES)):
        return True
    said = str(error)
    return isinstance(error, exceptions.ResponseError) and bool(NO_WRITES.search(said) or _PASSING.search(said))


class Patience:
    """How long to wait after one more failure: 0.1 s, doubled up to 5 s, spread so that workers do not return as one."""

    def __init__(self) -> None:
        self.failures = 0

    def lose(self) -> float:
        """Count a failure. Return the seconds to wait, between half and all of the step."""
        step_s = min(FIRST_DELAY_S * 2**self.failures, LONGEST_DELAY_S)
        self.failures = min(self.failures + 1, 32)
        return random.uniform(step_s / 2, step_s)

    def regain(self) -> bool:
        """Start anew after a success. True if there had been failures."""
        had, self.failures = self.failures, 0
        return had > 0
