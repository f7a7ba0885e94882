"""Everything that is known of one person, for that person: contact, lists, opt-out, texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from csms_campaigns.contacts_io.rows import rows
from csms_campaigns.models import Contact, OptOut, SendResult

TEXT: Final = {
    "campaign": "campaign__name",
    "text": "batch__message",
    "status": "status",
    "left_out_because": "skip_reason",
    "decision": "resolution",
    "message_id": "message_id",
    "error_code": "error_code",
    "error": "error",
    "name": "name",
}


def personal_data(phone: str) -> dict[str, Any]:
    """Of the person with this number in E.164, ready for JSON; times in UTC."""
    return {
        "phone": phone,
        "contact": _contact(phone),
        "opt_out": _opt_out(phone),
        "texts": list(_texts(phone)),
    }


def is_known(found: dict[str, Any]) -> bool:
    return bool(found["contact"] or found["opt_out"] or found["texts"])


def _contact(phone: str) -> dict[str, Any] | None:
    contact = rows(Contact).filter(phone=phone).first()
    if contact is None:
        return None
    lists = rows(Contact.lists.through).filter(contact=contact)
    return {
        "name": contact.name,
        "attributes": contact.attributes,
        "lists": sorted(lists.values_list("contactlist__name", flat=True)),
        "created_at": _moment(contact.created_at),
        "updated_at": _moment(contact.updated_at),
    }


def _opt_out(phone: str) -> dict[str, Any] | None:
    found = rows(OptOut).filter(phone=phone).first()
    if found is None:
        return None
    return {
        "source": found.source,
        "reason": found.reason,
        "created_at": _moment(found.created_at),
    }


def _texts(phone: str) -> Iterator[dict[str, Any]]:
    """The oldest first; one for each campaign."""
    found = rows(SendResult).filter(phone=phone).order_by("campaign")
    for row in found.values(*TEXT.values(), "updated_at"):
        text = {name: row[column] or "" for name, column in TEXT.items()}
        yield {**text, "updated_at": _moment(row["updated_at"])}


def _moment(at: datetime | None) -> str | None:
    if at is None:
        return None
    aware = at if settings.USE_TZ else timezone.make_aware(at)
    return aware.astimezone(UTC).isoformat()
