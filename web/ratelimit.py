"""Tell who asks how many requests are left to them, as draft-ietf-httpapi-ratelimit-headers has it, and when one was too many."""

from __future__ import annotations

import math

from flask import Flask, Response, g

from jobs.errors import Limited
from jobs.model import MINUTE_S, Allowance


def install(app: Flask) -> None:
    app.after_request(tell)


def tell(response: Response) -> Response:
    """Add the headers to every answer to somebody whose requests are limited."""
    person = g.get("person")
    if person is not None and person.allowance is not None:
        response.headers.extend(headers(person.allowance))
    return response


def headers(left: Allowance) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"requests";q={left.limit};w={MINUTE_S}',
        "RateLimit": f'"requests";r={left.left};t={math.ceil(left.reset_s)}',
    }


def refusal(error: Limited) -> dict[str, str]:
    """Return the headers of a 429: when to come back, and where a minute's requests are used up, that as well."""
    later = {"Retry-After": str(max(math.ceil(error.retry_after_s), 1))}
    return later | headers(Allowance(int(error.limit), 0, error.reset_s)) if error.what == "requests" else later
