"""The API key is nowhere but in settings: searched for in all that a run leaves behind."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.views.debug import technical_500_response

from csms_campaigns import conf, tasks
from csms_campaigns.engine import accounts
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.gateway.errors import GatewayError
from tests import factories
from tests.e2e.outcome import is_finished

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "cspro_needle_in_haystack_7351"


@pytest.fixture
def key(configure: Any) -> str:
    configure(API_KEY=KEY, TIMEOUT=(1, 2))
    return KEY


def database_text() -> str:
    """Every cell of every table, as text."""
    cells: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 our own tables
            cells += [str(cell) for row in cursor.fetchall() for cell in row]
    return "\n".join(cells)


def test_not_in_the_log_the_database_or_the_export_of_a_run(
    key: str, sandbox: Any, worker: Any, wait_until: Any, tmp_path: Path
) -> None:
    gateway = sandbox(api_key=key, faults="lost@2,500@3,refuse@4")
    campaign = factories.sending(30)
    started = worker(env={"TEST_TICK_SECONDS": "1", "DEBUG": "1"})
    tasks.wake_lanes("default")
    wait_until(lambda: gateway.state()["requests"] > 0)
    wait_until(lambda: is_finished(campaign) or campaign.status == "paused")
    out = tmp_path / "out.csv"
    call_command("csms_campaign", "export", str(campaign.pk), "--output", str(out))
    assert "Task csms_campaigns" in started.log()
    assert key not in started.log()
    assert campaign.name in database_text()
    assert key not in database_text()
    assert "phone,name,status" in out.read_text()
    assert key not in out.read_text()


def test_not_in_the_messages_of_tasks(key: str, redis_url: str) -> None:
    tasks.wake_lanes("default")
    tasks.wake_prepare(1, "token")
    tasks.wake_tick()
    with redis.Redis.from_url(redis_url) as client:
        messages = [m.decode() for m in client.lrange("celery", 0, -1)]
    assert len(messages) == 6
    assert not [m for m in messages if key in m]


def test_not_in_a_log_of_the_wire(
    key: str, sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox(api_key="another")
    factories.sending(3)
    with caplog.at_level(logging.DEBUG):
        send_next("default")
    assert "paused" in caplog.text
    assert key not in caplog.text


@override_settings(DEBUG=True)
@pytest.mark.usefixtures("key")
def test_not_on_an_error_page(configure: Any) -> None:
    """This frame is on the page too, so no local of it may be the key."""
    configure(API_URL="http://127.0.0.1:9/")
    client = accounts.client("default")
    options = conf.account("default")
    try:
        client.send(["+12125551234"], "Hello")
    except GatewayError:
        request = RequestFactory().get("/admin/")
        page = technical_500_response(request, *sys.exc_info())
    text = page.content.decode()
    assert "Unreachable" in text
    assert "CSMS_CAMPAIGNS" in text
    assert options.api_key == KEY
    assert KEY not in text


def test_not_on_a_page_of_the_admin(key: str, admin_client: Client) -> None:
    campaign = factories.ready(3)
    for path in ("", f"{campaign.pk}/change/", "add/"):
        page = admin_client.get(f"/admin/csms_campaigns/campaign/{path}")
        assert page.status_code == 200
        assert key not in page.content.decode()


def test_not_in_what_the_checks_say(key: str, configure: Any) -> None:
    configure(BATCH_SIZE=-1)
    out = io.StringIO()
    with pytest.raises(Exception, match="BATCH_SIZE") as found:
        call_command("check", stdout=out, stderr=out)
    assert key not in str(found.value) + out.getvalue()
