"""Who did what to a campaign: Django's own history in words, the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from csms_campaigns.admin.words import moment
from csms_campaigns.models import Campaign

SHOWN: Final = 8


@dataclass(frozen=True)
class Entry:
    when: str
    who: str
    what: str


def journal(campaign: Campaign) -> list[Entry]:
    kind = ContentType.objects.get_for_model(Campaign)
    found: Any = LogEntry.objects.filter(content_type=kind, object_id=str(campaign.pk))
    latest = found.select_related("user").order_by("-action_time", "-pk")[:SHOWN]
    return [
        Entry(moment(e.action_time), e.user.get_username(), _what(e)) for e in latest
    ]


def _what(entry: LogEntry) -> str:
    said = entry.get_change_message()
    if not said:
        return _("Added.") if entry.action_flag == ADDITION else _("Changed.")
    # Written in the language of whoever did it; what the catalogue knows is read in the reader's.
    return _(said)
