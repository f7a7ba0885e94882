"""A gateway that quotes the API key does not bring it into our rows, logs or signals."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps

from csms_campaigns.engine import dispatch
from csms_campaigns.engine.taking import Taken
from csms_campaigns.models import Campaign, SendResult
from tests import factories
from tests.gateway import KEY
from tests.servers.wire import Peer, Script, Wire
from tests.servers.wire_scripts import accepted, failed, processed, refusal, response

pytestmark = pytest.mark.django_db

Makes = Callable[[str, list[str]], Any]

ECHOES: dict[str, Makes] = {
    "a key that is refused": lambda key, n: refusal(f"Invalid API key {key}"),
    "no credits": lambda key, n: refusal(f"No credits for {key}", f"NO_CREDIT_{key}"),
    "a refusal of its own": lambda key, n: refusal(f"{key} is odd", key),
    "no words but the message": lambda key, n: {"success": False, "message": key},
    "results": lambda key, n: processed(
        n,
        message=key,
        results=[
            accepted(n[0], message_id=key),
            failed(n[1], error=f"Not with {key}", code=key),
            failed(n[2], message=key),
        ],
    ),
    "a page": lambda key, n: f"<h1>{key}</h1>",
}


def echoes(makes: Makes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        key = json.loads(peer.heard.body)["api_key"]
        body = json.dumps(makes(key, peer.numbers)).replace("/", "\\/")
        peer.send(response(body.encode(), 200, ("X-Your-Key", key)))

    return script


@pytest.fixture
def gateway(configure: Callable[..., None]) -> Any:
    def start(makes: Makes) -> Wire:
        wire = Wire(echoes(makes)).__enter__()
        started.append(wire)
        configure(API_URL=wire.url, API_KEY=KEY, BATCH_SIZE=3, MIN_GAP=0)
        return wire

    started: list[Wire] = []
    yield start
    for wire in started:
        wire.__exit__()


def all_that_is_stored() -> str:
    models = apps.get_app_config("csms_campaigns").get_models()
    rows = [list(model._base_manager.values()) for model in models]
    return repr(rows)


@pytest.mark.parametrize("canary_passed", [False, True])
@pytest.mark.parametrize("what", ECHOES)
def test_nothing_of_it_is_stored(
    what: str,
    canary_passed: bool,
    gateway: Callable[[Makes], Wire],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire = gateway(ECHOES[what])
    factories.sending(6)
    Campaign.objects.update(canary_passed=canary_passed)
    with caplog.at_level(logging.DEBUG):
        taken = dispatch.send_next("default")
    assert KEY.encode() in wire.heard[0].body
    stored = all_that_is_stored()
    assert factories.number(0) in stored
    assert KEY not in stored
    assert "secret" not in stored
    assert KEY not in caplog.text
    assert KEY not in repr(taken)


def test_the_rest_of_the_words_is_kept(gateway: Callable[[Makes], Wire]) -> None:
    gateway(ECHOES["results"])
    factories.sending(6)
    taken = dispatch.send_next("default")
    assert isinstance(taken, Taken)
    said = SendResult.objects.get(phone=taken.numbers[1])
    assert (said.status, said.error, said.error_code) == (
        "failed",
        "Not with [key]",
        "[key]",
    )
