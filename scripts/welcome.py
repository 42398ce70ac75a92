"""Sign in whoever has started Lectern on a machine of their own: by a link that is printed, and opened where there is a browser.

Elsewhere nothing is printed: what a service prints lies in logs that others may read.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from jobs import people_tokens
from jobs.store import Store
from scripts import address, first_admin

#: One of these is there in a shell far away, in a container, where programs are built.
ELSEWHERE = ("SSH_CONNECTION", "SSH_TTY", "container", "CI", "KUBERNETES_SERVICE_HOST")


def is_loopback(host: str) -> bool:
    """Tell whether what listens there can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def link(store: Store, user: str, url: str) -> str:
    """Return a new sign-in link for a user of the Lectern at `url`. Raises NotFound."""
    return f"{url.rstrip('/')}/signin/{people_tokens.invite(store, user)}"


def link_for_admin(store: Store, url: str) -> str:
    """Return a sign-in link for the admin of this machine."""
    admin = first_admin.find(store)
    assert admin  # serve has seen to that
    return link(store, admin.user, url)


def url_of(data: Path, port: int) -> str:
    """Return where Lectern is: LECTERN_URL, else where the one that runs on this data folder listens, else on the usual port."""
    return os.environ.get("LECTERN_URL") or address.find(data) or f"http://127.0.0.1:{port}"


def has_browser(env: Mapping[str, str], *, terminal: bool, platform: str = sys.platform, root: Path = Path("/")) -> bool:
    """Tell whether somebody sits in front of this process with a browser that it could open."""
    if not terminal or any(env.get(name) for name in ELSEWHERE):
        return False
    if (root / ".dockerenv").exists() or (root / "run" / ".containerenv").exists():
        return False
    return platform in ("darwin", "win32") or bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> None:
    """Open the link where somebody can see it; that it cannot be opened is no matter, since it was printed."""
    if has_browser(os.environ, terminal=sys.stdout.isatty()):
        webbrowser.open(url)
