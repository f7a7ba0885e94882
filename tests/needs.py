"""What a test needs of the machine beyond Python: without it the test is left out, and named.

Where CI=true nothing is left out: there the test runs, and fails.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache

import pytest

from tests.browser import chromium
from tests.drills.namespaces import what_is_missing


@cache
def _browser() -> str:
    return "" if chromium() else "a Chromium on the PATH"


@cache
def _network() -> str:
    missing = what_is_missing()
    return f"{missing}, for a network of their own" if missing else ""


NEEDS = {"browser_type_launch_args": _browser, "far": _network}
"""By the fixture that brings it."""


def missing(item: pytest.Item) -> str:
    """In words; empty if everything is here."""
    names = getattr(item, "fixturenames", ())
    return next((what for n in NEEDS if n in names and (what := NEEDS[n]())), "")


def sort_out(items: list[pytest.Item]) -> tuple[list[pytest.Item], Counter[str]]:
    """The tests that cannot run here, and how many for want of what."""
    if os.environ.get("CI") == "true":
        return [], Counter()
    lacking = {item: what for item in items if (what := missing(item))}
    return list(lacking), Counter(lacking.values())
