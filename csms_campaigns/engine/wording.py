"""What the wire and the gateway said, as part of a sentence: ours can be translated."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop, override

from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import BlockReason

WORDS = frozenset(
    {
        gettext_noop("the name of the gateway was not found"),
        gettext_noop("no secure connection could be made"),
        gettext_noop("the connection was refused"),
        gettext_noop("no connection was made in time"),
        gettext_noop("no connection could be made"),
        gettext_noop("no answer came in time"),
        gettext_noop("the connection broke before the answer was complete"),
        gettext_noop("the answer could not be read"),
        gettext_noop("the answer took too long"),
        gettext_noop("the permit was too old when the connection was begun"),
        gettext_noop("connecting took too long"),
        gettext_noop("The gateway's answer does not name this number."),
        gettext_noop("the balance is used up; top it up, then resume"),
        gettext_noop("The worker stopped before it could record an answer."),
        gettext_noop(
            "The database was set back, and nobody knows whether this was sent since."
        ),
    }
)
"""Of `gateway.failures`, and of the engine: their English stands in the database."""


def spoken(text: str) -> str | Reason:
    """The gateway's own words stay as they are."""
    return Reason(text) if text in WORDS else text


def translated(text: str) -> str:
    """What stands in the database in English, for the reader."""
    return gettext(text) if text in WORDS else text


def label(reason: BlockReason) -> Reason:
    with override("en"):
        return Reason(str(reason.label))
