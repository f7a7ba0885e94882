"""The health page and the metrics: what they say, to whom, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from csms_campaigns import tasks
from csms_campaigns.engine import audience, lifecycle, ticking
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.engine.taking import take
from csms_campaigns.models import Batch, Campaign, GatewayAccount, Heartbeat
from project.demo.processes import free_port
from tests import factories
from tests.engine.scenes import UNLIMITED, soon

pytestmark = pytest.mark.django_db

TOKEN = "needle-of-seven-351"
LONG_AGO = timedelta(minutes=10)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def token(settings: Any) -> str:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "METRICS_TOKEN": TOKEN}
    return TOKEN


@pytest.fixture
def scrape(client: Client, token: str, redis_url: str) -> Callable[..., float]:
    """`scrape()` reads the page; the function that it gives finds a value by name and labels."""

    def read() -> Callable[..., float]:
        answer = client.get(
            "/sms/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert answer.status_code == 200, answer.content
        families = list(text_string_to_metric_families(answer.content.decode()))
        assert all(f.documentation and f.type in {"gauge", "counter"} for f in families)
        values = {
            (s.name, tuple(sorted(s.labels.items()))): s.value
            for family in families
            for s in family.samples
        }
        return lambda name, **labels: values[name, tuple(sorted(labels.items()))]

    return read  # type: ignore[return-value]


def tick(age: timedelta = timedelta(0)) -> None:
    at = timezone.now() - age
    Heartbeat.objects.update_or_create(name=ticking.NAME, defaults={"at": at})


# Health


def test_all_is_well(client: Client) -> None:
    tick()
    answer = client.get("/sms/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "tick": "ok"}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("age", [None, LONG_AGO])
def test_nothing_ticks(client: Client, age: timedelta | None) -> None:
    if age:
        tick(age)
    answer = client.get("/sms/health")
    assert answer.status_code == 503
    said = "late" if age else "never"
    assert answer.json() == {"status": "failing", "database": "ok", "tick": said}
    # A load balancer asks for less: the site works without beat.
    assert client.get("/sms/health?check=database").status_code == 200


def test_the_broker_if_asked_for(client: Client, redis_url: str) -> None:
    answer = client.get("/sms/health?check=broker")
    assert (answer.status_code, answer.json()["broker"]) == (200, "ok")


def test_the_broker_is_away(client: Client, site: Any) -> None:
    site(broker_url=f"redis://:needle@127.0.0.1:{free_port()}/0")
    answer = client.get("/sms/health?check=broker,database")
    assert answer.status_code == 503
    said = {"status": "failing", "broker": "away", "database": "ok"}
    assert answer.json() == said


@pytest.mark.parametrize("wanted", ["", "nothing", "database,nothing"])
def test_what_cannot_be_asked(client: Client, wanted: str) -> None:
    answer = client.get("/sms/health", {"check": wanted})
    assert answer.status_code == 400


def test_the_database_has_lost_a_table(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE csms_campaigns_heartbeat")
    answer = client.get("/sms/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": "away", "tick": "away"}
    assert b"heartbeat" not in answer.content


@pytest.mark.parametrize("page", ["health", "metrics"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_reading_only(client: Client, page: str, method: str) -> None:
    assert getattr(client, method)(f"/sms/{page}").status_code == 405


def test_a_site_whose_every_page_asks_for_a_login(
    client: Client, settings: Any, token: str, redis_url: str
) -> None:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, login]
    tick()
    assert client.get("/sms/health").status_code == 200
    assert status(client, f"Bearer {token}") == 200
    assert status(client) == 403


# Who may read the metrics


def status(client: Client, authorization: str | None = None) -> int:
    headers = {"Authorization": authorization} if authorization else {}
    return client.get("/sms/metrics", headers=headers).status_code


@pytest.mark.usefixtures("redis_url")
def test_nobody_without_a_token_or_a_login(client: Client) -> None:
    assert status(client) == 403
    assert status(client, "Bearer ") == 403
    assert status(client, "Bearer None") == 403


@pytest.mark.usefixtures("token", "redis_url")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"Bearer {TOKEN} ", 403),
        (f"Bearer {TOKEN[:-1]}", 403),
        (f"Basic {TOKEN}", 403),
        (f"bearer {TOKEN}", 403),
        (TOKEN, 403),
        ("Bearer ü", 403),
    ],
)
def test_the_token(client: Client, said: str, expected: int) -> None:
    assert status(client, said) == expected


@pytest.mark.usefixtures("redis_url")
def test_staff_who_may_see_campaigns(client: Client) -> None:
    user = User.objects.create_user("ada")
    client.force_login(user)
    assert status(client) == 403
    user.is_staff = True
    user.save()
    assert status(client) == 403
    user.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    assert status(client) == 200
    user.is_staff = False
    user.save()
    assert status(client) == 403


# What the metrics say


def test_of_an_empty_site(scrape: Any) -> None:
    found = scrape()
    assert found("csms_campaigns", status="sending") == 0
    assert found("csms_broker_up") == 1
    assert found("csms_queue_length", queue="celery") == 0
    assert math.isnan(found("csms_tick_age_seconds"))
    assert found("csms_oldest_expired_lease_seconds") == 0


def test_of_a_campaign_that_runs(scrape: Any, configure: Any, sandbox: Any) -> None:
    sandbox(credits=100, faults="lost@3")
    configure(BATCH_SIZE=5, RATE_LIMITS=[(20, 60), (100, 3600)], MIN_GAP=0)
    campaign = factories.sending(20)
    for _each in range(3):
        send_next("default")
    tick()
    tasks.wake_lanes("default", 3)
    found = scrape()
    one = {"campaign": str(campaign.pk)}
    assert found("csms_campaign_recipients", outcome="sent", **one) == 10
    assert found("csms_campaign_recipients", outcome="unknown", **one) == 5
    assert found("csms_campaign_recipients", outcome="pending", **one) == 5
    assert found("csms_campaign_open_batches", **one) == 1
    account = {"account": "default"}
    assert found("csms_account_credits", **account) == 90
    told = found("csms_account_credits_timestamp_seconds", **account)
    assert abs(told - timezone.now().timestamp()) < 60
    assert found("csms_account_requests_total", **account) == 3
    assert found("csms_account_window_used", window="60", **account) == 3
    assert found("csms_account_window_limit", window="3600", **account) == 100
    assert found("csms_account_attempts_recent", outcome="answered", **account) == 2
    assert found("csms_account_attempts_recent", outcome="unknown", **account) == 1
    assert found("csms_account_blocked", reason="key_refused", **account) == 0
    assert found("csms_account_lanes", **account) == 4
    assert found("csms_queue_length", queue="celery") == 3
    assert found("csms_campaigns", status="sending") == 1
    assert 0 <= found("csms_tick_age_seconds") < 60


def test_of_a_night_in_which_everything_stands(
    scrape: Any, configure: Any, sandbox: Any
) -> None:
    sandbox()
    configure(API_KEY="cspro_wrong_needle", **UNLIMITED)
    campaign = factories.sending(3)
    send_next("default")
    stale = timezone.now() - LONG_AGO
    Campaign.objects.update(status="sending")
    GatewayAccount.objects.update(blocked_until=stale)
    assert take("default")
    GatewayAccount.objects.update(blocked_until=None)
    Batch.objects.update(lease_until=stale)
    scheduled = factories.ready(3)
    lifecycle.launch(scheduled.pk, at=soon())
    Campaign.objects.filter(pk=scheduled.pk).update(send_at=stale)
    preparing = factories.draft()
    audience.begin(preparing.pk)
    Campaign.objects.filter(pk=preparing.pk).update(prepare_lease_until=stale)
    found = scrape()
    assert campaign.pk
    assert found("csms_account_blocked", account="default", reason="key_refused") == 1
    assert (
        found("csms_account_attempts_recent", account="default", outcome="in_flight")
        == 1
    )
    assert found("csms_batches_in_flight") == found("csms_batches_stalled") == 1
    for name in ("expired_lease", "overdue_campaign", "dead_preparation"):
        assert 600 <= found(f"csms_oldest_{name}_seconds") < 700


def test_an_account_with_an_odd_name(scrape: Any, configure: Any) -> None:
    alias = 'a "quoted"\\ name\nof two lines'
    configure(alias, API_KEY="cspro_another_one")
    GatewayAccount.objects.create(alias=alias, cum=7)
    assert scrape()("csms_account_requests_total", account=alias) == 7


def test_without_a_broker_the_rest_is_told(scrape: Any, site: Any) -> None:
    site(broker_url=f"redis://127.0.0.1:{free_port()}/0")
    found = scrape()
    assert found("csms_broker_up") == 0
    assert found("csms_campaigns", status="draft") == 0


def test_neither_key_nor_number_nor_name(
    client: Client, token: str, configure: Any, sandbox: Any, redis_url: str
) -> None:
    sandbox()
    factories.sending(3)
    send_next("default")
    answer = client.get("/sms/metrics", headers={"Authorization": f"Bearer {token}"})
    text = answer.content.decode()
    assert "csms_campaigns" in text
    for secret in ("cspro_", factories.number(0), "Spring", token):
        assert secret not in text


def test_no_recipient_is_counted_and_no_campaign_costs_more(
    scrape: Any, configure: Any
) -> None:
    """The questions to the database are the same few for one campaign and for many that ended."""
    configure(**UNLIMITED)
    factories.sending(3)
    with CaptureQueriesContext(connection) as few:
        scrape()
    for _each in range(3):
        lifecycle.cancel(factories.sending(3).pk)
    with CaptureQueriesContext(connection) as many:
        scrape()
    assert len(many) == len(few) < 30
    assert not [q for q in many if "csms_campaigns_sendresult" in q["sql"]]


def test_the_database_does_not_answer(client: Client, token: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE csms_campaigns_heartbeat")
    answer = client.get("/sms/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert b"heartbeat" not in answer.content
