"""Which pages `bench.pages` asks for: every list with what can be chosen, and every page of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Page = tuple[str, str, str]
"""Name, method, address."""

LISTED: Final = (
    "campaign",
    "contact",
    "contactlist",
    "optout",
    "contactimport",
    "messagetemplate",
    "batch",
    "attempt",
    "gatewayaccount",
)
OF_CAMPAIGN: Final = (
    "change",
    "progress",
    "progress_json",
    "course_json",
    "unknown",
    "retry",
    "history",
)


def pages() -> Iterator[Page]:
    """Of a sent campaign, of one where each has a text of their own, and of a paused one."""
    from csms_campaigns.models import Campaign

    names = ("Campaign 3", "Campaign 20", "Campaign 8")
    campaigns = [Campaign.objects.get(name=name) for name in names]
    yield from _site()
    yield from _contacts()
    for campaign in campaigns:
        yield from _batches(campaign)
        yield from _of_campaign(campaign)
    yield from _single_rows()
    yield from _recipients(*campaigns)
    yield from _exports(campaigns[0])


def _url(name: str, *args: Any) -> str:
    from django.urls import reverse

    return reverse(f"admin:{name}", args=args)


def _listing(model: str) -> str:
    return _url(f"csms_campaigns_{model}_changelist")


def _site() -> Iterator[Page]:
    from csms_campaigns.admin.listing import LAST

    yield "index", "get", _url("index")
    yield "dashboard", "get", _url("app_list", "csms_campaigns")
    yield "dashboard, asked again", "get", _url("csms_campaigns_campaign_overview_json")
    for model in LISTED:
        yield model, "get", _listing(model)
        yield f"{model}, last", "get", f"{_listing(model)}?{LAST}=1"
    yield "compose", "get", _url("csms_campaigns_campaign_add")
    yield "template, new", "get", _url("csms_campaigns_messagetemplate_add")
    yield "import, new", "get", _url("csms_campaigns_contactimport_add")
    words = "app_label=csms_campaigns&model_name=contact&field_name=lists&term=List"
    yield "autocomplete of lists", "get", f"{_url('autocomplete')}?{words}"
    for words in ("q=%2B1212", "q=%2B12120001249", "q=4321"):
        yield f"optout, {words}", "get", f"{_listing('optout')}?{words}"
    for status in ("pending", "sending", "unknown", "cancelled", "done"):
        yield (
            f"batch, {status}",
            "get",
            f"{_listing('batch')}?status__exact={status}",
        )


def _contacts() -> Iterator[Page]:
    from csms_campaigns.admin.listing import AFTER, BEFORE, LAST
    from csms_campaigns.models import Contact

    half = Contact.objects.count() // 2
    middle = Contact.objects.filter(pk__gte=half).earliest("pk").pk
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
        "not_list=1",
        "attribute=city",
        "attribute=city&value=City+7",
        "attribute=city&value=Nowhere",
        "outcome=failed",
        "outcome=unknown",
        "outcome=never",
        "opted_out=yes",
        "days=30",
        "country=1",
        "country=44",
        "list=1&outcome=failed&opted_out=no",
        f"{AFTER}={middle}",
        f"{BEFORE}={middle}",
        f"list=5&{LAST}=1",
    ):
        yield f"contact, {words}", "get", f"{_listing('contact')}?{words}"


def _batches(campaign: Any) -> Iterator[Page]:
    from csms_campaigns.admin.listing import LAST

    for words in (
        "",
        "&status__exact=unknown",
        "&status__exact=pending",
        "&status__exact=cancelled",
        f"&{LAST}=1",
    ):
        query = f"campaign__id={campaign.pk}{words}"
        yield f"batch, {campaign}{words}", "get", f"{_listing('batch')}?{query}"


def _of_campaign(campaign: Any) -> Iterator[Page]:
    for page in OF_CAMPAIGN:
        url = _url(f"csms_campaigns_campaign_{page}", campaign.pk)
        yield f"{campaign}, {page}", "get", url
    causes = _url("csms_campaigns_sendresult_causes", campaign.pk)
    yield f"{campaign}, causes", "get", causes


def _single_rows() -> Iterator[Page]:
    from csms_campaigns.models import Attempt, Batch, Contact, ContactList, SendResult

    result = SendResult.objects.filter(status="unknown").latest("pk")
    for row in (
        result,
        Batch.objects.get(pk=result.batch_id),
        Attempt.objects.latest("pk"),
        Contact.objects.latest("pk"),
        ContactList.objects.earliest("pk"),
    ):
        name = row._meta.model_name
        yield f"one {name}", "get", _url(f"csms_campaigns_{name}_change", row.pk)


def _exports(campaign: Any) -> Iterator[Page]:
    for words in (
        "",
        f"campaign__id={campaign.pk}",
        f"campaign__id={campaign.pk}&status=failed",
        "status=unknown",
        "q=Ann",
    ):
        url = f"{_url('csms_campaigns_sendresult_export')}?{words}"
        yield f"export, first rows, {words}", "post", url


def _recipients(*campaigns: Any) -> Iterator[Page]:
    from csms_campaigns.admin.listing import AFTER, BEFORE, LAST
    from csms_campaigns.admin.result_filters import DECIDED_IN, SPANS
    from csms_campaigns.states import SendStatus, SkipReason

    listing = _listing("sendresult")
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
