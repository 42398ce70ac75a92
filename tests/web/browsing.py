"""What tests in a real browser do on a page, and where the pictures are kept that they take."""

from __future__ import annotations

from pathlib import Path

from tests.web.chromium import Page

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "screenshots"
RECORDING = ROOT / "samples" / "short-slt.ogg"


def pictures(page: Page, name: str) -> None:
    """Keep what the page looks like: by day, by night, on a phone, where nothing may stick out."""
    page.picture(PICTURES / f"{name}.png")
    page.look(dark=True)
    page.picture(PICTURES / f"{name}-dark.png")
    page.look(width=390, height=844)
    page.picture(PICTURES / f"{name}-phone.png")
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.look()


def upload(page: Page) -> str:
    """Choose a recording, start, and return the job's id once its page is there."""
    page.choose("#file", RECORDING)
    page.until("!document.getElementById('start').disabled")
    page.click("#start")
    page.until("location.pathname.startsWith('/jobs/') && document.getElementById('bar')?.hasAttribute('aria-valuenow')")
    return str(page.run("location.pathname.split('/')[2]"))


def says(selector: str, text: str) -> str:
    return f"(document.querySelector('{selector}')?.textContent ?? '').includes('{text}')"
