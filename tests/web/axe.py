"""Hold a page against axe-core's rules, as a screen reader's user would meet it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from tests.web.chromium import Page

#: What keeps somebody from using the page; `minor` and `moderate` are advice.
SERIOUS = ("serious", "critical")


@cache
def rules() -> str:
    return files("axe_core_python").joinpath("axe.min.js").read_text()


def assert_accessible(page: Page, *, within: str = "html") -> None:
    """Fail on every serious finding of axe-core in what the page shows now, in the colours it is shown in.

    The library goes in by the debugger: the page's security policy, which forbids scripts from elsewhere, holds for tags alone.
    """
    found = findings(page, within)
    assert not found, "\n".join(found)


def findings(page: Page, within: str = "html") -> list[str]:
    if not page.run("Boolean(window.axe)"):
        page.run(f"{rules()}; undefined")
    options = "{resultTypes: ['violations'], elementRef: false}"
    told: dict[str, Any] = page.run(f"axe.run({within!r}, {options}).then(({{ violations }}) => ({{ violations }}))")
    return [
        f"{one['impact']}: {one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
        for one in told["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
