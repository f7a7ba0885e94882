"""How much of its limits an account uses at this moment, for pages, metrics and the doctor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine.database import now, rows
from csms_campaigns.models import Attempt, GatewayAccount


@dataclass(frozen=True)
class WindowUse:
    """Requests of the last `seconds`; the limiter also keeps places a little longer."""

    seconds: float
    limit: int
    used: int

    @property
    def share(self) -> float:
        return self.used / self.limit


def usage(
    account: GatewayAccount, options: Account, moment: datetime | None = None
) -> list[WindowUse]:
    """One for each window, the shortest first. Reads as many rows as the largest limit is."""
    return usage_of([(account, options)], moment)[account.pk]


def usage_of(
    accounts: Iterable[tuple[GatewayAccount, Account]], moment: datetime | None = None
) -> dict[int, list[WindowUse]]:
    """By the account's id; one query for all of them."""
    pairs, moment = list(accounts), moment or now()
    windows = [
        (account, window)
        for account, options in pairs
        for window in options.rate_limits
    ]
    counts = _counts(windows, moment)
    found: dict[int, list[WindowUse]] = {account.pk: [] for account, _options in pairs}
    for place, (account, window) in enumerate(windows):
        used = counts[f"in_{place}"] + _lost(account, _since(window, moment))
        use = WindowUse(window.seconds, window.limit, min(used, window.limit))
        found[account.pk].append(use)
    return found


def _counts(
    windows: list[tuple[GatewayAccount, Window]], moment: datetime
) -> dict[str, int]:
    if not windows:
        return {}
    each, any_of_them = {}, Q(pk__in=[])
    for place, (account, window) in enumerate(windows):
        latest = Q(account=account, cum__gt=account.cum - window.limit)
        any_of_them |= latest
        in_time = latest & Q(stamped_at__gt=_since(window, moment))
        each[f"in_{place}"] = Count("pk", filter=in_time)
    found: dict[str, int] = rows(Attempt).filter(any_of_them).aggregate(**each)
    return found


def _since(window: Window, moment: datetime) -> datetime:
    return moment - timedelta(seconds=window.seconds)


def _lost(account: GatewayAccount, since: datetime) -> int:
    if account.lost_at is None or account.lost_at <= since:
        return 0
    return account.lost_to - account.lost_from
