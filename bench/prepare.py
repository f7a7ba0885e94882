"""Preparing a campaign, against a bare INSERT … SELECT into the same table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.databases import backend, set_up
from bench.frame import Apart, Figure, Stopwatch, apart, stopwatch

ALLOWED: Final = {"plain text": 1.5, "50 texts": 3.0, "each a text of their own": 3.0}
TURNS: Final = 3
"""Of each text, where a limit is set: the one with the middle ratio is told."""
MESSAGES: Final = {
    "plain text": "Our summer sale begins today.",
    "50 texts": "Our summer sale begins today in {{ city }}.",
    "each a text of their own": "Dear {{ name }}, our summer sale begins today.",
}

_BARE = """
INSERT INTO {result} (campaign_id, contact_id, batch_id, phone, status, skip_reason,
                      resolution, name, message_id, error_code, error)
SELECT 0, c.id, c.id / 100, c.phone, 'pending', '', '', '', '', '', ''
  FROM {contact} c
 WHERE c.id IN (SELECT m.contact_id FROM {member} m WHERE m.contactlist_id = %s)
   AND NOT EXISTS (SELECT 1 FROM {optout} o WHERE o.phone = c.phone)
 ORDER BY c.id
"""


def run(url: str, size: int) -> list[Figure]:
    apart(fill, url, size)
    # SQLite inserts in our own process, at a cost that nothing written in Python comes near.
    allowed = ALLOWED if url.startswith("postgres") else {}
    figures, largest = [], 0.0
    for name in MESSAGES:
        turn = _middle_turn(url, name, turns=TURNS if allowed else 1)
        figures.append(_figure(name, size, turn, allowed.get(name)))
        largest = turn.prepared.peak_mb
    return [*figures, *_memory(url, size, largest)]


@dataclass(frozen=True)
class Turn:
    """The baseline is that of the same minute: right before and right after."""

    before: Stopwatch
    prepared: Apart
    after: Stopwatch

    @property
    def baseline(self) -> float:
        return (self.before.wall + self.after.wall) / 2

    @property
    def ratio(self) -> float:
        return float(self.prepared.answer.wall) / self.baseline


def _middle_turn(url: str, name: str, turns: int) -> Turn:
    """A virtual machine changes its speed by a third from one minute to the next."""
    before, found = apart(insert, url).answer, []
    for _turn in range(turns):
        prepared, after = apart(prepare, url, name), apart(insert, url).answer
        found.append(Turn(before, prepared, after))
        before = after
    return sorted(found, key=lambda turn: turn.ratio)[turns // 2]


def _figure(name: str, size: int, turn: Turn, allowed: float | None) -> Figure:
    """Processor time is of our process and of the server's that writes, not of the one that
    reads beside it."""
    watch: Stopwatch = turn.prepared.answer
    processor = f"processor: {watch.cpu:.1f} s here and {watch.server_cpu:.1f} s where it writes"
    return Figure(
        f"{name}, {size:,} people",
        watch.wall,
        "s",
        turn.baseline,
        allowed,
        f"{size / watch.wall:,.0f} people a second; {processor}",
    )


def _memory(url: str, size: int, large: float) -> list[Figure]:
    """The most memory of the process, with a hundredth of the people as the baseline."""
    apart(fill, url, size // 100)
    small = apart(prepare, url, "each a text of their own").peak_mb
    return [
        Figure(
            f"memory, each a text of their own, {size:,} people",
            large,
            "MB",
            small,
            2.0,
        )
    ]


def fill(url: str, size: int) -> None:
    """So many people in one list; one in a hundred has opted out."""
    set_up(url)
    from django.db import connection

    from csms_campaigns.models import Contact, ContactList, OptOut
    from tests.engine.crowds import crowd

    empty()
    for model in (Contact.lists.through, ContactList, Contact, OptOut):
        model.objects.all()._raw_delete("default")
    crowd(size)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {OptOut._meta.db_table} (phone, reason, source, created_at) "  # noqa: S608 our own tables
            f"SELECT phone, '', '', created_at FROM {Contact._meta.db_table} "
            "WHERE phone LIKE '%00'"
        )
        cursor.execute("VACUUM")
        cursor.execute("ANALYZE")


def empty() -> None:
    """As before the first campaign, and with nothing left to write for the server."""
    from django.db import connection

    from csms_campaigns.models import Batch, Campaign, SendResult

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            tables = f"{SendResult._meta.db_table}, {Batch._meta.db_table}"
            cursor.execute(f"TRUNCATE {tables} CASCADE")
            cursor.execute("CHECKPOINT")
        else:
            SendResult.objects.all()._raw_delete("default")
            Batch.objects.all()._raw_delete("default")
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for campaign in Campaign.objects.all():
        campaign.lists.clear()
    Campaign.objects.all()._raw_delete("default")


def insert(url: str) -> Stopwatch:
    set_up(url)
    from django.db import connection

    from csms_campaigns.models import Contact, ContactList, OptOut, SendResult

    empty()
    names = {
        "result": SendResult._meta.db_table,
        "contact": Contact._meta.db_table,
        "member": Contact.lists.through._meta.db_table,
        "optout": OptOut._meta.db_table,
    }
    statement = _BARE.format(**names)
    with connection.cursor() as cursor, stopwatch(backend()) as watch:
        cursor.execute(statement, [ContactList.objects.get().pk])
    return watch


def prepare(url: str, name: str) -> Stopwatch:
    set_up(url)
    from csms_campaigns.engine import audience, lifecycle
    from csms_campaigns.models import ContactList

    empty()
    campaign = lifecycle.create(
        name="Bench", message=MESSAGES[name], lists=ContactList.objects.all()
    )
    with stopwatch(backend()) as watch:
        audience.review(campaign.pk)
    return watch
