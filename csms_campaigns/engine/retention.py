"""Campaigns that ended long ago: their recipients are made nobody's, or deleted.

In slices, each a short transaction of its own, so that no table is locked for long, and so that
whoever dies is followed by whoever goes on. The counts stay true: batches keep what they have
counted, and where rows are deleted the ledger judges by these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from csms_campaigns.engine import accounts
from csms_campaigns.engine.anonymising import anonymise, blank_texts, hide_numbers
from csms_campaigns.engine.database import atomic, lock_account, now, rows
from csms_campaigns.engine.ledger import results_of
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import ENDED

SLICE: Final = 2000
"""Recipients in one transaction: it holds the account's row for 17 ms (measured; at most 32)."""
BATCHES: Final = 500


@dataclass(frozen=True)
class Kept:
    """What was done, or with a dry run what would be."""

    anonymised_campaigns: int = 0
    anonymised_recipients: int = 0
    deleted_campaigns: int = 0
    deleted_recipients: int = 0
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def keep(
    *,
    anonymise_after: int | None,
    delete_after: int | None,
    dry_run: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Kept:
    """Days since a campaign has ended; None: never. Deleting comes first."""
    deleted = _each(_to_delete(delete_after), _delete, dry_run, should_stop)
    # What is about to be deleted is not anonymised before.
    waiting = _to_anonymise(anonymise_after)
    if delete_after is not None:
        waiting = waiting.exclude(pk__in=_to_delete(delete_after))
    made = _each(waiting, _anonymise, dry_run, should_stop)
    return Kept(*made, *deleted, dry_run=dry_run)


def _to_delete(days: int | None) -> QuerySet[Campaign]:
    # One that was begun and broken off still has its range of ids.
    return _ended(days).filter(
        Q(results_deleted_at__isnull=True) | Q(first_result_id__isnull=False)
    )


def _to_anonymise(days: int | None) -> QuerySet[Campaign]:
    gone = Q(anonymised_at__isnull=True, results_deleted_at__isnull=True)
    return _ended(days).filter(gone)


def _ended(days: int | None) -> QuerySet[Campaign]:
    """A family ends with its last member: who is in a follow-up is asked about there."""
    if days is None:
        return rows(Campaign).none()
    before = now() - timedelta(days=days)
    over = Q(status__in=ENDED, finished_at__lt=before)
    found = rows(Campaign).filter(over).order_by("pk")
    return found.exclude(pk__in=_before_those(rows(Campaign).exclude(over)))


def _before_those(campaigns: QuerySet[Campaign]) -> set[int]:
    """Ids of what they follow from, through all generations."""
    found: set[int] = set()
    level = _parents(campaigns)
    while level:
        found |= level
        level = _parents(rows(Campaign).filter(pk__in=level)) - found
    return found


def _parents(campaigns: QuerySet[Campaign]) -> set[int]:
    followed = campaigns.filter(parent__isnull=False)
    return {pk for pk in followed.values_list("parent", flat=True) if pk}


PERSONAL: Final = Q(phone__startswith="+") | (Q(phone__isnull=True) & ~Q(error=""))
"""A number; or, where it was none, what was given in place of it."""

Work = Callable[[Campaign, Callable[[], bool]], int]


def _each(
    campaigns: QuerySet[Campaign],
    work: Work,
    dry_run: bool,
    should_stop: Callable[[], bool],
) -> tuple[int, int]:
    done = people = 0
    for campaign in list(campaigns):
        if should_stop():
            break
        done += 1
        people += campaign.audience_count if dry_run else work(campaign, should_stop)
    return done, people


def _anonymise(campaign: Campaign, should_stop: Callable[[], bool]) -> int:
    done = 0
    for low, high in _slices(campaign):
        if should_stop():
            return done
        part = results_of(campaign).filter(PERSONAL, pk__gte=low, pk__lte=high)
        with atomic():
            _lock(campaign)
            done += anonymise(part)
    for ids in _batches(campaign):
        with atomic():
            _lock(campaign)
            blank_texts(ids)
            hide_numbers(ids)
    rows(Campaign).filter(pk=campaign.pk).update(anonymised_at=now())
    return done


def _delete(campaign: Campaign, should_stop: Callable[[], bool]) -> int:
    """Its batches stay, without personal texts: they are its counts."""
    # Before the first row goes: from then on the ledger counts none.
    rows(Campaign).filter(pk=campaign.pk).update(
        results_deleted_at=campaign.results_deleted_at or now()
    )
    done = 0
    for low, high in _slices(campaign):
        if should_stop():
            return done
        with atomic():
            _lock(campaign)
            part = results_of(campaign).filter(pk__gte=low, pk__lte=high)
            done += part._raw_delete(part.db)
    for ids in _batches(campaign):
        with atomic():
            _lock(campaign)
            blank_texts(ids)
            hide_numbers(ids)
    rows(Campaign).filter(pk=campaign.pk).update(
        first_result_id=None, last_result_id=None
    )
    return done


def _lock(campaign: Campaign) -> None:
    """A late answer, and a decision, write the same rows."""
    accounts.state(campaign.account)
    lock_account(campaign.account)


def _slices(campaign: Campaign) -> Iterator[tuple[int, int]]:
    if campaign.first_result_id is None:
        return
    last = campaign.last_result_id or campaign.first_result_id
    for low in range(campaign.first_result_id, last + 1, SLICE):
        yield low, min(low + SLICE - 1, last)


def _batches(campaign: Campaign) -> Iterator[Iterable[int]]:
    last = 0
    own = rows(Batch).filter(campaign=campaign).order_by("pk")
    while ids := list(own.filter(pk__gt=last).values_list("pk", flat=True)[:BATCHES]):
        yield ids
        last = ids[-1]
