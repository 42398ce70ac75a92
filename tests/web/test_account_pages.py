"""Signing in by a link and looking after one's tokens, in a real browser."""

from __future__ import annotations

import json

import pytest
import requests

from jobs import people, people_tokens
from jobs.store import Store
from tests.web.axe import assert_accessible
from tests.web.browsing import PICTURES, pictures, says
from tests.web.chromium import Page

LIMITS = {
    "upload_bytes": {"limit": 20_000_000_000, "remaining": 17_000_000_000, "resets_in_seconds": 18_001.5},
    "audio_minutes": {"limit": 1200, "remaining": 0, "resets_in_seconds": 18_001.5},
    "requests": {"limit": None, "remaining": None, "resets_in_seconds": None},
}

pytestmark = [pytest.mark.browser]


def test_tokens_are_made_copied_and_revoked_and_a_link_signs_in_once(page: Page, served: str, store: Store) -> None:
    # given a person with a program that has not asked for anything yet
    people_tokens.new(store, "ada", label="nightly import")
    page.click("header .name")
    page.until("location.pathname === '/account' && document.querySelectorAll('#tokens li').length === 2")
    assert page.text("#account-title") == "ada"
    assert "never used" in page.text("#tokens li")
    assert page.text("#tokens .badge") == "This browser"
    assert_accessible(page)

    # what limits tell is shown, where there are any
    page.run(f"import('/static/account.js').then(({{ showUse }}) => showUse({json.dumps(LIMITS)}))")
    page.until("document.querySelectorAll('#use li').length === 2")
    assert "3 GB of 20 GB, free again in 5 h 1 min" in page.text("#use")
    assert page.run("document.querySelector('#use li:last-child .bar').className") == "bar failed thin"

    # one more is made, and shown this once
    page.run("document.getElementById('label').value = '<b>laptop</b>'; document.getElementById('ends').value = '30'")
    page.click("#new-token button")
    page.until(says("#fresh-title", "<b>laptop</b>"))
    token = page.text("#fresh-token")
    answer = requests.get(f"{served}/api/me", headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
    assert (answer["user"], answer["role"]) == ("ada", "user")
    assert page.text("#fresh-curl") == f'curl -H "Authorization: Bearer {token}" {served}/api/me'
    page.click("[data-copies=fresh-token]")
    page.until(says("[data-copies=fresh-token]", "ed"))
    assert page.text("[data-copies=fresh-token]") in ("Copied", "Marked")
    assert_accessible(page)
    page.run(f"document.getElementById('fresh-token').textContent = 'lec_{'0' * 43}'")  # none that works is to be seen in a picture
    page.run("const shown = document.getElementById('fresh-curl'); shown.textContent = shown.textContent.replace(/lec_[^\"]+/, 'lec_…')")
    pictures(page, "account")
    page.click("#fresh-done")
    assert page.run("document.activeElement.id") == "label"
    assert token not in page.run("document.documentElement.outerHTML")

    # it is taken back: only once it was meant
    assert page.run("document.querySelectorAll('#tokens li').length") == 3
    page.click("#tokens [aria-label='Revoke <b>laptop</b>']")
    assert page.run("document.activeElement.id") == "keep"
    assert_accessible(page)
    pictures(page, "account-revoke")
    page.click("#keep")
    page.click("#tokens [aria-label='Revoke <b>laptop</b>']")
    page.click("#revoke")
    page.until("document.querySelectorAll('#tokens li').length === 2")
    assert people.find(store, token) is None

    # and that of this browser: it is signed out
    page.click("#tokens [aria-label='Revoke first']")
    page.click("#revoke")
    page.until("location.pathname === '/signin' && document.getElementById('token')")
    assert_accessible(page)
    pictures(page, "signin")

    # a link signs in at once, and a second time says what to do
    link = f"{served}/signin/{people_tokens.invite(store, 'ada')}"
    page.call("Page.navigate", url=link)
    page.until("location.pathname === '/' && " + says("header .name", "ada"))
    assert [one.label for one in people_tokens.listing(store, "ada")] == ["browser", "nightly import"]
    page.click("header button")
    page.until("location.pathname === '/signin'")
    assert [one.label for one in people_tokens.listing(store, "ada")] == ["nightly import"]
    page.call("Page.navigate", url=link)
    page.until(says("h1", "does not work any more"))
    assert_accessible(page)
    page.picture(PICTURES / "signin-link-used.png")
    page.complaints.clear()  # the browser itself notes that the link was answered with 410
