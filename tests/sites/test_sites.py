"""The app on other people's sites: their users, databases, clocks, queues, files and admin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

pytestmark = pytest.mark.once

SITES = {
    "people": "users of the site's own",
    "naive": "USE_TZ is off",
    "databases": "a second database by a router",
    "queues": "another Celery app, and queues that are there already",
    "hashed": "static files with digests in their names",
    "unfold": "another theme of the admin",
}


def run(site: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {
        "DJANGO_SETTINGS_MODULE": "tests.sites.settings",
        "TEST_SITE": site,
        "TEST_SITE_FOLDER": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *words],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("redis_url")
@pytest.mark.parametrize("site", SITES)
def test_a_campaign_from_the_upload_to_the_last_page(site: str, tmp_path: Path) -> None:
    done = run(site, tmp_path, "tests.sites.visit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{site}: " in done.stdout


def test_users_in_another_database_are_named_before_anything_breaks(
    tmp_path: Path,
) -> None:
    words = ["django", "check", "--tag", "csms_campaigns"]
    done = run("parted", tmp_path, *words)
    assert done.returncode == 1
    assert "csms_campaigns.E004" in done.stderr
    assert "auth.User" in done.stderr
    assert run("databases", tmp_path, *words).returncode == 0
