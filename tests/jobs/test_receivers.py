"""Where a callback may go, as far as the text of an address tells."""

from __future__ import annotations

import ipaddress

import pytest

from jobs.errors import InvalidSubmission
from jobs.receivers import MOST_CHARS, check_url, is_public

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:5",
    "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:5::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:0:127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_of_networks_are_not_whatever_they_are_wrapped_in(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://example.org:8080/a/b?c=d",
        "https://xn--bcher-kva.example./x",
        "https://8.8.8.8/",
        "https://[2606:4700::1]:1/",
    ],
)
def test_an_address_is_taken(url: str) -> None:
    assert check_url(url, private_allowed=False).geturl() == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("example.org/told", "with http or https"),
        ("ftp://example.org/", "with http or https"),
        ("file:///etc/passwd", "with http or https"),
        ("https:///told", "with http or https"),
        ("https://example.org/a b", "with http or https"),
        ("https://example.org/\r\nX: y", "with http or https"),
        ("https://exämple.org/", "with http or https"),
        ("https://example.org:0/", "with http or https"),
        ("https://example.org:99999/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://ada:secret@example.org/", "a user or a password"),
        ("https://@example.org/", "a user or a password"),
        ("https://example.org/#part", "behind #"),
        ("https://exa_mple..org/", "no name and no address"),
        ("https://example.org\\@127.0.0.1/", "a user or a password"),
        ("https://example.org/" + "x" * MOST_CHARS, f"longer than {MOST_CHARS}"),
        ("http://localhost:6379/", "CALLBACK_PRIVATE_ADDRESSES is false"),
        ("http://any.LOCALHOST./", "CALLBACK_PRIVATE_ADDRESSES is false"),
        ("http://127.0.0.1/", "CALLBACK_PRIVATE_ADDRESSES is false"),
        ("http://[::ffff:10.0.0.1]/", "CALLBACK_PRIVATE_ADDRESSES is false"),
    ],
)
def test_another_is_refused_with_what_is_wrong(url: str, says: str) -> None:
    with pytest.raises(InvalidSubmission, match=says) as refused:
        check_url(url, private_allowed=False)
    assert refused.value.field == "callback_url"


def test_where_the_setting_allows_it_private_ones_are_taken() -> None:
    for url in ("http://localhost:1/", "http://127.0.0.1/", "http://[::1]/"):
        check_url(url, private_allowed=True)
