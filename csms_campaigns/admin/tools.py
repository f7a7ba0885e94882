"""Which buttons a campaign offers: by its state, and by what the person may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.states import ARCHIVABLE
from csms_campaigns.states import CampaignStatus as State

LAUNCH: Final = "csms_campaigns.launch_campaign"
RESOLVE: Final = "csms_campaigns.resolve_campaign"


@dataclass(frozen=True)
class Tool:
    """A button. `posts`: it changes something; else it is a plain link."""

    name: str
    label: Any
    url: str
    posts: bool
    kind: str = "quiet"


LABELS: Final[dict[str, Any]] = {
    "review": _("Review"),
    "promise": _("Review page"),
    "launch": _("Launch"),
    "unschedule": _("Take back the schedule"),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "cancel": _("Cancel the campaign"),
    "test": _("Send a test"),
    "hours": _("Change the hours"),
    "progress": _("Progress"),
    "recipients": _("Recipients"),
    "copy": _("Copy"),
    "archive": _("Archive"),
    "unarchive": _("Take out of the archive"),
}
KINDS: Final = {
    "launch": "main",
    "resume": "main",
    "review": "main",
    "cancel": "danger",
}
READS: Final = frozenset({"promise", "progress", "recipients"})
LINKS: Final = READS | {"test", "hours"}
"""Plain links: to read, or to a form."""
HOURS_MAY_CHANGE: Final = frozenset({State.SCHEDULED, State.SENDING, State.PAUSED})
"""Before, the hours stand on the compose form."""

OFFERED: Final[dict[str, tuple[str, ...]]] = {
    State.DRAFT: ("review", "test"),
    State.PREPARING: ("promise", "cancel"),
    State.READY: ("launch", "promise", "test", "recipients"),
    State.SCHEDULED: (
        *("promise", "test", "recipients", "hours", "unschedule", "cancel"),
    ),
    State.SENDING: ("pause", "progress", "recipients", "hours", "cancel"),
    State.PAUSED: ("resume", "progress", "recipients", "hours", "cancel"),
    State.FINISHED: ("progress", "recipients"),
    State.CANCELLED: ("progress", "recipients"),
}


def tools(
    request: HttpRequest, campaign: Campaign, site: str, *, but: tuple[str, ...] = ()
) -> list[Tool]:
    """The buttons that work for this person now, without those named in `but`."""
    return [
        Tool(
            name=name,
            label=LABELS[name],
            url=_url(campaign, name, site),
            posts=name not in LINKS,
            kind=KINDS.get(name, "quiet"),
        )
        for name in _offered(campaign)
        if name not in but and may(request, name)
    ]


def _offered(campaign: Campaign) -> tuple[str, ...]:
    offered = OFFERED[campaign.status]
    copied = () if campaign.parent_id else ("copy",)
    if campaign.status not in ARCHIVABLE:
        return (*offered, *copied)
    if campaign.archived_at is None:
        return (*offered, *copied, "archive")
    # Put aside is not deleted: it may be looked at.
    return (*(name for name in offered if name in READS), *copied, "unarchive")


def may(request: HttpRequest, name: str) -> bool:
    """Reading a page needs no more than the campaign itself; the rest has its permission."""
    user = request.user
    if name == "recipients":
        view = get_permission_codename("view", SendResult._meta)
        return user.has_perm(f"csms_campaigns.{view}")
    if name in READS:
        return True
    if name in {"review", "archive", "unarchive"}:
        return user.has_perm("csms_campaigns.change_campaign")
    if name == "copy":
        return user.has_perm("csms_campaigns.add_campaign")
    return user.has_perm(LAUNCH)


def may_resolve(request: HttpRequest) -> bool:
    return request.user.has_perm(RESOLVE)


def _url(campaign: Campaign, name: str, site: str) -> str:
    if name == "recipients":
        return results_url(campaign, site)
    page = "review" if name == "promise" else name
    return reverse(f"{site}:csms_campaigns_campaign_{page}", args=[campaign.pk])


def results_url(
    campaign: Campaign, site: str, *, page: str = "changelist", **filters: str
) -> str:
    chosen = {"campaign__id": str(campaign.pk), **filters}
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    return f"{reverse(f'{site}:csms_campaigns_sendresult_{page}')}?{query}"
