"""Exporting a million recipients, against `COPY … TO STDOUT` of the same rows."""

from __future__ import annotations

from typing import Any

from bench.databases import set_up
from bench.frame import Figure, apart, say, stopwatch

_BARE = """
COPY (SELECT r.phone, (SELECT c.name FROM csms_campaigns_contact c WHERE c.id = r.contact_id),
             r.status, r.message_id, r.error_code, r.error, r.skip_reason,
             (SELECT b.segments FROM csms_campaigns_batch b WHERE b.id = r.batch_id),
             r.updated_at
        FROM csms_campaigns_sendresult r
       WHERE r.campaign_id = {campaign} AND r.id BETWEEN {first} AND {last} ORDER BY r.id)
  TO STDOUT WITH (FORMAT csv)
"""


def run(url: str, size: int) -> list[Figure]:
    if "postgres" not in url:
        say("Exports are measured on PostgreSQL alone.")
        return []
    apart(fill, url, size)
    # A first one, so that neither finds a cold cache.
    apart(bare, url)
    base = apart(bare, url)
    figures = []
    for name in ("csv", "xlsx"):
        found = apart(export, url, name)
        seconds, first, people = found.answer
        note = f"{people / seconds:,.0f} people a second, {found.peak_mb:.0f} MB"
        allowed = 3.0 if name == "csv" else None
        figures += [
            Figure(
                f"{name}, {people:,} people", seconds, "s", base.answer, allowed, note
            ),
            Figure(f"{name}, first byte", first * 1000, "ms", 1000.0, 1.0),
        ]
    return figures


def fill(url: str, size: int) -> None:
    set_up(url)
    from csms_campaigns.models import SendResult

    if not SendResult.objects.exists():
        from bench import fill as filling

        filling.fill(url, size * 10)


def _campaign() -> Any:
    from csms_campaigns.models import Campaign

    return Campaign.objects.get(name="Campaign 3")


def bare(url: str) -> float:
    set_up(url)
    from django.db import connection

    campaign = _campaign()
    sql = _BARE.format(
        campaign=campaign.pk,
        first=campaign.first_result_id,
        last=campaign.last_result_id,
    )
    with (
        connection.cursor() as cursor,
        stopwatch() as watch,
        cursor.cursor.copy(sql) as copy,
    ):
        for _piece in copy:
            pass
    return watch.wall


def export(url: str, name: str) -> tuple[float, float, int]:
    """Seconds, seconds to the first byte, people."""
    set_up(url)
    from csms_campaigns.contacts_io.exporting import of_campaign

    campaign = _campaign()
    with stopwatch() as watch:
        pieces = getattr(of_campaign(campaign), name)()
        with stopwatch() as first:
            next(pieces)
        for _piece in pieces:
            pass
    return watch.wall, first.wall, campaign.audience_count
