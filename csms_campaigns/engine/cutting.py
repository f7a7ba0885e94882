"""Who of a batch goes into its request: never more than the gateway is known to take."""

from __future__ import annotations

from csms_campaigns.engine.anonymising import is_number
from csms_campaigns.engine.batching import CANARY_SIZE
from csms_campaigns.engine.database import fetch
from csms_campaigns.engine.recording import skip_erased, skip_opted_out
from csms_campaigns.engine.splitting import move_to_new_batch
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.states import BlockReason

Recipients = dict[str, int]
"""Result ids by E.164 number."""


def for_request(
    account: GatewayAccount, campaign: Campaign, batch: Batch
) -> Recipients:
    """Those who wait, and may go now; who is beyond that waits in a new batch."""
    waiting = _waiting(batch)
    most = _most(account, campaign, batch, len(waiting))
    if len(waiting) <= most:
        return waiting
    numbers = list(waiting)
    move_to_new_batch(batch.pk, [waiting[number] for number in numbers[most:]])
    return {number: waiting[number] for number in numbers[:most]}


def _waiting(batch: Batch) -> Recipients:
    """Without those who opted out since the review, or were erased: they are left out now."""
    found = fetch(
        "SELECT r.phone, r.id, EXISTS"
        " (SELECT 1 FROM {opt_out} AS o WHERE o.phone = r.phone) FROM {result} AS r"
        " WHERE r.batch_id = %(batch)s AND r.status = 'pending' ORDER BY r.id",
        batch=batch.pk,
    )
    if any(opted_out for _phone, _pk, opted_out in found):
        skip_opted_out(batch)
        return _waiting(batch)  # Of another one, who opted out in between, too.
    known = {phone: pk for phone, pk, _ in found if phone and is_number(phone)}
    if len(known) < len(found):
        skip_erased(batch)
    return known


def _most(
    account: GatewayAccount, campaign: Campaign, batch: Batch, waiting: int
) -> int:
    """Few where answers do not arrive, and as many as the gateway has not refused."""
    most = account.learned_batch_size or waiting
    if account.blocked_reason == BlockReason.NO_ANSWER:
        most = min(most, CANARY_SIZE)
    if batch.time_zone and not campaign.canary_passed:
        # The first batch is small, but the zone of another may be the first to open.
        most = min(most, CANARY_SIZE)
    return most
