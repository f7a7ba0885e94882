"""The great drill in small: `python -m tests.drills.chaos` runs it with two hundred thousand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from project.demo.processes import free_port
from tests.drills.battle import Battle, Scale

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = Scale(
    recipients=800,
    workers=3,
    batch=10,
    limits="40/2,150/10",
    seed=5,
    minutes=3,
    timeout=(0.5, 2.0),
    lanes=6,
    margin=1.0,
    accidents=(1.5, 3.0),
    latency="0.05-0.3",
    tick=1.0,
)


def test_a_campaign_in_a_storm_keeps_every_promise(
    configure: Any,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A broker of its own, which is killed.
    address = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setitem(os.environ, "TEST_REDIS_URL", address)
    settings.CELERY_BROKER_URL = address
    with Battle(SMALL, tmp_path, configure) as battle:
        battle.fight()
        assert battle.mistakes == {}
        assert battle.storm.struck.total() >= 7
        assert battle.compared.unknown.total() == battle.compared.statuses["unknown"]
        assert sum(battle.compared.statuses.values()) == SMALL.recipients
