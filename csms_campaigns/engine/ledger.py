"""The proof that everybody is accounted for, and that the batches' counts are true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Count, Q, QuerySet

from csms_campaigns.engine.database import (
    atomic,
    connection,
    is_postgresql,
    rows,
)
from csms_campaigns.engine.families import OUTCOMES, Family, Member, family
from csms_campaigns.engine.recording import DECISIONS
from csms_campaigns.engine.sums import Sums, sums
from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.states import Resolution, SendStatus, SkipReason

TRIES: Final = 5
"""On SQLite a campaign may move on between two reads."""

DECIDED: Final = {
    "treated_as_sent": DECISIONS["treated_sent_count"],
    "treated_as_failed": DECISIONS["treated_failed_count"],
    "sent_again": DECISIONS["resend_count"],
    "late_sent": DECISIONS["late_sent_count"],
    "late_failed": DECISIONS["late_failed_count"],
    "answered": Q(skip_reason=SkipReason.ANSWERED),
}


@dataclass(frozen=True)
class Ledger:
    """`counted` by status from the recipients' rows, `summed` from the batches.

    Where retention has deleted the rows, only the batches are left to be judged.
    """

    audience: int
    counted: dict[str, int]
    summed: Sums
    decided: dict[str, int] = field(default_factory=dict)
    has_rows: bool = True

    @property
    def adds_up(self) -> bool:
        if self.audience != self.summed.total:
            return False
        if not self.has_rows:
            return True
        expected = {**dict.fromkeys(OUTCOMES, 0), **self.counted}
        same = all(getattr(self.summed, n) == expected[n] for n in OUTCOMES)
        decided = all(getattr(self.summed, n) == c for n, c in self.decided.items())
        return same and decided and sum(self.counted.values()) == self.audience


@dataclass(frozen=True)
class FamilyLedger:
    """The ledger of each member, and whether each follow-up repeats whom it should."""

    family: Family
    ledgers: dict[int, Ledger]
    """By the member's id."""
    strays: int
    """Recipients of follow-ups who repeat nobody of their parent, or one who was sent."""

    @property
    def audience(self) -> int:
        return self.family.audience

    @property
    def final(self) -> dict[str, int]:
        return self.family.final

    @property
    def adds_up(self) -> bool:
        each = all(one.adds_up for one in self.ledgers.values())
        return each and self.strays == 0 and self.family.adds_up

    @property
    def wrong(self) -> list[int]:
        """Ids of members whose ledger is wrong; the root's if it is what binds them."""
        each = [pk for pk, one in self.ledgers.items() if not one.adds_up]
        if each or self.adds_up:
            return each
        return [self.family.root.campaign.pk]

    def as_dict(self) -> dict[str, Any]:
        return {"wrong": self.wrong, "strays": self.strays, **self.family.as_dict()}


def ledger(campaign: Campaign) -> Ledger:
    """Counts every recipient: seconds for a million, so no page calls it."""
    if campaign.results_deleted_at:
        return Ledger(campaign.audience_count, {}, sums(campaign), has_rows=False)
    each = {name: Count("pk", filter=those) for name, those in DECIDED.items()}
    found = results_of(campaign).order_by().values("status")
    counted: dict[str, int] = {}
    decided = dict.fromkeys(DECIDED, 0)
    groups: Any = found.annotate(n=Count("pk"), **each)
    for group in groups:
        counted[group["status"]] = group["n"]
        decided = {name: decided[name] + group[name] for name in decided}
    return Ledger(campaign.audience_count, counted, sums(campaign), decided)


def family_ledger(campaign: Campaign) -> FamilyLedger:
    """Of the campaign's whole family, whichever member it is; counts every recipient."""
    with one_moment() as is_one:
        found = _family_ledger(campaign.pk)
        for _again in range(0 if is_one else TRIES):
            if found.adds_up:
                break
            found = _family_ledger(campaign.pk)
    return found


def family_ledgers() -> Iterator[FamilyLedger]:
    """Of all families, the oldest first; one at a time is in memory."""
    last = 0
    roots = rows(Campaign).filter(parent__isnull=True).order_by("pk")
    while root := roots.filter(pk__gt=last).first():
        yield family_ledger(root)
        last = root.pk


@contextmanager
def one_moment() -> Iterator[bool]:
    """All that is read is of one moment, where the database can do that without a lock."""
    if connection().in_atomic_block or not is_postgresql():
        yield connection().in_atomic_block
        return
    with atomic():
        with connection().cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield True


def results_of(campaign: Campaign) -> QuerySet[SendResult]:
    """By the range of their ids: the table has no index that begins with the campaign."""
    found = rows(SendResult).filter(campaign=campaign)
    if campaign.first_result_id is None:
        return found
    return found.filter(
        pk__gte=campaign.first_result_id, pk__lte=campaign.last_result_id
    )


def _family_ledger(campaign_id: int) -> FamilyLedger:
    found = family(rows(Campaign).get(pk=campaign_id))
    ledgers = {m.campaign.pk: ledger(m.campaign) for m in found.members}
    parents = {m.campaign.pk: m.campaign for m in found.members}
    strays = sum(
        _strays(member, parents[member.campaign.parent_id or 0])
        for member in found.follow_ups
    )
    return FamilyLedger(found, ledgers, strays)


def _strays(member: Member, parent: Campaign) -> int:
    if member.campaign.results_deleted_at or parent.results_deleted_at:
        return 0
    own = results_of(member.campaign)
    linked = own.filter(retry_of__isnull=False)
    rightly = Q(retry_of__campaign=parent) & (
        Q(retry_of__status=SendStatus.FAILED)
        | Q(retry_of__resolution=Resolution.RESEND)
    )
    missing = abs(member.repeats - linked.count())
    return missing + linked.count() - linked.filter(rightly).count()
