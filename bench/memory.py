"""The most memory of a process, with a hundredth of the people as the baseline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.campaigns import empty, make, settle
from bench.databases import set_up
from bench.frame import Figure, apart
from bench.prepare import MESSAGES, prepare
from bench.prepare import fill as fill_contacts

ALLOWED: Final = 1.5
MOST_FEW: Final = 10_000


def run(url: str, size: int) -> list[Figure]:
    few = min(size // 10, MOST_FEW)
    found = {count: peaks(url, count) for count in (few, size)}
    return [
        Figure(
            f"{name}, {size:,} people",
            mb,
            "MB",
            found[few][name],
            ALLOWED,
            f"baseline: {few:,}",
        )
        for name, mb in found[size].items()
    ]


def peaks(url: str, count: int) -> dict[str, float]:
    """Megabytes, by what was done with so many people."""
    apart(clear, url)
    apart(fill_contacts, url, count)
    found = {f"prepare, {name}": apart(prepare, url, name).peak_mb for name in MESSAGES}
    apart(unknown, url, count)
    cases: dict[str, Callable[[str], None]] = {
        "export": export,
        "ledger": prove,
        "resolve": resolve,
    }
    return found | {name: apart(case, url).peak_mb for name, case in cases.items()}


def clear(url: str) -> None:
    """No request of an earlier round may refer to what is filled anew."""
    set_up(url)
    empty()


def unknown(url: str, count: int) -> None:
    """A campaign of which nobody knows anything."""
    set_up(url)
    from django.db.models import F

    from csms_campaigns.models import Batch, Campaign, SendResult

    empty()
    make(count // 100, 100, done=1)
    SendResult.objects.update(status="unknown")
    Batch.objects.update(status="unknown", unknown_count=F("size"), sent_count=0)
    Campaign.objects.update(status="finished", finished_at=F("started_at"))
    settle()


def export(url: str) -> None:
    set_up(url)
    from csms_campaigns.contacts_io.exporting import write_file
    from csms_campaigns.models import Campaign

    with tempfile.TemporaryDirectory(prefix="csms-bench-") as folder:
        write_file(Campaign.objects.get(), Path(folder, "people.csv"))


def prove(url: str) -> None:
    set_up(url)
    from csms_campaigns.engine.ledger import family_ledger
    from csms_campaigns.models import Campaign

    if not family_ledger(Campaign.objects.get()).adds_up:
        message = "The ledger does not add up."
        raise RuntimeError(message)


def resolve(url: str) -> None:
    set_up(url)
    from csms_campaigns.engine.resolving import resolve as decide
    from csms_campaigns.models import Campaign

    campaign = Campaign.objects.get()
    if decide(campaign.pk, "sent") != campaign.audience_count:
        message = "Not everybody was decided about."
        raise RuntimeError(message)
