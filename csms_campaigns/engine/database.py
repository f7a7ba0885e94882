"""The one database that holds the queue: its rows, its transactions and its clock.

Reads of the engine must never go to a replica, so they name the database that writes go to.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from csms_campaigns.models import Campaign, GatewayAccount

M = TypeVar("M", bound=models.Model)


def alias() -> str:
    return router.db_for_write(Campaign)


def connection() -> BaseDatabaseWrapper:
    return connections[alias()]


def is_postgresql() -> bool:
    return connection().vendor == "postgresql"


def rows(model: type[M]) -> models.QuerySet[M]:
    """The model's rows as the engine reads and writes them."""
    return model._default_manager.using(alias())


def atomic() -> AbstractContextManager[Any]:
    return transaction.atomic(using=alias())


def now() -> datetime:
    """The database's clock, in the site's convention (aware where USE_TZ is on).

    One clock for all workers: half a second of skew between theirs let 268 requests into a
    window of 100 (measured). SQLite has the clock of its machine.
    """
    return in_site_convention(_clock())


def in_site_convention(moment: datetime) -> datetime:
    is_right = timezone.is_aware(moment) == settings.USE_TZ
    if is_right:
        return moment
    # Not the current zone, which a page may have changed to that of a campaign.
    zone = timezone.get_default_timezone()
    convert = timezone.make_aware if settings.USE_TZ else timezone.make_naive
    return convert(moment, zone)


def _clock() -> datetime:
    if not is_postgresql():
        return datetime.now(UTC)
    with connection().cursor() as cursor:
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
        return datetime.fromtimestamp(float(cursor.fetchone()[0]), UTC)


def lock_account(account_alias: str) -> GatewayAccount:
    """The account's row, locked to the end of the transaction. First in the lock order:
    account, then campaign, then batch."""
    found = rows(GatewayAccount).filter(alias=account_alias)
    if is_postgresql():
        with connection().cursor() as cursor:
            # A process that freezes now would hold the account for hours.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")
        return found.select_for_update().get()
    # SQLite: the first statement of the transaction must write, or a site without
    # transaction_mode IMMEDIATE fails at once when it later upgrades its snapshot.
    found.update(cum=models.F("cum"))
    return found.get()


def lock_sources(campaign_id: int) -> None:
    """Where a follow-up gives its recipients back: first the account, then the campaign."""
    follow_up = rows(Campaign).filter(pk=campaign_id, parent__isnull=False)
    for account_alias in follow_up.values_list("account", flat=True):
        lock_account(account_alias)


def durable_commit() -> None:
    """A claim must survive a power cut, whatever the site set for its own transactions."""
    if is_postgresql():
        with connection().cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = on")


def release() -> None:
    """Give the connection back before a sleep; a new one is made at the next use."""
    if not connection().in_atomic_block:
        connection().close()
