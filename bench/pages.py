"""Every list page of the admin at ten million recipients: milliseconds and queries.

On a database that `bench.fill` has filled, named by `DATABASE_URL`; another one is filled first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from bench.databases import set_up
from bench.frame import Figure, apart, say, stopwatch

ALLOWED_MS: Final = 300
ALLOWED_QUERIES: Final = 15
TIMES: Final = 4
"""The best of so many: other work runs on the machine too."""

Page = tuple[str, str, str]
"""Name, method, address."""


def run(url: str, size: int) -> list[Figure]:
    if "postgres" not in url:
        say("Pages are measured on PostgreSQL alone.")
        return []
    return apart(measure, url, size).answer


def measure(url: str, size: int) -> list[Figure]:
    set_up(url)
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from csms_campaigns.models import SendResult

    settings.ALLOWED_HOSTS = ["*"]
    if not SendResult.objects.exists():
        from bench.fill import fill

        fill(url, size * 10)
    boss, _made = get_user_model().objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client()
    client.force_login(boss)
    return [_figure(client, page) for page in pages()]


def _figure(client: Any, page: Page) -> Figure:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    name, method, address = page
    seconds, queries = [], 0
    for _time in range(TIMES):
        with CaptureQueriesContext(connection) as found, stopwatch() as watch:
            response = getattr(client, method)(
                address, {"format": "csv"} if method == "post" else {}
            )
            if response.streaming:
                for count, _piece in enumerate(response):
                    if count:
                        break
        if response.status_code != 200:
            message = f"{name}: {response.status_code} at {address}"
            raise RuntimeError(message)
        seconds.append(watch.wall)
        queries = len(found)
    _slowest(name, found.captured_queries)
    note = f"{queries} queries"
    if queries > ALLOWED_QUERIES:
        note += f", more than {ALLOWED_QUERIES}"
    return Figure(name, min(seconds) * 1000, "ms", ALLOWED_MS, 1.0, note)


def _slowest(name: str, queries: list[dict[str, str]]) -> None:
    slowest = max(queries, key=lambda query: float(query["time"]))
    if os.environ.get("BENCH_SQL"):
        say(f"-- {name}: {float(slowest['time']) * 1000:.0f} ms\n{slowest['sql']};")


def pages() -> Iterator[Page]:
    from django.urls import reverse

    from csms_campaigns.admin.listing import AFTER, BEFORE, LAST
    from csms_campaigns.models import Attempt, Batch, Campaign, Contact, SendResult

    yield "index", "get", reverse("admin:index")
    yield "app index", "get", reverse("admin:app_list", args=["csms_campaigns"])
    for model in (
        "campaign",
        "contact",
        "contactlist",
        "optout",
        "contactimport",
        "messagetemplate",
        "batch",
        "attempt",
        "gatewayaccount",
    ):
        listing = reverse(f"admin:csms_campaigns_{model}_changelist")
        yield f"{model}", "get", listing
        yield f"{model}, last", "get", f"{listing}?{LAST}=1"
    old, new = (
        Campaign.objects.get(name="Campaign 3"),
        Campaign.objects.get(name="Campaign 20"),
    )
    paused = Campaign.objects.get(name="Campaign 8")
    contacts = reverse("admin:csms_campaigns_contact_changelist")
    middle = (
        Contact.objects.filter(pk__gte=Contact.objects.count() // 2).earliest("pk").pk
    )
    for words in (
        "q=Ann",
        "q=Ann+Zz",
        "q=zzzzz",
        "q=%2B1212",
        "q=%2B12120001234",
        "q=4321",
        "list=1",
        "list=12",
        "list=19",
        "list=1&q=Ann",
        "list=19&q=Hana",
        f"{AFTER}={middle}",
        f"{BEFORE}={middle}",
        f"list=5&{LAST}=1",
    ):
        yield f"contact, {words}", "get", f"{contacts}?{words}"
    for model, campaigns in (("batch", (old, new, paused)),):
        listing = reverse(f"admin:csms_campaigns_{model}_changelist")
        for campaign in campaigns:
            for words in (
                "",
                "&status__exact=unknown",
                "&status__exact=pending",
                "&status__exact=cancelled",
                f"&{LAST}=1",
            ):
                yield (
                    f"{model}, {campaign}{words}",
                    "get",
                    f"{listing}?campaign__id={campaign.pk}{words}",
                )
        for status in ("pending", "sending", "unknown", "cancelled", "done"):
            yield f"{model}, {status}", "get", f"{listing}?status__exact={status}"
    yield from _recipients(old, new, paused)
    result = SendResult.objects.filter(status="unknown").latest("pk")
    for row in (
        result,
        Batch.objects.get(pk=result.batch_id),
        Attempt.objects.latest("pk"),
        Contact.objects.latest("pk"),
    ):
        name = row._meta.model_name
        yield (
            f"one {name}",
            "get",
            reverse(f"admin:csms_campaigns_{name}_change", args=[row.pk]),
        )
    optouts = reverse("admin:csms_campaigns_optout_changelist")
    for words in ("q=%2B1212", "q=%2B12120001249", "q=4321"):
        yield f"optout, {words}", "get", f"{optouts}?{words}"
    for campaign in (old, new, paused):
        for page in (
            "change",
            "progress",
            "progress_json",
            "unknown",
            "retry",
            "history",
        ):
            yield (
                f"{campaign}, {page}",
                "get",
                reverse(f"admin:csms_campaigns_campaign_{page}", args=[campaign.pk]),
            )
        yield (
            f"{campaign}, causes",
            "get",
            reverse("admin:csms_campaigns_sendresult_causes", args=[campaign.pk]),
        )
    yield "compose", "get", reverse("admin:csms_campaigns_campaign_add")
    complete = reverse("admin:autocomplete")
    yield (
        "autocomplete of lists",
        "get",
        f"{complete}?app_label=csms_campaigns&model_name=contact&field_name=lists&term=List",
    )
    export = reverse("admin:csms_campaigns_sendresult_export")
    for words in (
        "",
        f"campaign__id={old.pk}",
        f"campaign__id={old.pk}&status=failed",
        "status=unknown",
        "q=Ann",
    ):
        yield f"export, first rows, {words}", "post", f"{export}?{words}"


def _recipients(*campaigns: Any) -> Iterator[Page]:
    from django.urls import reverse

    from csms_campaigns.admin.listing import AFTER, BEFORE, LAST
    from csms_campaigns.admin.result_filters import DECIDED_IN, SPANS
    from csms_campaigns.states import SendStatus, SkipReason

    listing = reverse("admin:csms_campaigns_sendresult_changelist")
    each = [
        "",
        *(f"status={status}" for status in SendStatus.values),
        *(f"skip_reason={reason}" for reason in SkipReason.values),
        *(f"decision={decision}" for decision in DECIDED_IN),
        *(f"time={span}" for span in SPANS),
        *("cause=E1", "cause=E1&time=month", "cause=Nothing"),
        *(
            "list=1",
            "list=5",
            "list=10",
            "list=14",
            "list=19",
            "list=19&status=failed",
            "list=10&status=unknown",
        ),
        *(
            "q=Ann",
            "q=Ann+Zz",
            "q=%2B1212",
            "q=%2B12120001234",
            "q=1234",
            "q=%2B1212000&status=failed",
            "q=Ann&status=unknown",
        ),
    ]
    for words in each:
        for page in ("", f"{LAST}=1"):
            query = "&".join(part for part in (words, page) if part)
            yield f"recipients, {query or 'all'}", "get", f"{listing}?{query}"
    for campaign in campaigns:
        middle = (campaign.first_result_id + campaign.last_result_id) // 2
        own = f"campaign__id={campaign.pk}"
        for words in [
            *each,
            f"{AFTER}={middle}",
            f"{BEFORE}={middle}",
            f"status=failed&{AFTER}={middle}",
            f"status=unknown&{BEFORE}={middle}",
            f"status=sent&{LAST}=1",
            f"status=failed&{LAST}=1",
        ]:
            query = f"{own}&{words}" if words else own
            yield (
                f"recipients, {campaign}, {words or 'all'}",
                "get",
                f"{listing}?{query}",
            )
