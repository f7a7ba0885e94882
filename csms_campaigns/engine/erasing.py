"""Erasing a person: what tells who they are goes, what was done stays counted.

Their contact and lists go at once; each campaign's row of them loses the number, the name and
the gateway's words. Whoever waits is left out (`erased`). Safe while campaigns are prepared
and sent: a preparation that may have read the contact begins anew, and each account's rows
are changed under its lock, which takes and answers need too.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.apps import apps
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from csms_campaigns.engine import accounts, recording
from csms_campaigns.engine.anonymising import anonymise, blank_texts, hide_numbers
from csms_campaigns.engine.database import atomic, lock_account, now, rows
from csms_campaigns.models import Batch, Campaign, Contact, OptOut, SendResult
from csms_campaigns.states import BatchStatus, CampaignStatus, SendStatus, SkipReason

SLICE: Final = 200
"""Campaigns in one transaction: it holds the account's row."""
ERASED: Final = gettext_noop("Erased person")


@dataclass(frozen=True)
class Erased:
    """`texts` are rows of campaigns; of them `left_out` still waited."""

    contact: bool
    texts: int
    left_out: int
    opt_out_kept: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def erase(phone: str, *, keep_opt_out: bool = True) -> Erased:
    """Of the person with this number in E.164. Called again, it does what is left to do.

    An opt-out stays as the number alone, unless `keep_opt_out` is False: then nothing holds
    the next import back from texting them.
    """
    contacts = list(rows(Contact).filter(phone=phone).values_list("pk", flat=True))
    _forget_contacts(contacts)
    _begin_preparations_anew()
    texts = left_out = 0
    while found := _erase_some(phone, contacts):
        texts, left_out = texts + found[0], left_out + found[1]
    kept = _forget_opt_out(phone, keep=keep_opt_out)
    return Erased(bool(contacts), texts, left_out, kept)


def _forget_contacts(ids: list[int]) -> None:
    with atomic():
        rows(Contact.lists.through).filter(contact_id__in=ids).delete()
        rows(Contact).filter(pk__in=ids)._raw_delete(rows(Contact).db)
        _clean_history(Contact, ids)


def _begin_preparations_anew(ids: Iterable[int] | None = None) -> None:
    """One that read the contact before it went would write it after we have looked."""
    preparing = rows(Campaign).filter(status=CampaignStatus.PREPARING)
    if ids is not None:
        preparing = preparing.filter(pk__in=ids)
    for pk in preparing.order_by("pk").values_list("pk", flat=True):
        # The tick gives it to a worker, as it does where one has died.
        preparing.filter(pk=pk).update(
            prepare_token=uuid.uuid4(), prepare_lease_until=now()
        )


def results_of(phone: str, contact_ids: list[int]) -> QuerySet[SendResult]:
    """By number; and, where the number was no valid one, those left out by what was given.

    These have no batch, which is how they are found.
    """
    given = Q(contact__in=contact_ids) | Q(error=phone)
    return rows(SendResult).filter(
        Q(phone=phone) | (Q(batch__isnull=True, phone__isnull=True) & given)
    )


def _erase_some(phone: str, contact_ids: list[int]) -> tuple[int, int] | None:
    """Rows and, of them, waiting ones, of some campaigns of one account; None: no more."""
    found = results_of(phone, contact_ids)
    ids = sorted(set(found.values_list("campaign_id", flat=True)[: SLICE * 2]))
    if not ids:
        return None
    campaigns = rows(Campaign).filter(pk__in=ids)
    account = campaigns.values_list("account", flat=True).order_by("account").first()
    if account is None:
        # Rows of a campaign that is no more.
        return anonymise(found.filter(campaign__in=ids)), 0
    accounts.state(account)
    of_account = campaigns.filter(account=account).order_by("pk")
    chosen = list(of_account.values_list("pk", flat=True)[:SLICE])
    with atomic():
        lock_account(account)
        # After the account: no cancel and no new review comes between.
        list(rows(Campaign).select_for_update().filter(pk__in=chosen).order_by("pk"))
        # Others may still come into the batches whose texts are about to be blanked.
        _begin_preparations_anew(chosen)
        return _erase_rows(found.filter(campaign__in=chosen))


def _erase_rows(found: QuerySet[SendResult]) -> tuple[int, int]:
    columns = list(found.values_list("pk", "batch_id"))
    mine = rows(SendResult).filter(pk__in=[pk for pk, _batch in columns])
    batch_ids = sorted({batch for _pk, batch in columns if batch})
    queued = _queued(batch_ids)
    skipped = mine.filter(status=SendStatus.PENDING, batch__in=queued).update(
        status=SendStatus.SKIPPED, skip_reason=SkipReason.ERASED, updated_at=now()
    )
    for batch_id in queued:
        recording.recount(batch_id)
    # Of a request in flight the answer is still recorded: by the row's id, without words.
    count = anonymise(mine)
    blank_texts(batch_ids)
    hide_numbers(batch_ids)
    return count, skipped


def _queued(batch_ids: list[int]) -> list[int]:
    """Locked: a campaign that is cancelled at this moment changes the same rows."""
    found = rows(Batch).filter(pk__in=batch_ids, status=BatchStatus.PENDING)
    locked = found.select_for_update().order_by("pk")
    return list(locked.values_list("pk", flat=True))


def _forget_opt_out(phone: str, *, keep: bool) -> bool:
    found = rows(OptOut).filter(phone=phone)
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        return False
    _clean_history(OptOut, ids)
    if keep:
        found.update(reason="", created_by=None)
        return True
    found.delete()
    return False


def _clean_history(model: type[Contact | OptOut], ids: list[int]) -> None:
    """The admin keeps the name of what was changed, in words of its own."""
    if not ids or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(model)
    old = LogEntry.objects.filter(
        content_type=kind, object_id__in=[str(pk) for pk in ids]
    )
    old.update(object_repr=ERASED)
