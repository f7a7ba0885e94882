"""What the gateway said of each number of a processed request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from csms_campaigns.gateway import codes


@dataclass(frozen=True)
class NumberOutcome:
    accepted: bool
    message_id: str = ""
    code: str = ""
    error: str = ""

    @property
    def wants_credits(self) -> bool:
        """Refused for want of credits: nothing was sent, and it may go later."""
        return not self.accepted and codes.matches(codes.CREDITS, self.code, self.error)


@dataclass(frozen=True)
class Receipt:
    """`outcomes` by E.164 number; a number that is missing from it is unknown."""

    http_status: int
    outcomes: Mapping[str, NumberOutcome] = field(default_factory=dict)
    remaining_credits: int | None = None
