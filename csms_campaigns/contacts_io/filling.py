"""Whoever matches is put into a list: slice by slice, each one transaction with its count.

A page does the first slices; a worker does the rest, and another one goes on where it died.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Q
from django.db.models.functions import Now
from django.utils import timezone

from csms_campaigns.contacts_io.rows import atomic, rows, uncompiled
from csms_campaigns.contacts_io.selecting import COSTLY_STEP, Conditions, matching
from csms_campaigns.models import Contact, ContactList, ContactSelection

AT_ONCE: Final = 1
"""Slices that a page does itself: some 0.3 s."""
LEASE: Final = 60.0
"""Seconds without a slice after which the worker counts as dead."""
HANDOVER: Final = 15.0


def begin(
    contact_list: ContactList, wanted: Conditions, *, by: Any = None
) -> ContactSelection:
    """Those who are contacts now; who comes later is not put in."""
    newest = rows(Contact).aggregate(newest=Max("pk"))["newest"] or 0
    return rows(ContactSelection).create(
        contact_list=contact_list,
        conditions=wanted.as_dict(),
        last_contact_id=newest,
        token=uuid.uuid4(),
        lease_until=timezone.now() + timedelta(seconds=HANDOVER),
        created_by=by,
    )


def fill(
    selection: ContactSelection,
    *,
    slices: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """True when it is done; False after `slices`, or if another one works on it."""
    token = selection.token
    while token and not should_stop():
        if not _slice(selection, token):
            break
        if slices is not None:
            slices -= 1
            if not slices:
                break
    selection.refresh_from_db()
    return selection.finished_at is not None


def run_once(
    selection_id: int, token: str, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """For a worker, with the token of the wake-up or, with "", what nobody works on."""
    own = uuid.uuid4()
    open_ = rows(ContactSelection).filter(pk=selection_id, finished_at__isnull=True)
    mine = open_.filter(token=token) if token else open_.filter(lease_until__lt=Now())
    if mine.update(token=own, lease_until=Now() + timedelta(seconds=LEASE)):
        selection = rows(ContactSelection).get(pk=selection_id)
        if not fill(selection, should_stop=should_stop):
            # Told to end: another worker need not wait for the lease.
            rows(ContactSelection).filter(pk=selection_id, token=own).update(
                lease_until=Now()
            )


def stale() -> list[int]:
    """Those whose worker died, or never began."""
    found = rows(ContactSelection).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=Now()), finished_at__isnull=True
    )
    return list(found.values_list("pk", flat=True))


def _slice(selection: ContactSelection, token: UUID) -> bool:
    """False if nothing is left, or if it is not ours any more."""
    with atomic(), uncompiled():
        ours = rows(ContactSelection).filter(
            pk=selection.pk, token=token, finished_at__isnull=True
        )
        until = Now() + timedelta(seconds=LEASE)
        if not ours.update(lease_until=until):
            return False
        held = ours.get()
        end = _end(held)
        added = _add(held, end)
        is_last = end >= held.last_contact_id
        ours.update(
            cursor=end,
            added_count=held.added_count + added,
            finished_at=Now() if is_last else None,
        )
    return not is_last


def _end(held: ContactSelection) -> int:
    ids = rows(Contact).filter(pk__gt=held.cursor, pk__lte=held.last_contact_id)
    [*found] = ids.order_by("pk").values_list("pk", flat=True)[
        COSTLY_STEP - 1 : COSTLY_STEP
    ]
    return found[0] if found else held.last_contact_id


def _add(held: ContactSelection, end: int) -> int:
    """How many were not in the list before."""
    through = Contact.lists.through
    wanted = Conditions.of(held.conditions)
    found = matching(wanted, held.created_at).filter(pk__gt=held.cursor, pk__lte=end)
    known = rows(through).filter(
        contactlist=held.contact_list_id, contact__gt=held.cursor, contact__lte=end
    )
    inside = set(known.values_list("contact", flat=True))
    ids = [pk for pk in found.values_list("pk", flat=True) if pk not in inside]
    members = [
        through(contact_id=pk, contactlist_id=held.contact_list_id) for pk in ids
    ]
    rows(through).bulk_create(members, batch_size=5000, ignore_conflicts=True)
    return len(ids)
