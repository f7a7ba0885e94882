"""The columns of the table of answers: what came, and what it leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from csms_campaigns.gateway import errors
from tests.servers.wire import Script
from tests.servers.wire_places import Place, serving

PATIENT: Final = (2.0, 5.0)
HASTY: Final = (0.2, 0.3)
"""Time-outs of the rows in which time runs out."""


@dataclass(frozen=True)
class Leads:
    """What the engine makes of it, for a campaign one of whose numbers was accepted before."""

    numbers: str
    batch: str
    request: str
    campaign: str
    block: str
    canary: str
    """The campaign, where this was the answer to its first request."""


#                    numbers    batch      request     campaign   account blocked  as canary
WAIT = Leads("pending", "pending", "not_sent", "sending", "unreachable", "sending")
RATE = Leads("pending", "pending", "refused", "sending", "rate_limited", "sending")
BUSY = Leads("pending", "pending", "refused", "sending", "unavailable", "sending")
KEY = Leads("pending", "pending", "refused", "paused", "key_refused", "paused")
CREDITS = Leads("pending", "pending", "refused", "paused", "no_credits", "paused")
WORDS = Leads("pending", "pending", "refused", "paused", "", "paused")
LOST = Leads("unknown", "unknown", "unknown", "sending", "", "paused")
DONE = Leads("sent", "done", "answered", "sending", "", "sending")
EMPTY = Leads("sent", "done", "answered", "paused", "no_credits", "paused")
"""Processed, and that was the last credit."""
NO_NEWS = Leads("unknown", "done", "answered", "sending", "", "paused")
"""Processed, and not a number is named."""
LATER = Leads("pending", "done", "answered", "paused", "no_credits", "paused")
"""Each number is refused for want of credits: they wait in a batch of their own."""
NONE = Leads("failed", "done", "answered", "sending", "", "sending")
"""Each number fails; as a canary it goes on alone until five numbers were refused."""

SOME = Leads("as said", "done", "answered", "paused", "no_credits", "paused")
"""Credits ran out in the middle: the rest waits in a batch of its own."""
CUT = Leads("pending", "pending", "refused", "sending", "", "sending")
"""The request must become smaller."""
MIXED = Leads("as said", "done", "answered", "sending", "", "sending")
"""Processed, and not the same for all; at least one number was accepted."""

SENT3: Final = ("sent", "sent", "sent")


@dataclass(frozen=True)
class Row:
    what: str
    place: Place
    outcome: type[errors.GatewayError] | tuple[str, ...]
    """An error, or what the receipt says of each of the three numbers."""
    leads: Leads
    code: str | None = None
    """None: whatever it is."""
    blocked_for: float | None = None
    """Seconds; None where the account is not blocked, or until a person resumes."""
    http_status: int | None = None
    credits: int | None = None
    timeout: tuple[float, float] = PATIENT
    after: tuple[str, ...] | None = None
    """Of the three recipients, where it can't be seen from `outcome` and `leads`."""

    @property
    def statuses(self) -> tuple[str, ...]:
        """Of the three recipients, once the engine has written the answer down."""
        if self.after is not None:
            return self.after
        if self.leads is MIXED and isinstance(self.outcome, tuple):
            return self.outcome
        return (self.leads.numbers,) * 3


def _error(
    kind: type[errors.GatewayError],
    what: str,
    leads: Leads,
    script: Script | Place,
    *,
    place: bool = False,
    **more: object,
) -> Row:
    where = script if place else serving(script)  # type: ignore[arg-type]
    return Row(what, where, kind, leads, **more)  # type: ignore[arg-type]


def unreachable(what: str, place: Place, **more: object) -> Row:
    more = {"blocked_for": 1.0, **more}
    return _error(errors.Unreachable, what, WAIT, place, place=True, **more)


def lost(what: str, script: Script, **more: object) -> Row:
    return _error(errors.AnswerLost, what, LOST, script, **more)


def rate(what: str, script: Script, blocked_for: float = 60.0, **more: object) -> Row:
    more = {"http_status": 429, "blocked_for": blocked_for, **more}
    return _error(errors.RateLimited, what, RATE, script, **more)


def busy(what: str, script: Script, blocked_for: float = 1.0, **more: object) -> Row:
    more = {"http_status": 503, "blocked_for": blocked_for, **more}
    return _error(errors.Unavailable, what, BUSY, script, **more)


def key(what: str, script: Script, **more: object) -> Row:
    return _error(errors.KeyRefused, what, KEY, script, **more)


def credits_gone(what: str, script: Script, **more: object) -> Row:
    return _error(errors.CreditsExhausted, what, CREDITS, script, **more)


def words(what: str, script: Script, **more: object) -> Row:
    return _error(errors.Refused, what, WORDS, script, **more)


def too_many(what: str, script: Script, **more: object) -> Row:
    return _error(errors.TooManyNumbers, what, CUT, script, **more)


def number(what: str, script: Script, **more: object) -> Row:
    return _error(errors.NumberRefused, what, CUT, script, **more)


def read(
    what: str,
    script: Script,
    numbers: tuple[str, ...] = SENT3,
    leads: Leads = DONE,
    **more: object,
) -> Row:
    more = {"http_status": 200, "credits": 98, **more}
    return Row(what, serving(script), numbers, leads, **more)  # type: ignore[arg-type]
