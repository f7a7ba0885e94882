"""What became of them: decided, sent again and retried, in a browser and by the commands.

A real worker and the sandbox; one answer is slept over, and comes after its people were
decided about. The gateway's own record is what counts.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from csms_campaigns.engine import dispatch
from csms_campaigns.engine.ledger import family_ledger
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.sandbox.server import Sandbox
from csms_campaigns.states import Resolution, SendStatus
from tests import factories
from tests.admin import pages
from tests.e2e.outcome import is_finished

# Worker processes and a browser: the database is tried by the engine's own tests.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

PEOPLE, BATCH = 400, 4
FAULTS = ",".join(
    [f"fail_all@{n}" for n in range(4, 9)] + [f"leave_out@{n}" for n in range(10, 14)]
)
"""20 fail, 4 are left out of an answer, and 4 are in the request that is slept over."""
OPTIONS = {
    "TIMEOUT": (1, 5),
    "RATE_LIMITS": [(100, 6), (5000, 3600)],
    "MIN_GAP": 0,
    "BATCH_SIZE": BATCH,
}


@pytest.fixture
def gateway(sandbox: Any, configure: Any) -> Sandbox:
    started: Sandbox = sandbox(limits="100/6,5000/3600", faults=FAULTS)
    configure(**OPTIONS)
    return started


@pytest.fixture
def scene(
    gateway: Sandbox, worker: Any, wait_until: Any
) -> tuple[Campaign, Callable[[], None]]:
    """A finished campaign, and a call that lets the worker that slept bring its answer."""
    campaign = factories.sending(PEOPLE)
    assert isinstance(dispatch.send_next("default"), Taken)
    asleep = take("default")
    assert isinstance(asleep, Taken)
    answer = dispatch.send(asleep)
    worker(env={"TEST_TICK_SECONDS": "1"})
    # Its lease is over: the worker's tick sweeps it.
    Batch.objects.filter(pk=asleep.batch_id).update(lease_until=timezone.now())
    wait_until(lambda: is_finished(campaign))
    return campaign, lambda: dispatch.finish(asleep, answer)


def statuses(campaign: Campaign) -> Counter[str]:
    found = SendResult.objects.filter(campaign=campaign)
    return Counter(found.values_list("status", flat=True))


def check(campaign: Campaign, gateway: Sandbox) -> None:
    """One ledger, and nobody was texted more often than a person asked for."""
    found = family_ledger(campaign)
    assert found.adds_up, found
    assert {k: v for k, v in found.final.items() if v} == {"sent": 396, "unknown": 4}
    assert found.family.decided == {
        "treated_as_sent": 0,
        "treated_as_failed": 4,
        "undecided": 0,
    }
    gateway.wait_until_idle()
    texts = Counter(
        d["phone"] for d in gateway.deliveries if d["outcome"] == "delivered"
    )
    again = SendResult.objects.filter(
        campaign=campaign, resolution=Resolution.RESEND
    ).values_list("phone", flat=True)
    assert len(again) == 4
    assert {phone for phone, times in texts.items() if times > 1} == set(again)
    assert max(texts.values()) == 2
    assert len(texts) == PEOPLE
    assert gateway.state()["violations"] == 0


def slept_over(campaign: Campaign) -> Batch:
    return Batch.objects.get(campaign=campaign, unknown_count=BATCH)


# In a browser


def tool(page: Page, name: str) -> Any:
    return page.locator(f"[data-tool={name}]")


def decide(page: Page, name: str, people: str) -> None:
    tool(page, f"decide-{name}").click()
    expect(page.locator("[data-count=people]")).to_have_text(people)
    tool(page, "confirm").click()


def launch_and_finish(page: Page, sent: str) -> None:
    """From the review page, which waits until a worker has prepared the follow-up."""
    expect(tool(page, "launch")).to_be_visible(timeout=60_000)
    tool(page, "launch").click()
    tool(page, "confirm").click()
    expect(page.locator("[data-figure=sent]")).to_have_text(sent, timeout=60_000)


def test_in_a_browser(
    boss: User,
    scene: tuple[Campaign, Callable[[], None]],
    gateway: Sandbox,
    signed_in: Callable[..., Page],
    strict_site: Any,
    wait_until: Any,
    faults: list[str],
) -> None:
    campaign, late_answer = scene
    assert statuses(campaign) == {"sent": 372, "failed": 20, "unknown": 8}
    page = signed_in(boss)
    home = strict_site.url + pages.of(campaign, "progress")
    page.goto(home)
    tool(page, "unknown").click()
    expect(page.locator("[data-batch]")).to_have_count(5)

    row = page.locator(f"[data-batch='{slept_over(campaign).number}']")
    expect(row).to_contain_text("stopped before it could record")
    row.locator("input").check()
    decide(page, "failed", "4")
    expect(page.locator("[data-batch]")).to_have_count(4)
    late_answer()
    assert statuses(campaign)[SendStatus.UNKNOWN] == 8

    page.locator("input[name=all]").check()
    decide(page, "resend", "4")
    launch_and_finish(page, "4")

    page.goto(home)
    tool(page, "retry").click()
    expect(page.locator("[data-cause=SEND_FAILED] input")).to_be_checked()
    page.locator("button[data-tool=retry]").click()
    launch_and_finish(page, "20")

    wait_until(lambda: all(map(is_finished, Campaign.objects.all())))
    page.goto(home)
    expect(page.locator("[data-final=sent]")).to_have_text("396")
    expect(page.locator("[data-final=unknown]")).to_have_text("4")
    expect(page.locator(".csms-family tbody tr")).to_have_count(3)
    assert faults == []
    check(campaign, gateway)


# By the commands


def command(*words: object) -> Any:
    out = io.StringIO()
    call_command("csms_campaign", *map(str, words), "--json", stdout=out)
    return json.loads(out.getvalue())


def test_by_the_commands(
    scene: tuple[Campaign, Callable[[], None]], gateway: Sandbox, wait_until: Any
) -> None:
    campaign, late_answer = scene
    number = slept_over(campaign).number
    decided = command(
        *("resolve-unknown", campaign.pk, "--as", "failed", "--batch", number)
    )
    assert decided == {"count": 4}
    late_answer()
    again = command("resolve-unknown", campaign.pk, "--as", "resend")
    retried = command("retry-failed", campaign.pk)
    assert (again["recipients"], retried["recipients"]) == (4, 20)
    for follow_up in (again, retried):
        command("launch", follow_up["id"])
    wait_until(lambda: all(map(is_finished, Campaign.objects.all())))
    assert command("ledger", campaign.pk)["sent"] == 396
    assert command("ledger", "--all")["wrong"] == []
    assert command("status", campaign.pk)["unknown"] == 8
    check(campaign, gateway)
