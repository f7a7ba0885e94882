"""The figures of a battle, as the tables of `docs/drills.md`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.drills.battle import Battle

STARTED = time.monotonic()


def tell(line: str) -> None:
    print(f"{time.monotonic() - STARTED:6.0f} s  {line}", file=sys.stderr, flush=True)  # noqa: T201


def figures(battle: Battle) -> None:
    found, state = battle.compared, battle.gateway.state()
    _table("what was sent", _sent(battle))
    _table("recipients", sorted(found.statuses.items()))
    _table("why nobody knows", found.unknown.most_common())
    _table("accidents", sorted(battle.storm.struck.items()))
    _table("paused by the system or a person", battle.pauses.most_common())
    faults: Any = state["faults"]
    _table("faults of the gateway", sorted(faults.items()))
    _table("what must not be", sorted(found.mistakes.items()))
    verdict = ", ".join(f"{n}: {k}" for n, k in battle.mistakes.items()) or "none"
    print(f"\nBroken promises: {verdict}")  # noqa: T201


def _sent(battle: Battle) -> Iterable[tuple[str, object]]:
    found, state = battle.compared, battle.gateway.state()
    faults: Any = state["faults"]
    yield "recipients", f"{sum(found.statuses.values()):,}"
    yield "numbers that the gateway texted", f"{found.delivered:,}"
    yield "minutes", f"{battle.seconds / 60:.1f}"
    yield "requests", f"{found.requests:,}"
    struck = sum(faults.values())
    yield "of these with a fault", f"{struck} ({struck / max(found.requests, 1):.0%})"
    yield "worker processes started", battle.incarnations
    yield "batches whose worker was gone", found.stalled_batches
    for window, (sliding, by_clock) in found.fullest.items():
        most = f"{sliding} sliding, {by_clock} by the clock"
        yield f"fullest window of {window}", most
        yield f"used of {window}", f"{found.used[window]:.1%}"


def _table(title: str, rows: Iterable[tuple[str, object]]) -> None:
    print(f"\n| {title} | |\n| --- | --- |")  # noqa: T201
    for name, value in rows:
        print(f"| {name} | {value} |")  # noqa: T201
