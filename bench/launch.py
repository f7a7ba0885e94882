"""From *Launch* to the first request at the gateway, with a real worker."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from bench.campaigns import broker, empty, lift, make, settle
from bench.databases import set_up
from bench.frame import Figure, apart, stopwatch
from bench.live import wait_for, worker

TURNS: Final = 5
MOST_SECONDS: Final = 1.0
OPTIONS: Final = {
    "limits": "1000000/1",
    "magic": False,
    "credits": 10**9,
    "latency": 0.5,
}


def run(url: str, size: int) -> list[Figure]:
    from csms_campaigns.sandbox.server import Sandbox

    with (
        tempfile.TemporaryDirectory(prefix="csms-bench-") as folder,
        broker(),
        Sandbox(**OPTIONS, api_key="key of default") as sandbox,
    ):
        lift(["default"], API_URL=sandbox.url)
        found = apart(launches, url, size, folder, sandbox.page_url).answer
    worst = f"the slowest of {TURNS}: {max(found):.2f} s"
    middle = sorted(found)[len(found) // 2]
    name = f"launch to the first request, {size:,} people"
    return [Figure(name, middle, "s", note=worst, most=MOST_SECONDS)]


def launches(url: str, size: int, folder: str, gateway: str) -> list[float]:
    set_up(url)
    import requests

    from csms_campaigns import api
    from csms_campaigns.models import Campaign
    from tests import celery_app  # noqa: F401 so that Celery knows the broker

    empty()
    campaigns = [make(max(size // 100, 1), min(size, 100), done=0, logged=0)]
    campaigns += [make(2, 5, done=0, logged=0) for _each in range(TURNS - 1)]
    settle()
    Campaign.objects.update(status="ready", started_at=None)

    def count() -> int:
        return int(
            requests.get(f"{gateway}sandbox/state.json", timeout=5).json()["requests"]
        )

    found = []
    with worker(Path(folder), url):
        for campaign in campaigns:
            before = count()
            with stopwatch() as watch:
                api.launch(campaign)
                wait_for(lambda before=before: count() > before)
            found.append(watch.wall)
            Campaign.objects.filter(pk=campaign.pk).update(status="paused")
            wait_for(_is_quiet)
    return found


def _is_quiet() -> bool:
    from csms_campaigns.models import Batch

    return not Batch.objects.filter(status="sending").exists()
