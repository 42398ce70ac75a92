"""The study pack in a real browser: what can be asked for. Pictures are kept in build/screenshots."""

from __future__ import annotations

import pytest

from jobs import show
from jobs.store import Store
from tests.web.browsing import pictures, upload
from tests.web.chromium import Page

pytestmark = [pytest.mark.browser]

EVERYTHING = "for (const step of document.querySelectorAll('[data-param]:not(:disabled)')) if (!step.checked) step.click();"


def test_what_is_not_configured_is_greyed_out_and_says_why_and_how(page: Page, store: Store) -> None:
    assert page.run("[...document.querySelectorAll('[data-param]:disabled')].map(step => step.id)") == ["llm-cleanup"]
    assert "Not configured: ask your admin" in page.text("#llm-cleanup-says")
    assert "text to Google" in page.text("#llm-cleanup-says")
    assert "experimental" in page.text("#speaker-detection-says")
    assert "offline" in page.text("#notes-says")

    page.click("label[for='llm-cleanup']")
    page.run(EVERYTHING)
    page.run("document.getElementById('vocabulary').value = 'osmosis, Dr Lovelace,\\nosmosis'")
    pictures(page, "home-steps")
    params = show.job(store, upload(page)).params

    asked = {name: value for name, value in params.items() if name not in ("upload", "filename", "seconds")}
    assert asked == {
        "word_timestamps": True, "speaker_detection": "diarize", "detect_emotions": True, "llm_cleanup": False, "notes": True,
        "export": True, "vocabulary": ["osmosis", "Dr Lovelace"],
    }  # fmt: skip


class TestAllowed:
    @pytest.fixture(autouse=True)
    def allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        monkeypatch.setenv("THIRD_PARTIES", "gemini")
        monkeypatch.setenv("DIARIZATION_MODEL_DIR", "/models")

    def test_what_sends_the_text_away_says_so_before_it_is_asked_for(self, allowed: None, page: Page, store: Store) -> None:
        assert page.run("document.querySelectorAll('[data-param]:disabled').length") == 0
        for step in ("llm-cleanup", "notes"):
            assert "The text is sent to Google." in page.text(f"#{step}-says")
        assert "experimental" not in page.text("#speaker-detection-says")
        page.click("#llm-cleanup")
        assert show.job(store, upload(page)).params["llm_cleanup"] is True
