"""The API key, searched for where people and machines look at the app from outside."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from csms_campaigns import api, conf, tasks
from csms_campaigns.engine import accounts, witness
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.gateway.errors import GatewayError
from csms_campaigns.models import Attempt
from tests import factories
from tests.security.visiting import visit

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

KEY = "cspro_needle_in_haystack_7351"


@pytest.fixture
def key(configure: Any) -> str:
    configure(API_KEY=KEY, TIMEOUT=(1, 2))
    return KEY


def test_on_no_page_and_in_no_feed(
    key: str, rows: dict[str, Model], admin_client: Client
) -> None:
    seen = 0
    for where, answer in visit(admin_client, rows):
        body = b"".join(answer) if answer.streaming else answer.content
        assert key not in body.decode(), where
        seen += answer.status_code == 200
    assert seen > 40


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_not_in_what_the_doctor_says(key: str, words: list[str]) -> None:
    """Of a site on which nothing works, so that it has much to say."""
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("csms_doctor", *words, stdout=out, stderr=out)
    assert "default" in out.getvalue()
    assert key not in out.getvalue()


def test_not_in_health_and_metrics(key: str, settings: Any, client: Client) -> None:
    token = "a-token-of-the-scraper"
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "METRICS_TOKEN": token}
    factories.ready()
    health = client.get("/sms/health?check=database,tick,broker").content.decode()
    asked = {"Authorization": f"Bearer {token}"}
    figures = client.get("/sms/metrics", headers=asked).content.decode()
    assert "csms" in figures
    for text in (health, figures):
        assert key not in text
        assert token not in text


def cells(client: redis.Redis) -> Iterator[str]:
    """Every key of the server with what it holds."""
    for name in client.scan_iter():
        yield f"{name!r}: {client.dump(name)!r}"


def test_not_in_redis(key: str, sandbox: Any, redis_url: str) -> None:
    sandbox(api_key=key)
    factories.sending(3)
    witness._memory.__init__()  # type: ignore[misc]
    send_next("default")
    tasks.wake_lanes("default")
    tasks.wake_tick()
    assert Attempt.objects.get().outcome
    with redis.Redis.from_url(redis_url) as client:
        found = list(cells(client))
    assert any("celery" in cell for cell in found)
    assert any("csms" in cell.split(":")[0] for cell in found), "the witness"
    assert [cell for cell in found if key in cell] == []


def frames(error: BaseException) -> Iterator[str]:
    """What services that collect errors send away: each frame's locals, as `repr`."""
    yield repr(error)
    yield from map(repr, error.args)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        # But for the tests' own, which know the key.
        if trace.tb_frame.f_code.co_filename != __file__:
            yield from (repr(value) for value in trace.tb_frame.f_locals.values())
        trace = trace.tb_next
    if error.__cause__ or (error.__context__ and not error.__suppress_context__):
        yield from frames(error.__cause__ or error.__context__)  # type: ignore[arg-type]


FAULTS = {
    "nobody answers": None,
    "an error of the server": "500@1",
    "no answer": "lost@1",
    "an answer that is none": "html@1",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_not_in_the_frames_of_an_error(
    fault: str, key: str, sandbox: Any, configure: Any
) -> None:
    if FAULTS[fault]:
        sandbox(api_key=key, faults=FAULTS[fault])
    else:
        configure(API_URL="http://127.0.0.1:9/")
    client = accounts.client("default")
    with pytest.raises(GatewayError) as raised:
        client.send(["+12125551234"], "Hello")
    found = list(frames(raised.value))
    assert any("+12125551234" in text for text in found), "the frames were looked at"
    assert [text for text in found if key in text] == []


WRONG: list[dict[str, Any]] = [
    {"API_URL": "http://example.com/"},
    {"BATCH_SIZE": 0},
    {"API_KEY": f"{KEY}\nX-Header: yes"},
    {"TIMEOUT": KEY},
    {"SECRET": KEY},
]


@pytest.mark.parametrize("options", WRONG)
def test_not_in_the_error_of_wrong_settings(
    options: dict[str, Any], key: str, configure: Any
) -> None:
    configure(**options)
    with pytest.raises(ImproperlyConfigured) as raised:
        conf.account("default")
    assert key not in "".join(frames(raised.value))
    assert key not in "".join(conf.problems())


def doing() -> dict[str, Callable[[], object]]:
    campaign = factories.ready()
    return {
        "an unknown account": lambda: api.create(name="x", message="x", account="x"),
        "the wrong state": lambda: api.resume(campaign),
        "no such list": lambda: api.create(name="x", message="x", lists=["no"]),
        "no such campaign": lambda: api.launch(10**9),
        "no phone": lambda: api.opt_out("no"),
        "the past": lambda: api.launch(
            campaign, at=timezone.now() - timedelta(hours=1)
        ),
    }


def test_not_in_the_errors_of_the_api(key: str) -> None:
    for name, do in doing().items():
        with pytest.raises(Exception) as raised:  # noqa: PT011 - each has its own
            do()
        assert key not in "".join(frames(raised.value)), name
