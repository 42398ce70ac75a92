"""Say where a callback may go, and make what signs it. Pure: no name is looked up here, that is for who connects."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from urllib.parse import SplitResult, urlsplit

from jobs.errors import InvalidSubmission

MOST_CHARS = 2000
VISIBLE = re.compile(r"[\x21-\x7e]+")  #: a URL has no other letters; a line break would begin another header
HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?")
SETTING = "CALLBACK_PRIVATE_ADDRESSES"
NOT_PUBLIC = f"its host is not at a public address, and {SETTING} is false here"
#: Networks that lead to IPv4 addresses, and at which bit of theirs such an address begins.
TRANSLATED = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 96),
    (ipaddress.IPv6Network("::/96"), 96),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 96),
    (ipaddress.IPv6Network("2002::/16"), 16),
)

#: What Python 3.11 takes for public although the registry of IANA has it for networks of their own.
NOT_GLOBAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"), ipaddress.IPv6Network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str, *, private_allowed: bool) -> SplitResult:
    """Return the parts of an address to which a callback may go, as far as its text tells. Raises InvalidSubmission."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refused("is not a URL") from None
    host = parts.hostname or ""
    if len(url) > MOST_CHARS:
        raise refused(f"is longer than {MOST_CHARS} characters")
    if parts.scheme not in ("http", "https") or not host or not VISIBLE.fullmatch(url) or port == 0:
        raise refused("is to be an address as https://example.org/called, with http or https")
    if parts.username is not None or parts.password is not None:
        raise refused("has a user or a password in it, which logs would show; check the signature instead")
    if parts.fragment:
        raise refused("has a part behind #, which is never sent; leave it out")
    address = literal(host)
    if address is None and not HOST.fullmatch(host):
        raise refused(f"has a host, {host!r}, that is no name and no address")
    if not private_allowed and (is_local(host) if address is None else not is_public(address)):
        raise refused(f"is not allowed: {NOT_PUBLIC}")
    return parts


def literal(host: str) -> Address | None:
    """Return the address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_local(host: str) -> bool:
    """Whether a name means this machine, whoever is asked for its address."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, also where it stands for another one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None or address.is_site_local or address.teredo:
            return False
        inner = address.ipv4_mapped or translated(address)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in NOT_GLOBAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback)


def translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which a gateway would pass on what is sent to this one, if it is of a network of gateways."""
    for network, begins in TRANSLATED:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> (128 - begins - 32)) & 0xFFFFFFFF)
    return None


def new_secret() -> str:
    """Return a secret in the form of the Standard Webhooks specification: 192 random bits."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def refused(why: str) -> InvalidSubmission:
    return InvalidSubmission(f"callback_url {why}", field="callback_url")
