"""What pages, a take, a finish and the tick cost beside 10,000 batches, and beside a million.

A million batches of one person each are the worst case: a text of their own for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from bench.campaigns import NOWHERE, broker, empty, lift, make, settle
from bench.databases import set_up
from bench.frame import Figure, apart, stopwatch

TURNS: Final = 20
LONGEST: Final = 3.0
"""Seconds after which no further turn of a case is begun."""
MOST_MS: Final = 50.0
"""Of a page's figures, with 10,000 batches."""
MOST_LARGE_MS: Final = 300.0
BESIDE: Final = 50


class Undone(Exception):
    """What was measured is taken back, so that it can be measured again."""


def run(url: str, size: int) -> list[Figure]:
    with broker():
        lift(["default"], API_URL=NOWHERE)
        usual = apart(measure, url, max(size // 100, 10), 100).answer
        large = apart(measure, url, max(size, 10), 1).answer
        ticks = apart(tick, url).answer
    of_usual = f"{max(size // 100, 10):,} batches of 100"
    figures = [
        Figure(
            f"{name}, {max(size, 10):,} batches of 1",
            large[name],
            "ms",
            ms,
            note=note(name),
        )
        for name, ms in usual.items()
    ]
    kept = [
        Figure(f"{name}, {of_usual}", usual[name], "ms", most=MOST_MS)
        for name in ("progress", "sums")
    ]
    return [*kept, *figures, Figure(f"a tick, {BESIDE} campaigns", ticks, "ms")]


def note(name: str) -> str:
    return "baseline: the usual campaign" + (", by no page" if name == "sums" else "")


def measure(url: str, batches: int, per: int) -> dict[str, float]:
    """Milliseconds by name, the best of some turns."""
    set_up(url)
    empty()
    campaign = make(batches, per)
    settle()
    return {name: best(case) for name, case in cases(campaign)}


def cases(campaign: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    from csms_campaigns import conf
    from csms_campaigns.engine import ending, lifecycle, taking, workload
    from csms_campaigns.engine.database import now
    from csms_campaigns.engine.progress import progress
    from csms_campaigns.engine.promise import promise
    from csms_campaigns.engine.remembering import forget
    from csms_campaigns.engine.sums import sums
    from csms_campaigns.models import Campaign

    options, moment = conf.account(campaign.account), now()
    beside = Campaign.objects.create(name="Beside", message="Hello", zones=[""])

    def anew() -> None:
        forget()
        progress(campaign)

    def cancel() -> None:
        Campaign.objects.filter(pk=campaign.pk).update(status="cancelled")
        ending._cancel_slice(campaign.pk)

    yield "progress", lambda: progress(campaign)
    yield "progress, nothing kept", anew
    yield "sums", lambda: sums(campaign)
    yield "forecast beside it", lambda: workload.prospect(beside, options).forecast()
    yield "promise beside it", lambda: promise(beside)
    yield "take", undone(lambda: taking.take(campaign.account))
    yield "is it finished?", undone(lambda: ending.finish_campaign(campaign.pk, moment))
    yield "pause", undone(lambda: lifecycle.pause(campaign.pk))
    yield "cancel, a slice", undone(cancel)


def undone(case: Callable[[], object]) -> Callable[[], object]:
    def run_and_undo() -> None:
        with undoing():
            case()
            raise Undone

    return run_and_undo


@contextmanager
def undoing() -> Iterator[None]:
    from django.db import transaction

    try:
        with transaction.atomic():
            yield
    except Undone:
        pass


def best(case: Callable[[], object]) -> float:
    found: list[float] = []
    while len(found) < TURNS and sum(found) < LONGEST * 1000:
        with stopwatch() as watch:
            case()
        found.append(watch.wall * 1000)
    return min(found)


def tick(url: str) -> float:
    """Beside the campaign that `measure` has left."""
    set_up(url)
    from csms_campaigns.engine import ticking

    for _each in range(BESIDE):
        make(20, 5, logged=0)
    settle()
    return best(lambda: ticking.tick(lambda alias, count: True, lambda pk: True))
