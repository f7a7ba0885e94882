"""The first page of the app: for each person what they may see, in few queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import path, reverse
from django.utils import timezone

from csms_campaigns import admin
from csms_campaigns.engine.pausing import pause_by_system
from csms_campaigns.models import (
    Batch,
    Campaign,
    ContactList,
    GatewayAccount,
    SendResult,
)
from tests import factories
from tests.admin import pages

site = django_admin.AdminSite(name="backoffice")
site.register(Campaign, admin.CampaignAdmin)
bare = django_admin.AdminSite(name="bare")
bare.register(ContactList, admin.ContactListAdmin)
urlpatterns = [path("office/", site.urls), path("bare/", bare.urls)]

INDEX = "/admin/csms_campaigns/"
FEED = "admin:csms_campaigns_campaign_overview_json"


def part(client: Client) -> str:
    return str(client.get(reverse(FEED)).json()["parts"]["overview"])


def lose(campaign: Campaign) -> None:
    """One unknown, and one who failed."""
    first, second, *_rest = Batch.objects.filter(campaign=campaign).order_by("pk")
    now = timezone.now()
    Batch.objects.filter(pk=first.pk).update(
        status="unknown", unknown_count=1, finished_at=now
    )
    Batch.objects.filter(pk=second.pk).update(
        status="done", failed_count=1, finished_at=now
    )
    SendResult.objects.filter(batch=first).update(status="unknown")
    SendResult.objects.filter(batch=second).update(
        status="failed", error="The number <b>does not exist</b>."
    )


def test_what_goes_on_stands_there_with_its_bar(
    office: Client, sending: Campaign
) -> None:
    Batch.objects.filter(pk=Batch.objects.earliest("pk").pk).update(
        status="done", sent_count=1, finished_at=timezone.now()
    )
    text = pages.text(office.get(INDEX))
    assert pages.of(sending, "progress") in text
    assert 'data-bar="sent" x="0.000" y="0" width="20.000"' in text
    assert 'data-state="sending">Sending<' in text
    # Four may be texted, since one has opted out.
    assert "<bdi>25%</bdi>" in text
    assert "5 recipients" in text
    assert 'href="/admin/csms_campaigns/contact/"' in text, "the admin's own list"


def test_page_and_feed_show_the_same(office: Client, sending: Campaign) -> None:
    lose(sending)
    text = pages.text(office.get(INDEX))
    assert part(office) in text


def test_without_campaigns_it_says_so(office: Client) -> None:
    text = part(office)
    assert "No campaign is being sent, and none waits." in text
    assert "csms-needs" not in text
    assert "Last failures" not in text


def test_a_scheduled_campaign_says_when(office: Client, ready: Campaign) -> None:
    at = timezone.now() + timedelta(days=400)
    Campaign.objects.update(status="scheduled", send_at=at)
    text = part(office)
    assert "Will be launched: " in text
    assert pages.of(ready, "review") in text


def test_what_needs_a_person_stands_first(office: Client, sending: Campaign) -> None:
    lose(sending)
    other = factories.sending(lists=[factories.people(2, "Two")])
    pause_by_system([other.pk], "Gateway: <b>bad key</b>")
    text = part(office)
    needs = text[: text.index("csms-going-on")]
    assert re.findall(r'data-need="(\w+)"', needs) == ["paused", "unknown"]
    assert "Gateway: &lt;b&gt;bad key&lt;/b&gt;" in needs
    assert "1 unknown recipient, without a decision." in needs
    assert pages.of(sending, "unknown") in needs


def test_who_paused_it_knows_and_needs_no_news(
    office: Client, sending: Campaign
) -> None:
    Campaign.objects.update(status="paused", status_reason="")
    assert "data-need" not in part(office)


def test_the_last_failures_lead_to_whom_to_retry(
    office: Client, sending: Campaign
) -> None:
    lose(sending)
    text = part(office)
    failures = text[text.index("csms-failures") :]
    assert "The number &lt;b&gt;does not exist&lt;/b&gt;." in failures
    assert pages.of(sending, "retry") in failures


def test_an_account_with_its_credits_and_windows(
    office: Client, sending: Campaign
) -> None:
    GatewayAccount.objects.get_or_create(alias="default")
    GatewayAccount.objects.update(remaining_credits=12345, credits_at=timezone.now())
    text = part(office)
    assert "<bdi>12,345</bdi>" in text
    for words in ("Requests in the last minute", "0 of 100", "0 of 50,000"):
        assert words in text
    assert "May send" in text


def test_an_account_that_a_person_has_to_look_at(office: Client) -> None:
    account = GatewayAccount.objects.create(
        alias="default", blocked_reason="key_refused", blocked_detail="Who are you?"
    )
    text = part(office)
    assert 'data-need="blocked"' in text
    assert "Who are you?" in text
    assert pages.change(account) in text
    until = timezone.now() + timedelta(hours=1)
    GatewayAccount.objects.update(blocked_until=until)
    assert "data-need" not in part(office), "it goes on by itself"


# Who may see what


def links(text: str) -> set[str]:
    """Of the admin; the site of the tests has nothing else."""
    return set(re.findall(r'href="(/admin/[^"#?]*)', text))


def test_every_link_and_button_that_a_viewer_sees_works(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    lose(sending)
    GatewayAccount.objects.get_or_create(alias="default")
    pause_by_system([sending.pk], "Why")
    client = browse(onlooker)
    for page in (INDEX, pages.of(sending, "progress")):
        text = pages.text(client.get(page))
        assert set(re.findall(r'<form[^>]*action="([^"]*)"', text)) <= {
            reverse("admin:logout")
        }
        for url in links(text):
            assert client.get(url, follow=True).status_code == 200, url
    feed = client.get(pages.of(sending, "progress_json")).json()
    assert "Unknown, without a decision" in feed["parts"]["family"]
    assert "data-tool" not in feed["parts"]["family"]


def test_a_viewer_reads_what_is_wrong_but_decides_nothing(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    lose(sending)
    text = part(browse(onlooker))
    assert "1 unknown recipient, without a decision." in text
    assert pages.of(sending, "unknown") not in text
    assert pages.of(sending, "retry") not in text


def test_who_may_not_see_accounts_sees_none(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    view = onlooker.user_permissions.get(codename="view_gatewayaccount")
    onlooker.user_permissions.remove(view)
    GatewayAccount.objects.update_or_create(
        alias="default", defaults={"remaining_credits": 777}
    )
    assert "777" not in part(browse(onlooker))


def test_who_may_not_see_campaigns_sees_the_stock_page(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    view = onlooker.user_permissions.get(codename="view_campaign")
    onlooker.user_permissions.remove(view)
    client = browse(onlooker)
    answer = client.get(INDEX)
    assert answer.status_code == 200
    assert "csms-overview" not in pages.text(answer)
    assert client.get(reverse(FEED)).status_code == 403
    assert browse().get(reverse(FEED)).status_code == 302


# Other sites


def test_it_stays_within_its_site(office: Client, sending: Campaign) -> None:
    lose(sending)
    with override_settings(ROOT_URLCONF=__name__):
        text = pages.text(office.get("/office/csms_campaigns/"))
        assert 'data-feed="/office/csms_campaigns/campaign/overview.json"' in text
        assert "/admin/" not in text.replace("/static/admin/", "")


def test_a_site_without_campaigns_has_the_stock_page(office: Client) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        answer = office.get("/bare/csms_campaigns/")
        assert answer.status_code == 200
        assert "csms-overview" not in pages.text(answer)


# Cost


@pytest.mark.parametrize("campaigns", [1, 6])
def test_few_queries_however_much_goes_on(
    browse: Callable[..., Client],
    onlooker: User,
    campaigns: int,
    configure: Callable[..., None],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    configure(alias="second", API_KEY="k2")
    for alias in ("default", "second"):
        GatewayAccount.objects.get_or_create(alias=alias)
    for number in range(campaigns):
        one = factories.sending(
            2, "Hi {{ name }}", lists=[factories.people(2, f"{number}")]
        )
        lose(one)
    client = browse(onlooker)
    with django_assert_max_num_queries(15):
        client.get(INDEX)
    with django_assert_max_num_queries(15) as asked:
        client.get(reverse(FEED))
    for query in asked.captured_queries:
        said = query["sql"].lower()
        assert 'count(*) from "csms_campaigns_sendresult"' not in said
