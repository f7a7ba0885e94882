"""What became of a recipient, as lines in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils.translation import gettext as _

from csms_campaigns.admin.words import moment, number
from csms_campaigns.engine.stories import Story, story
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Attempt, SendResult


@dataclass(frozen=True)
class Event:
    when: str
    what: str
    words: str = ""
    url: str = ""


def in_words(result: SendResult, site: str) -> list[Event]:
    found = story(result)
    return [
        *(
            _other(one, _("In “%(campaign)s”: %(outcome)s"), site)
            for one in found.before
        ),
        *_requests(found, site),
        *_own(result),
        *(
            _other(one, _("Again in “%(campaign)s”: %(outcome)s"), site)
            for one in found.after
        ),
    ]


def _requests(found: Story, site: str) -> list[Event]:
    """Of the batch it was cut from only until the first of its own."""
    own = found.requests
    first = own[0].cum if own else None
    before = [a for a in found.requests_before if first is None or a.cum < first]
    return [_request(attempt, site) for attempt in (*before, *own)]


def _request(attempt: Attempt, site: str) -> Event:
    said = attempt.get_outcome_display() if attempt.outcome else _("In flight")
    words = {"number": number(attempt.cum), "people": number(attempt.size)}
    parts = [str(said), translated(attempt.error)]
    if attempt.http_status:
        parts.insert(1, f"HTTP {attempt.http_status}")
    return Event(
        moment(attempt.stamped_at),
        _("Request %(number)s with %(people)s numbers") % words,
        " · ".join(part for part in parts if part),
        reverse(f"{site}:csms_campaigns_attempt_change", args=[attempt.pk]),
    )


def _own(result: SendResult) -> list[Event]:
    words = [
        result.get_skip_reason_display() if result.skip_reason else "",
        result.message_id,
        result.error_code,
        translated(result.error),
    ]
    said = " · ".join(str(part) for part in words if part)
    found = [Event(moment(result.updated_at), str(result.get_status_display()), said)]
    if result.resolution:
        found.append(Event(moment(result.resolved_at), decision(result)))
    return found


def decision(result: SendResult) -> str:
    if not result.resolution:
        return ""
    label = str(result.get_resolution_display())
    name = _name(result)
    if not name:
        return label
    return _("%(decision)s, decided by %(name)s") % {"decision": label, "name": name}


def _name(result: SendResult) -> str:
    if result.resolved_by_id is None:
        return ""
    # Without a constraint: they may be gone.
    person: Any = get_user_model()._default_manager.filter(pk=result.resolved_by_id)
    return str(person.first() or "")


def _other(result: SendResult, words: str, site: str) -> Event:
    at: datetime | None = result.updated_at or result.resolved_at
    named = {
        "campaign": str(result.campaign),
        "outcome": str(result.get_status_display()),
    }
    url = reverse(f"{site}:csms_campaigns_sendresult_change", args=[result.pk])
    return Event(moment(at), words % named, translated(result.error), url)
