"""What Prometheus scrapes: from the database and the broker at that moment.

No query counts recipients: those of running campaigns are sums over their batches. Names are
a contract: dashboards and alerts use them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.db.models import Count, Min, Q
from django.utils import timezone

import csms_campaigns
from csms_campaigns import conf
from csms_campaigns.diagnosis import broker, campaigns, ticking
from csms_campaigns.diagnosis.exposition import Metric
from csms_campaigns.engine.bounded import bounded
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.sums import sums
from csms_campaigns.engine.usage import usage
from csms_campaigns.models import Attempt, Batch, Campaign, GatewayAccount, Lane
from csms_campaigns.states import (
    ACTIVE,
    AttemptOutcome,
    BatchStatus,
    BlockReason,
    CampaignKind,
    CampaignStatus,
)

PATIENCE: Final = 10.0
RECENT: Final = timedelta(minutes=5)
MOST_RECENT: Final = 10_000
"""Of an account without limits, at most so many requests are looked at."""
MOST_RUNNING: Final = 50
OUTCOMES: Final = ("pending", "sent", "failed", "unknown", "skipped", "cancelled")


def collect() -> Iterator[Metric]:
    """`TooSlow` if the database is."""
    started = time.monotonic()
    info = Metric("csms_build_info", "gauge", "The version of csms_campaigns.")
    info.add(1, version=csms_campaigns.__version__)
    yield info
    with bounded(PATIENCE):
        found = [*_campaigns(), *_running(), *_accounts(), *_work(), *_tick()]
    yield from found
    yield from _broker()
    seconds = Metric("csms_scrape_seconds", "gauge", "How long this page took.")
    seconds.add(round(time.monotonic() - started, 4))
    yield seconds


def _campaigns() -> Iterator[Metric]:
    metric = Metric("csms_campaigns", "gauge", "Campaigns by status.")
    shown = rows(Campaign).filter(kind=CampaignKind.CAMPAIGN).order_by()
    found = dict(shown.values_list("status").annotate(Count("pk")))
    for status in CampaignStatus.values:
        metric.add(found.get(status, 0), status=status)
    yield metric


def _running() -> Iterator[Metric]:
    people = Metric(
        "csms_campaign_recipients",
        "gauge",
        "People of the campaigns that are sending or paused, by outcome.",
    )
    batches = Metric(
        "csms_campaign_open_batches",
        "gauge",
        "Requests that the campaigns that are sending or paused have still to make.",
    )
    running = rows(Campaign).filter(kind=CampaignKind.CAMPAIGN, status__in=ACTIVE)
    for campaign in running.order_by("-pk")[:MOST_RUNNING]:
        found = sums(campaign)
        for outcome in OUTCOMES:
            people.add(getattr(found, outcome), campaign=campaign.pk, outcome=outcome)
        batches.add(found.open_batches, campaign=campaign.pk)
    yield people
    yield batches


def _accounts() -> Iterator[Metric]:
    metrics = {name: Metric(name, kind, text) for name, kind, text in OF_AN_ACCOUNT}
    for account in rows(GatewayAccount).filter(alias__in=conf.aliases()):
        _account(account, metrics)
    yield from metrics.values()


OF_AN_ACCOUNT: Final = (
    (
        "csms_account_credits",
        "gauge",
        "The balance that the gateway last told; absent before its first answer.",
    ),
    (
        "csms_account_credits_timestamp_seconds",
        "gauge",
        "When the gateway told the balance, in Unix time.",
    ),
    (
        "csms_account_blocked",
        "gauge",
        "1 while the account sends nothing for this reason.",
    ),
    (
        "csms_account_requests_total",
        "counter",
        "Requests that the account was permitted, since its beginning.",
    ),
    (
        "csms_account_window_used",
        "gauge",
        "Requests of the last so many seconds, which is the window.",
    ),
    ("csms_account_window_limit", "gauge", "Requests that the window may hold."),
    (
        "csms_account_attempts_recent",
        "gauge",
        "Requests of the last five minutes by outcome; in_flight has none yet.",
    ),
    ("csms_account_lanes_busy", "gauge", "Lanes that a worker holds."),
    ("csms_account_lanes", "gauge", "Lanes that the account may have: CONCURRENCY."),
)


def _account(account: GatewayAccount, into: dict[str, Metric]) -> None:
    alias, options = account.alias, conf.account(account.alias)

    def add(name: str, value: float, **labels: Any) -> None:
        into[f"csms_account_{name}"].add(value, account=alias, **labels)

    if account.remaining_credits is not None:
        add("credits", account.remaining_credits)
    if account.credits_at is not None:
        add("credits_timestamp_seconds", _unix(account.credits_at))
    for reason in BlockReason.values:
        add("blocked", _is_blocked(account, reason), reason=reason)
    add("requests_total", account.cum)
    for use in usage(account, options):
        add("window_used", use.used, window=f"{use.seconds:g}")
        add("window_limit", use.limit, window=f"{use.seconds:g}")
    for outcome, count in _recent(account).items():
        add("attempts_recent", count, outcome=outcome)
    busy = rows(Lane).filter(account=account, until__gt=now()).exclude(owner="")
    add("lanes_busy", busy.count())
    add("lanes", options.concurrency)


def _is_blocked(account: GatewayAccount, reason: str) -> bool:
    over = account.blocked_until is not None and account.blocked_until <= now()
    return account.blocked_reason == reason and not over


def _recent(account: GatewayAccount) -> dict[str, int]:
    found = rows(Attempt).filter(
        account=account,
        cum__gt=account.cum - MOST_RECENT,
        stamped_at__gt=now() - RECENT,
    )
    counted = dict(found.order_by().values_list("outcome").annotate(Count("pk")))
    told = {"in_flight": counted.get("", 0)}
    return told | {o: counted.get(o, 0) for o in AttemptOutcome.values}


def _work() -> Iterator[Metric]:
    sending = rows(Batch).filter(status=BatchStatus.SENDING)
    found = sending.aggregate(
        flying=Count("pk"), oldest=Min("lease_until", filter=Q(lease_until__lt=now()))
    )
    yield _one(
        "csms_batches_in_flight", "Batches whose answer is waited for.", found["flying"]
    )
    yield _one(
        "csms_batches_stalled",
        "Batches whose lease ran out over a minute ago, and that no tick has seen to.",
        campaigns.stalled().count(),
    )
    yield _one(
        "csms_oldest_expired_lease_seconds",
        "How long ago the lease of the oldest batch in flight ran out; 0 if none did.",
        _age(found["oldest"]),
    )
    due = rows(Campaign).filter(status=CampaignStatus.SCHEDULED, send_at__lt=now())
    yield _one(
        "csms_oldest_overdue_campaign_seconds",
        "How long ago a scheduled campaign should have started; 0 if none should.",
        _age(due.aggregate(oldest=Min("send_at"))["oldest"]),
    )
    dead = rows(Campaign).filter(
        status=CampaignStatus.PREPARING, prepare_lease_until__lt=now()
    )
    yield _one(
        "csms_oldest_dead_preparation_seconds",
        "How long nobody has gone on with a preparation; 0 if somebody does.",
        _age(dead.aggregate(oldest=Min("prepare_lease_until"))["oldest"]),
    )


def _tick() -> Iterator[Metric]:
    age = ticking.age()
    seconds = float("nan") if age is None else round(age, 1)
    text = "Seconds since the last tick; NaN if there was none."
    yield _one("csms_tick_age_seconds", text, seconds)


def _broker() -> Iterator[Metric]:
    up = Metric("csms_broker_up", "gauge", "1 if the broker answers.")
    queue = Metric("csms_queue_length", "gauge", "Messages that wait in our queues.")
    try:
        for name, length in broker.lengths().items():
            queue.add(length, queue=name)
        up.add(1)
    except broker.BrokerAway:
        up.add(0)
    yield up
    yield queue


def _one(name: str, text: str, value: float) -> Metric:
    metric = Metric(name, "gauge", text)
    metric.add(value)
    return metric


def _age(moment: Any) -> float:
    return 0.0 if moment is None else round((now() - moment).total_seconds(), 1)


def _unix(moment: Any) -> float:
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return round(aware.timestamp(), 1)
