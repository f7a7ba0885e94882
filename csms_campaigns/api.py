"""For the site's own code: what the admin does, with the same rules and the same wake-ups.

`campaign` is a campaign or its id. What cannot be done is a `CampaignError`: one sentence for
people, and a `code`. Each call commits by itself, or with the transaction around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from csms_campaigns import conf, tasks
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import ImportReport, import_contacts
from csms_campaigns.engine import (
    audience,
    follow_ups,
    lifecycle,
    opting_out,
    resolving,
    testing,
)
from csms_campaigns.engine.database import alias, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.progress import Progress, progress
from csms_campaigns.engine.promise import Promise
from csms_campaigns.models import Campaign, ContactList
from csms_campaigns.sms.numbers import InvalidNumber, normalise
from csms_campaigns.sms.stop_words import is_stop
from csms_campaigns.states import OptOutSource, Resolution

__all__ = [
    "CampaignError",
    "ImportFailed",
    "ImportReport",
    "InvalidNumber",
    "Progress",
    "Promise",
    "cancel",
    "create",
    "import_contacts",
    "is_opted_out",
    "is_stop",
    "launch",
    "opt_out",
    "pause",
    "prepare",
    "resend_unknown",
    "resolve_unknown",
    "resume",
    "retry_failed",
    "review",
    "send_test",
    "status",
    "unschedule",
]

ById = Campaign | int


def create(
    *,
    name: str,
    message: str,
    lists: Iterable[ContactList | str] = (),
    audiences: Iterable[str] = (),
    exclude_lists: Iterable[ContactList | str] = (),
    account: str = "default",
    by: Any = None,
) -> Campaign:
    """A draft. Lists may be given by name; `audiences` are names of the setting `AUDIENCES`."""
    return lifecycle.create(
        name=name,
        message=message,
        lists=_lists(lists),
        audiences=audiences,
        exclude_lists=_lists(exclude_lists),
        account=account,
        by=by,
    )


def prepare(campaign: ById) -> None:
    """A worker freezes the audience: draft or ready → preparing → ready. Returns at once."""
    token = audience.begin(_pk(campaign))
    _once_committed(lambda: tasks.wake_prepare(_pk(campaign), token))


def review(campaign: ById) -> Promise:
    """The same in this process, which may take seconds, and the promise; needs no worker."""
    return audience.review(_pk(campaign))


def send_test(
    campaign: ById, numbers: Iterable[str], *, like: str = "", by: Any = None
) -> Campaign:
    """The text to a few numbers, as `like`, or somebody in the audience, would get it.

    `InvalidNumber` if one is none.
    """
    to = [_normal(number, None) for number in numbers]
    reads_as = _normal(like, None) if like else ""
    made = testing.send_test(_pk(campaign), to, like=reads_as, by=by)
    _wake(made)
    return made


def launch(campaign: ById, *, at: datetime | None = None, by: Any = None) -> None:
    """ready → sending, or with `at` (in the future) ready → scheduled."""
    lifecycle.launch(_pk(campaign), at=at, by=by)
    if at is None:
        _wake(campaign)


def unschedule(campaign: ById, *, by: Any = None) -> None:
    """scheduled → ready."""
    lifecycle.unschedule(_pk(campaign), by=by)


def pause(campaign: ById, *, by: Any = None) -> None:
    """sending → paused. What is in flight is still recorded."""
    lifecycle.pause(_pk(campaign), by=by)


def resume(campaign: ById, *, by: Any = None) -> None:
    """paused → sending."""
    lifecycle.resume(_pk(campaign), by=by)
    _wake(campaign)


def cancel(campaign: ById, *, by: Any = None) -> None:
    """Any unfinished state → cancelled. Not in a transaction: it works in slices of its own."""
    lifecycle.cancel(_pk(campaign), by=by)


def status(campaign: ById) -> Progress:
    """How far it is; cheap, so it may be asked every few seconds."""
    return progress(lifecycle.get(_pk(campaign)))


def retry_failed(
    campaign: ById,
    *,
    all_causes: bool = False,
    codes: Iterable[str] | None = None,
    by: Any = None,
) -> Campaign:
    """A follow-up of who failed, ready to be launched; without permanent causes unless told."""
    return follow_ups.retry_failed(
        _pk(campaign), all_causes=all_causes, codes=codes, by=by
    )


def resend_unknown(campaign: ById, *, by: Any = None) -> Campaign:
    """A follow-up of who is unknown and undecided: they may be texted twice."""
    return follow_ups.resend_unknown(_pk(campaign), by=by)


def resolve_unknown(campaign: ById, decision: str, *, by: Any = None) -> int:
    """Treat who is unknown as `"sent"` or `"failed"`; how many were undecided."""
    return resolving.resolve(_pk(campaign), Resolution(decision), by=by)


def opt_out(
    phone: str,
    *,
    reason: str = "",
    source: str = OptOutSource.API,
    region: str | None = None,
    by: Any = None,
) -> bool:
    """From now on this number is texted by no campaign, not by one that runs either.

    False if it had opted out before. `InvalidNumber` if it is none.
    """
    number = _normal(phone, region)
    return opting_out.opt_out(number, source=source, reason=reason, by=by)


def is_opted_out(phone: str, *, region: str | None = None) -> bool:
    return opting_out.is_opted_out(_normal(phone, region))


def _normal(phone: str, region: str | None) -> str:
    return normalise(phone, region or conf.default_region())


def _pk(campaign: ById) -> int:
    return campaign.pk if isinstance(campaign, Campaign) else campaign


def _lists(wanted: Iterable[ContactList | str]) -> list[ContactList]:
    chosen = list(wanted)
    names = [one for one in chosen if isinstance(one, str)]
    found = {one.name: one for one in rows(ContactList).filter(name__in=names)}
    for name in names:
        if name not in found:
            text = _("There is no contact list “%(name)s”.") % {"name": name}
            raise CampaignError(text, "no_such_list")
    return [found[one] if isinstance(one, str) else one for one in chosen]


def _wake(campaign: ById) -> None:
    account = lifecycle.get(_pk(campaign)).account
    _once_committed(lambda: tasks.wake_lanes(account))


def _once_committed(call: Any) -> None:
    # A wake-up that comes before the commit finds nothing to do.
    transaction.on_commit(lambda: call() and None, using=alias())
