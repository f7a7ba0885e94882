"""A campaign that is really being sent, watched in a browser: worker, Redis, sandbox.

What the page says in the end is what the ledger says, and the gateway's own record.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db.models import F
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import dispatch
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.taking import Taken
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.sandbox.server import Sandbox
from csms_campaigns.states import BatchStatus
from tests import factories
from tests.admin import pages
from tests.e2e.outcome import check_promises, is_finished

# Worker processes and a browser: the database is tried by the engine's own tests.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

PEOPLE, BATCH = 300, 5
INDEX = "/admin/csms_campaigns/"


def tool(page: Page, name: str) -> Locator:
    return page.locator(f"[data-tool={name}]")


def figure(page: Page, name: str) -> Locator:
    return page.locator(f"[data-figure={name}]").first


def number(page: Page, name: str) -> int:
    return int((figure(page, name).text_content() or "").replace(",", ""))


@pytest.fixture
def gateway(sandbox: Any, configure: Any) -> Sandbox:
    started: Sandbox = sandbox(
        limits="1000/60,5000/3600", faults="fail_all@9,leave_out@12"
    )
    configure(
        TIMEOUT=(1, 5),
        RATE_LIMITS=[(1000, 60), (5000, 3600)],
        MIN_GAP=0.1,
        BATCH_SIZE=BATCH,
        CONCURRENCY=1,
    )
    return started


def test_from_the_first_figure_to_the_last_decision(
    boss: User,
    gateway: Sandbox,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
    worker: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    campaign = factories.sending(PEOPLE)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("[data-empty]").first).to_be_visible()
    worker(env={"TEST_TICK_SECONDS": "1"})

    # The figures move.
    wait_until(lambda: number(page, "sent") >= 30)
    assert page.evaluate("window.sameDocument") is True
    expect(figure(page, "window_0")).not_to_have_text("0 of 1,000")
    expect(figure(page, "average")).to_contain_text("a minute")
    # What went wrong meanwhile came to the page with its buttons.
    expect(page.locator("[data-count=failed]")).to_have_text(str(BATCH))
    expect(page.locator("[data-count=undecided]")).to_be_visible(timeout=30_000)

    # A pause stops within one batch: of the only lane, the one that was on its way.
    tool(page, "pause").click()
    expect(page.locator("[data-state=paused]")).to_be_visible()
    asked = len(gateway.requests)
    wait_until(lambda: not in_flight(campaign))
    assert not isinstance(dispatch.send_next("default"), Taken)
    assert len(gateway.requests) <= asked + 1
    left = Batch.objects.filter(campaign=campaign, status=BatchStatus.PENDING).count()
    assert left > 0

    tool(page, "resume").click()
    expect(page.locator("[data-state=finished]")).to_be_visible(timeout=60_000)
    wait_until(lambda: is_finished(campaign))
    counted = check_promises(campaign, gateway)
    for name, count in counted.items():
        assert number(page, name) == count, name
    assert number(page, "total") == ledger(campaign).audience == PEOPLE

    # The course is drawn, and stands in the table.
    expect(page.locator("[data-plot=pace] canvas")).to_be_visible()
    expect(page.locator("[data-plot=credits] canvas")).to_be_visible()
    page.locator("details.csms-table summary").first.click()
    expect(page.locator("[data-rows=pace] tr").first).to_be_visible()

    # The unknown are decided by buttons, and the history knows by whom.
    tool(page, "unknown").click()
    page.locator("input[name=all]").check()
    tool(page, "decide-sent").click()
    tool(page, "confirm").click()
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    expect(page.locator("[data-count=treated_as_sent]")).to_have_text("1")
    said = page.locator(".csms-journal li")
    expect(said).to_have_count(3)
    expect(said.first).to_contain_text("Treat as sent: 1 unknown recipient.")
    expect(said.last).to_contain_text("boss")
    assert faults == []


def in_flight(campaign: Campaign) -> bool:
    found = Batch.objects.filter(campaign=campaign, status=BatchStatus.SENDING)
    return found.exists()


def test_the_first_page_follows_by_itself(
    boss: User,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    page = signed_in(boss)
    page.goto(strict_site.url + INDEX)
    page.evaluate("window.sameDocument = true")
    expect(page.get_by_text("No campaign is being sent")).to_be_visible()
    campaign = factories.sending(10)
    name = page.locator(".csms-going-on a")
    expect(name).to_have_text("Spring", timeout=30_000)
    # Whoever stands on a link stays there when its part is drawn anew.
    name.focus()
    Batch.objects.filter(campaign=campaign).update(
        status=BatchStatus.UNKNOWN, unknown_count=F("size")
    )
    expect(page.locator("[data-need=unknown]")).to_be_visible(timeout=30_000)
    expect(name).to_be_focused()
    assert page.evaluate("window.sameDocument") is True
    assert faults == []


class CutServer(ThreadedWSGIServer):
    """Its connections end with it, as those of a process do."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.opened: list[socket.socket] = []
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.opened.append(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        for one in self.opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Site(LiveServerThread):
    def _create_server(self, connections_override: Any = None) -> CutServer:
        address = (self.host, self.port)
        return CutServer(address, QuietWSGIRequestHandler, allow_reuse_address=True)

    def stop(self) -> None:
        self.terminate()
        self.httpd.cut()

    @classmethod
    def begin(cls, port: int = 0) -> Site:
        site = cls("127.0.0.1", StaticFilesHandler, port=port)
        site.daemon = True
        site.start()
        assert site.is_ready.wait(30)
        assert site.error is None
        return site


def test_a_restart_of_the_site_is_survived(
    boss: User, signed_in: Callable[..., Page]
) -> None:
    campaign = factories.sending(10)
    page = signed_in(boss)
    site = Site.begin()
    # A cookie is of a host, whatever its port.
    page.goto(f"http://127.0.0.1:{site.port}{pages.of(campaign, 'progress')}")
    page.evaluate("window.sameDocument = true")
    site.stop()
    notice = page.locator("[data-notice]")
    expect(notice).to_have_text("The site cannot be reached. Trying again…")
    batches = Batch.objects.filter(campaign=campaign)
    batches.update(status=BatchStatus.DONE, sent_count=F("size"))
    again = Site.begin(site.port)
    expect(figure(page, "sent")).to_have_text("10", timeout=40_000)
    expect(notice).to_be_hidden()
    assert page.evaluate("window.sameDocument") is True
    again.stop()
