"""A campaign and all that followed from it, taken together: quick sums, for pages.

Whoever is in a follow-up is asked about there: so of each person the last row counts. One who
was left out of a follow-up because a late answer said that the text had been accepted counts
as sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from csms_campaigns.engine.database import rows
from csms_campaigns.engine.sums import Sums, sums
from csms_campaigns.models import Campaign
from csms_campaigns.states import SendStatus

OUTCOMES = ("sent", "failed", "unknown", "skipped", "cancelled", "pending")


@dataclass(frozen=True)
class Member:
    """`generation`: 0 for the campaign that began it. `repeats`: people of its parent."""

    campaign: Campaign
    generation: int
    sums: Sums

    @property
    def repeats(self) -> int:
        """Whoever was cancelled before a request was made is free again."""
        return self.campaign.audience_count - self.sums.cancelled

    @property
    def is_of_failed(self) -> bool:
        return bool(self.campaign.chosen.get("status") == SendStatus.FAILED)


@dataclass(frozen=True)
class Family:
    """The root first; a follow-up stands somewhere after its parent."""

    members: tuple[Member, ...]

    @property
    def root(self) -> Member:
        return self.members[0]

    @property
    def follow_ups(self) -> tuple[Member, ...]:
        return self.members[1:]

    @property
    def audience(self) -> int:
        return self.root.campaign.audience_count

    @property
    def final(self) -> dict[str, int]:
        """People of the root by what became of them in the end."""
        again = sum(m.repeats for m in self.follow_ups if m.is_of_failed)
        answered = self._sum("answered")
        return {
            "sent": self._sum("sent") - self._sum("late_sent") + answered,
            "failed": self._sum("failed") - self._sum("late_failed") - again,
            "unknown": self._sum("unknown") - self._sum("sent_again"),
            "skipped": self._sum("skipped") - answered,
            "cancelled": self.root.sums.cancelled,
            "pending": self._sum("pending"),
        }

    @property
    def decided(self) -> dict[str, int]:
        """Of the unknown in the end."""
        names = ("treated_as_sent", "treated_as_failed", "undecided")
        return {name: self._sum(name) for name in names}

    @property
    def links_fit(self) -> bool:
        """As many are sent again by decision as there are in follow-ups."""
        again = sum(m.repeats for m in self.follow_ups if not m.is_of_failed)
        names = ("sent_again", "late_sent", "late_failed")
        return again == sum(self._sum(name) for name in names)

    @property
    def adds_up(self) -> bool:
        final = self.final
        fits = sum(final.values()) == self.audience and min(final.values()) >= 0
        return fits and self.links_fit

    def _sum(self, name: str) -> int:
        return sum(getattr(member.sums, name) for member in self.members)

    def as_dict(self) -> dict[str, Any]:
        ids = [member.campaign.pk for member in self.members]
        return {"campaigns": ids, "audience": self.audience, **self.final}


def family(campaign: Campaign, own: Sums | None = None) -> Family:
    """Of any member. A sum over batches for each of them; none over recipients.

    `own` are the sums of the campaign itself, where they have been read already.
    """
    known = {} if own is None else {campaign.pk: own}
    each = _with_follow_ups(root_of(campaign), 0)
    return Family(
        tuple(Member(c, level, known.get(c.pk) or sums(c)) for c, level in each)
    )


def kin(campaign: Campaign) -> list[Campaign]:
    """The members of its family alone, the root first; nothing is summed."""
    return [one for one, _level in _with_follow_ups(root_of(campaign), 0)]


def root_of(campaign: Campaign) -> Campaign:
    while campaign.parent_id:
        campaign = rows(Campaign).get(pk=campaign.parent_id)
    return campaign


def _with_follow_ups(
    campaign: Campaign, generation: int
) -> Iterator[tuple[Campaign, int]]:
    yield campaign, generation
    for follow_up in rows(Campaign).filter(parent=campaign).order_by("pk"):
        yield from _with_follow_ups(follow_up, generation + 1)
