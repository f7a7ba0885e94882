"""A database that was set back: nothing is sent until a person has looked.

A restored backup, a failover to a replica that lagged: the queue holds people who were texted
after the copy was made. The account is held (`DATABASE_OLD`) as soon as a take finds out, and
its campaigns are paused. `after_restore` ends that, once the requests that nobody remembers
are counted; whoever waited still waits, until a person chooses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from csms_campaigns import conf
from csms_campaigns.engine import accounts, limits, pausing, recording, witness
from csms_campaigns.engine.database import atomic, lock_account, now, rows
from csms_campaigns.engine.ending import finish_campaign
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.wording import label
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import BatchStatus, BlockReason, CampaignStatus

SLICE: Final = 200
NOT_KNOWN: Final = (
    "The database was set back, and nobody knows whether this was sent since."
)
WAITED: Final = gettext_noop(
    "The database was set back. Who waits here may have been texted already: "
    "resume to text them, or cancel."
)


@dataclass(frozen=True)
class AfterRestore:
    """What was found and done for one account.

    `missing` requests left that the database does not know of; without a witness, and if nobody
    says how many, as many as the limits allow. `held` are campaigns in which people wait who may
    have been texted; `ready` are those that may have been launched since the copy was made.
    """

    alias: str
    witness: int | None
    requests_before: int
    requests_after: int
    missing: int
    held: list[int]
    ready: list[int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_set_back(account: GatewayAccount) -> bool:
    """The locked row is behind what was seen of it, or was when somebody last took."""
    is_held = account.blocked_reason == BlockReason.DATABASE_OLD
    return is_held or witness.highest(account.witness_id) > account.cum


def hold_account(account: GatewayAccount, moment: datetime) -> None:
    """Nothing leaves, and the account's campaigns say why. Its row must be locked."""
    if account.blocked_reason != BlockReason.DATABASE_OLD:
        detail = "%(known)s requests are known here, %(sent)s were sent"
        sent = witness.highest(account.witness_id)
        accounts.block(
            account,
            BlockReason.DATABASE_OLD,
            now=moment,
            seconds=None,
            detail=detail % {"known": account.cum, "sent": sent},
        )
    pausing.pause_campaigns_of(account.alias, label(BlockReason.DATABASE_OLD))


def check_not_set_back(account: GatewayAccount) -> None:
    """`CampaignError` while the account is held."""
    if account.blocked_reason == BlockReason.DATABASE_OLD:
        raise CampaignError(
            _(
                "The database is older than what was sent. "
                "Run “manage.py csms_doctor --after-restore” first."
            ),
            "database_old",
        )


def after_restore(alias: str, *, requests: int | None = None) -> AfterRestore:
    """Count the requests that the database has forgotten, hold what waits, end the block.

    `requests` is how many left since the copy was made, where a person knows better than the
    witness; the higher of both counts. The limiter takes them all for just sent, so that the
    windows hold. Campaigns that were sending, or whose time has come, stay paused: for each of
    them a person resumes (who waits may be texted twice), cancels, or calls `call_unknown`.
    `CampaignError` if there is no such account, or if the witness should know and is silent.
    """
    conf.account(alias)
    told = _testimony(accounts.state(alias), requests)
    with atomic():
        account = lock_account(alias)
        moment = now()
        before = account.cum
        after = _reached(account, told, requests)
        _count_lost(account, after, moment)
        held = _hold_what_waits(alias)
    witness.tell(account.witness_id, after)
    return AfterRestore(
        alias=alias,
        witness=told,
        requests_before=before,
        requests_after=after,
        missing=after - before,
        held=held,
        ready=_ids(alias, [CampaignStatus.READY]),
    )


def _testimony(account: GatewayAccount, requests: int | None) -> int | None:
    """What the witness says; None if it says nothing, which only a person can make good."""
    should_answer = witness.is_there()
    if should_answer and not witness.answers(account.witness_id) and requests is None:
        raise CampaignError(
            _(
                "The witness in Redis does not answer. Start Redis, "
                "or say how many requests were sent since the copy was made."
            ),
            "no_witness",
        )
    return witness.highest(account.witness_id) or None


def _reached(account: GatewayAccount, told: int | None, requests: int | None) -> int:
    if requests is not None:
        return max(account.cum + requests, told or 0)
    if told is None:
        windows = conf.account(account.alias).rate_limits
        return account.cum + max((window.limit for window in windows), default=0)
    return max(account.cum, told)


def _count_lost(account: GatewayAccount, after: int, moment: datetime) -> None:
    """The running count goes on behind what was forgotten, and one request goes first, alone."""
    lost = {}
    if after > account.cum:
        options = conf.account(account.alias)
        is_recent = limits.still_count(account, options, account.lost_to)
        since = account.lost_from if account.lost_at and is_recent else account.cum
        lost = {"lost_from": since, "lost_to": after, "lost_at": moment}
    rows(GatewayAccount).filter(pk=account.pk).update(
        cum=after,
        stamped_at=max(account.stamped_at or moment, moment),
        blocked_reason="",
        blocked_detail="",
        blocked_until=None,
        blocked_cum=after,
        resumed_cum=after,
        next_free_at=None,
        probing=True,
        failures=0,
        unanswered=0,
        **lost,
    )


def _hold_what_waits(alias: str) -> list[int]:
    """Also what was scheduled for a time that has passed: it was sent then, or part of it."""
    reason = Reason(WAITED)
    due = rows(Campaign).filter(
        account=alias, status=CampaignStatus.SCHEDULED, send_at__lte=now()
    )
    due.update(status=CampaignStatus.SENDING, started_at=now())
    pausing.pause_campaigns_of(alias, reason)
    paused = rows(Campaign).filter(account=alias, status=CampaignStatus.PAUSED)
    paused.update(status_reason=str(reason), status_words=reason.words)
    return _ids(alias, [CampaignStatus.PAUSED])


def _ids(alias: str, statuses: list[CampaignStatus]) -> list[int]:
    found = rows(Campaign).filter(account=alias, status__in=statuses)
    return list(found.order_by("pk").values_list("pk", flat=True))


def call_unknown(campaign_id: int) -> int:
    """Whoever waits in this paused campaign becomes unknown; how many that were.

    For a campaign that was being sent when its database was set back: they may have been
    texted. Slice by slice; called again, it goes on. With nobody left to wait, it is finished.
    """
    campaign = rows(Campaign).filter(pk=campaign_id).first()
    if campaign is None or campaign.status != CampaignStatus.PAUSED:
        raise CampaignError(_("Pause the campaign first."), "not_paused")
    total = 0
    while (found := _call_slice_unknown(campaign)) is not None:
        total += found
    finish_campaign(campaign_id, now())
    return total


def _call_slice_unknown(campaign: Campaign) -> int | None:
    """How many people that were; None if no batch waits any more."""
    with atomic():
        lock_account(campaign.account)
        still = rows(Campaign).filter(pk=campaign.pk, status=CampaignStatus.PAUSED)
        if not still.select_for_update().exists():
            return None
        found = rows(Batch).filter(campaign=campaign, status=BatchStatus.PENDING)
        # As the queue's index, which finds them.
        queue = found.order_by("time_zone", "number").values_list("pk", flat=True)
        each = [_call_batch_unknown(pk, now()) for pk in queue[:SLICE]]
    return sum(each) if each else None


def _call_batch_unknown(batch_id: int, moment: datetime) -> int:
    people = recording.mark_unknown(batch_id, moment, NOT_KNOWN)
    if people:
        recording.close_pending(batch_id, BatchStatus.UNKNOWN, moment, NOT_KNOWN)
    else:
        recording.close_emptied(batch_id, moment)
    return people
