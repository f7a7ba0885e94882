"""Contacts whose number the gateway calls invalid in campaign after campaign.

Found from the latest batches with failures, which an index leads to: so a page costs the same
at any size, and goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from csms_campaigns.contacts_io.rows import atomic, rows
from csms_campaigns.gateway.codes import is_permanent
from csms_campaigns.models import Batch, Contact, SendResult
from csms_campaigns.models.fields import e164
from csms_campaigns.states import SendStatus

BATCHES: Final = 100
"""With failures, that are looked at for a page."""
MOST_NUMBERS: Final = 20_000
TIMES: Final = 2
"""Campaigns in a row, without a success since."""
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Invalid:
    contact: Contact
    times: int
    words: str
    """What the gateway said last."""
    failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Proposal:
    invalid: list[Invalid]
    next_before: datetime | None
    """Batches that ended before were not looked at; None: all were."""


def proposed(before: datetime | None = None) -> Proposal:
    batches = _batches(before)
    phones = _failed_in([pk for pk, _at in batches])
    failures = _failures(phones)
    found = list(_contacts(failures))
    found.sort(key=lambda one: (-one.times, -one.contact.pk))
    is_all = len(batches) < BATCHES
    return Proposal(found, None if is_all else batches[-1][1])


def _batches(before: datetime | None) -> Sequence[tuple[int, datetime | None]]:
    found = rows(Batch).filter(failed_count__gt=0, finished_at__isnull=False)
    if before is not None:
        found = found.filter(finished_at__lt=before)
    return list(
        found.order_by("-finished_at").values_list("pk", "finished_at")[:BATCHES]
    )


def _failed_in(batch_ids: Sequence[int]) -> list[str]:
    found = rows(SendResult).filter(batch__in=batch_ids, status=SendStatus.FAILED)
    wanted = found.values_list("phone", "error_code", "error")[:MOST_NUMBERS]
    return sorted({p for p, code, error in wanted if p and is_permanent(code, error)})


@dataclass(slots=True)
class _Failures:
    times: int = 0
    words: str = ""
    at: datetime | None = None
    is_over: bool = False
    """A success came before."""


def _failures(phones: Sequence[str]) -> dict[str, _Failures]:
    """By number, those that failed often enough since they last worked."""
    found: dict[str, _Failures] = {}
    for start in range(0, len(phones), AT_ONCE):
        results = rows(SendResult).filter(
            phone__in=phones[start : start + AT_ONCE],
            status__in=[SendStatus.SENT, SendStatus.FAILED],
        )
        columns = ("phone", "status", "error_code", "error", "updated_at")
        newest_first = results.order_by("-campaign").values_list(*columns)
        for phone, status, code, error, at in newest_first:
            one = found.setdefault(phone or "", _Failures())
            _count(one, status, code, error, at)
    return {phone: one for phone, one in found.items() if one.times >= TIMES}


def _count(
    one: _Failures, status: str, code: str, error: str, at: datetime | None
) -> None:
    if one.is_over or (status == SendStatus.FAILED and not is_permanent(code, error)):
        return
    if status == SendStatus.SENT:
        one.is_over = True
        return
    if not one.times:
        one.words, one.at = error or code, at
    one.times += 1


def _contacts(failures: dict[str, _Failures]) -> Iterable[Invalid]:
    phones = sorted(failures)
    for start in range(0, len(phones), AT_ONCE):
        part = phones[start : start + AT_ONCE]
        for contact in rows(Contact).filter(phone__in=part):
            one = failures[e164(contact.phone)]
            yield Invalid(contact, one.times, one.words, one.at)


def leave_lists(contact_ids: Sequence[int]) -> int:
    """They stay contacts, and are in no list any more; how many memberships went."""
    with atomic():
        members = rows(Contact.lists.through).filter(contact_id__in=contact_ids)
        return members._raw_delete(members.db)


def delete(contact_ids: Sequence[int]) -> None:
    """What was sent to them, and their opt-outs, stay."""
    with atomic():
        leave_lists(contact_ids)
        found = rows(Contact).filter(pk__in=contact_ids)
        found._raw_delete(found.db)
