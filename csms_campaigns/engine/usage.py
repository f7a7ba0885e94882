"""How much of its limits an account uses at this moment, for pages, metrics and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

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


def usage(account: GatewayAccount, options: Account) -> list[WindowUse]:
    """One for each window, the shortest first. Reads at most `limit` rows of the log for each."""
    return [
        WindowUse(window.seconds, window.limit, _used(account, window))
        for window in options.rate_limits
    ]


def _used(account: GatewayAccount, window: Window) -> int:
    since = now() - timedelta(seconds=window.seconds)
    latest = rows(Attempt).filter(account=account, cum__gt=account.cum - window.limit)
    used = latest.filter(stamped_at__gt=since).count()
    if account.lost_at is not None and account.lost_at > since:
        used += account.lost_to - account.lost_from
    return min(used, window.limit)
