"""The browser of the tests: Debian's Chromium under pytest-playwright."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any],
) -> dict[str, Any]:
    program = chromium()
    assert program, "There is no Chromium on the PATH."
    from playwright.sync_api import expect

    # Five seconds are its own choice, and less than a busy machine may take.
    expect.set_options(timeout=20_000)
    # Playwright keeps an event loop in this thread, and the tests read the database beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    own = {"executable_path": program, "args": list(FLAGS)}
    return {**browser_type_launch_args, **own}


@pytest.fixture(scope="session")
def base_url() -> str | None:
    """The tests name whole addresses. (The plug-in's own fixture is one that pytest deprecates.)"""
    return None
