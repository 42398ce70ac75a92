"""Answer only for hosts that are this server's, so that no other site can have a browser take it for its own.

A site whose name is made to lead to 127.0.0.1 (DNS rebinding) is, to a browser, the same site as what answers there: it
could read every page. On a laptop, therefore, `scripts.serve` names the hosts that are answered.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from flask import Flask, request

from jobs.settings import Settings
from web.problems import Kind, Problem

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+?)\.?(?::[0-9]{1,5})?")
#: Answered to any host: nothing of anybody's is in there, and platforms ask for health by address.
ANY_HOST = frozenset({"static", "health.alive", "health.ready"})


def install(app: Flask, settings: Settings) -> None:
    """Check the Host of every request, unless any is allowed."""
    app.jinja_env.globals.update(at_home=at_home)
    wanted = [host.strip().lower() for host in settings.allowed_hosts.split(",") if host.strip()]
    if not wanted or "*" in wanted:
        return
    allowed = tuple(dict.fromkeys((*LOOPBACK, *wanted)))

    @app.before_request
    def check() -> None:
        host = request.headers.get("Host", "")
        if request.endpoint not in ANY_HOST and not is_one_of(host, allowed):
            named = ", ".join(allowed)
            raise Problem(
                Kind.MISDIRECTED, f"this server answers for {named}, not for {host[:100]!r}; use one of them, or set ALLOWED_HOSTS"
            )


def at_home() -> bool:
    """Tell whether the page is looked at on the machine that serves it."""
    return is_one_of(request.headers.get("Host", ""), LOOPBACK)


def is_one_of(host: str, allowed: Collection[str]) -> bool:
    """Tell whether a Host header names an allowed host, whatever the port; `.example.org` allows all below it as well."""
    found = HOST.fullmatch(host.lower())
    return found is not None and any(
        found[1] == one or (one.startswith(".") and (found[1] == one[1:] or found[1].endswith(one))) for one in allowed
    )
