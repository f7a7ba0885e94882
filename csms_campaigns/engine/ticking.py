"""What must happen again and again, whoever does it: beat, cron, or a busy lane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext_noop as _

from csms_campaigns import conf
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.ending import cancel_leftovers, finish_campaigns
from csms_campaigns.engine.lanes import BEAT, Wake, idle_lanes
from csms_campaigns.engine.lifecycle import start_due
from csms_campaigns.engine.pausing import pause_by_system
from csms_campaigns.engine.recovery import sweep
from csms_campaigns.engine.work import has_work
from csms_campaigns.models import Campaign, Heartbeat
from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import CampaignStatus

PERIOD: Final = 10.0
NAME: Final = "tick"


def regular_tick(wake: Wake, wake_prepare: Callable[[int], bool]) -> None:
    """The tick of beat or cron, who will come again: lanes need not wait for them awake."""
    rows(Heartbeat).update_or_create(name=BEAT, defaults={"at": now()})
    tick(wake, wake_prepare)


def tick(wake: Wake, wake_prepare: Callable[[int], bool]) -> None:
    """Start what is due, give up what is stalled, end what is done, wake who has work."""
    _beat()
    start_due()
    sweep()
    cancel_leftovers()
    finish_campaigns()
    for campaign_id in stale_preparations():
        wake_prepare(campaign_id)
    _pause_orphans()
    for alias in _aliases_with_work():
        if (free := idle_lanes(alias)) > 0:
            wake(alias, free)


def tick_if_due(wake: Wake, wake_prepare: Callable[[int], bool]) -> bool:
    """The tick, if nobody has done it for its period: so a missing beat delays nothing for long."""
    if not _beat(now() - timedelta(seconds=PERIOD)):
        return False
    tick(wake, wake_prepare)
    return True


def _beat(not_after: object = None) -> bool:
    """Write down that the tick ran; with `not_after`, only if it has not run since."""
    moment = now()
    _found, created = rows(Heartbeat).get_or_create(name=NAME, defaults={"at": moment})
    found = rows(Heartbeat).filter(name=NAME)
    if not_after is not None:
        found = found.filter(at__lt=not_after)
    return bool(found.update(at=moment)) or created


def stale_preparations() -> list[int]:
    """Campaigns whose preparing process died, or never began."""
    found = rows(Campaign).filter(
        status=CampaignStatus.PREPARING, prepare_lease_until__lt=now()
    )
    return list(found.values_list("pk", flat=True))


def _pause_orphans() -> None:
    """Campaigns whose account has left the settings say so, instead of standing still."""
    orphans = rows(Campaign).filter(status=CampaignStatus.SENDING)
    found = orphans.exclude(account__in=conf.aliases()).values_list("pk", "account")
    for campaign_id, account in found:
        text = _("The account “%(account)s” is not in the settings any more.")
        pause_by_system([campaign_id], Reason(text, account=account))


def _aliases_with_work() -> list[str]:
    sending = rows(Campaign).filter(status=CampaignStatus.SENDING)
    found = sending.order_by("account").values_list("account", flat=True).distinct()
    known = set(conf.aliases())
    return [alias for alias in found if alias in known and has_work(alias)]
