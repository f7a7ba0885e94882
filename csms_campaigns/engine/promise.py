"""What is promised before launch: people, requests, segments, credits, and when it is over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.forecast import ages, seconds_until_sent
from csms_campaigns.models import Campaign


@dataclass(frozen=True)
class Promise:
    """`skipped` counts by reason; `eta_seconds` from the launch to the last answer.

    `estimated_credits` counts each segment: the provider does not say whether a long text
    costs more than one credit, and of two readings this is the one that never surprises.
    """

    recipients: int
    skipped: dict[str, int]
    batches: int
    segments: int
    estimated_credits: int
    eta_seconds: float
    remaining_credits: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def promise(campaign: Campaign) -> Promise:
    """For a campaign that is ready; quick, whatever its size."""
    account = accounts.state(campaign.account)
    options = conf.account(campaign.account)
    skipped = dict(campaign.skipped_counts)
    return Promise(
        recipients=campaign.audience_count - sum(skipped.values()),
        skipped=skipped,
        batches=campaign.batch_count,
        segments=campaign.segment_count,
        estimated_credits=campaign.segment_count,
        eta_seconds=round(
            seconds_until_sent(options, campaign.batch_count, ages(account, options)), 1
        ),
        remaining_credits=account.remaining_credits,
    )
