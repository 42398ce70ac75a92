"""Open the socket that the web serves on. Refuses, in a sentence, a port that is taken."""

from __future__ import annotations

import errno
import socket
import time

from jobs.errors import Misconfigured

BACKLOG = 2048


def listen(host: str, port: int, *, wait_s: float = 0.0) -> socket.socket:
    """Return a listening socket; port 0 picks a free one. Raises Misconfigured if that cannot be had within `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return socket.create_server((host, port), family=_family(host), backlog=BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            raise Misconfigured(_why_not(error, host, port)) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken: stop what listens there, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not allowed to this user: choose one above 1023 with --port"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}"
