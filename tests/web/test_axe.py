"""The check for accessibility finds what it is there for."""

from __future__ import annotations

import pytest

from tests.web.axe import assert_accessible, findings
from tests.web.chromium import Page

pytestmark = [pytest.mark.browser]


def test_the_check_finds_what_a_page_lacks_and_nothing_on_one_that_lacks_nothing(page: Page) -> None:
    assert_accessible(page)

    page.run("document.getElementById('main').insertAdjacentHTML('beforeend', '<button id=\"mute\"></button>')")

    (found,) = findings(page)
    assert found.startswith("critical: button-name: ")
    assert "#mute" in found
