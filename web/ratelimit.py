"""Tell who asks how many requests are left to them, as draft-ietf-httpapi-ratelimit-headers has it, and when one was too many.

What is left is noted in the request's environ; web.hardened puts it among the headers of whatever the answer is. That is cheaper
than a hook of Flask's, on a path that is asked every two seconds by everybody.
"""

from __future__ import annotations

import math
from wsgiref.types import WSGIEnvironment

from jobs.errors import Limited
from jobs.model import MINUTE_S, Allowance

NOTED = "lectern.allowance"


def headers_of(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """Return the headers of an answer to somebody whose requests are limited; none to anybody else."""
    left: Allowance | None = environ.get(NOTED)
    if left is None:
        return []
    told = f'"requests";r={left.left};t={math.ceil(left.reset_s)}'
    return [("RateLimit-Policy", f'"requests";q={left.limit};w={MINUTE_S}'), ("RateLimit", told)]


def refused(environ: WSGIEnvironment, error: Limited) -> dict[str, str]:
    """Return when to come back, as a header; where a minute's requests are used up, note that too."""
    if error.what == "requests":
        environ[NOTED] = Allowance(int(error.limit), 0, error.reset_s)
    return {"Retry-After": str(max(math.ceil(error.retry_after_s), 1))}
