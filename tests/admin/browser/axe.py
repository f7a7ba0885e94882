"""axe-core in the page that stands there: no serious fault of accessibility is let through.

The script comes in a wheel of the tests. It is evaluated by the browser's own debugger, which
no Content-Security-Policy forbids, so the page keeps its strict one.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

GRAVE = ("serious", "critical")
RUN = """
async (within) => {
    const found = await axe.run(within || document, {
        resultTypes: ["violations"],
        // The site's own best practice is no rule of WCAG.
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    });
    return found.violations;
}
"""


@cache
def _source() -> str:
    wheel = files("axe_playwright_python") / "axe.min.js"
    return wheel.read_text(encoding="utf-8")


def violations(page: Page, within: str = "") -> list[str]:
    """One line for each serious or critical violation; `within` is a selector."""
    page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(RUN, within)
    return [
        f"{fault['id']} ({fault['impact']}): {fault['help']}: {_places(fault)}"
        for fault in found
        if fault["impact"] in GRAVE
    ]


def _places(fault: dict[str, Any]) -> str:
    nodes = [f"{node['target']} {node['html'][:120]}" for node in fault["nodes"][:5]]
    return " | ".join(nodes)
