"""Whatever strangers write — people's names, a gateway's errors, cells of a file — stays text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from zipfile import ZipFile

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    ContactImport,
    ContactList,
    GatewayAccount,
    MessageTemplate,
    OptOut,
    SendResult,
)
from csms_campaigns.states import CampaignStatus
from tests.security.doors import DOORS
from tests.security.visiting import visit

pytestmark = [pytest.mark.once, pytest.mark.django_db]

MARK = "needle7351"
HOSTILE = (
    f"</script><script>{MARK}()</script><img src=x onerror={MARK}()>"
    f"\" onmouseover=\"{MARK}()\" ' onfocus='{MARK}()' {{{{ 7000019|add:1 }}}}"
)
FORMULA = f"=cmd|' /C {MARK}'!A0"
SHOWN_IN = ("script", "style", "iframe", "object", "img")


class Page(HTMLParser):
    """What a browser would make of it: tags, attributes, and code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            says = MARK in (value or "") or MARK in name
            if says and (name.startswith("on") or tag in SHOWN_IN):
                self.bad.append(f"<{tag} {name}={value}>")
            if name in {"href", "action", "src"} and (value or "").startswith("java"):
                self.bad.append(f"<{tag} {name}={value}>")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and MARK in data:
            self.bad.append(f"<{self._inside}>{data[:200]}")


def html_in(answer: Any) -> Iterator[str]:
    """The page, or the pieces of one that a feed delivers."""
    text = answer.content.decode()
    if answer["Content-Type"].startswith("application/json"):
        yield from json.loads(text).get("parts", {}).values()
    else:
        assert answer["Content-Type"].startswith("text/html")
        yield text


def is_text(answer: Any, where: str) -> bool:
    """Whether it shows what the stranger wrote; as text alone, or the test has failed."""
    text = answer.content.decode()
    for html in html_in(answer):
        assert Page(html).bad == [], where
    assert "7000020" not in text, f"{where} runs templates of strangers"
    return MARK in text


@pytest.fixture
def hostile(rows: dict[str, Model]) -> dict[str, Model]:
    """Wherever a stranger's words are kept, they are these."""
    words = HOSTILE[:200]
    assert words.count(MARK) >= 4
    Contact.objects.update(name=words, attributes={"city": words, words[:60]: words})
    ContactList.objects.update(name=HOSTILE[:150])
    MessageTemplate.objects.update(name=HOSTILE[:150], message="{{ " + words)
    OptOut.objects.update(reason=words)
    Campaign.objects.update(name=words, status_reason=HOSTILE)
    Batch.objects.update(message=HOSTILE, error=HOSTILE, error_code=HOSTILE[:64])
    SendResult.objects.update(name=words, error=words, error_code=HOSTILE[:64])
    Attempt.objects.update(error=HOSTILE)
    GatewayAccount.objects.update(blocked_reason="auth", blocked_detail=HOSTILE)
    ContactImport.objects.update(name=HOSTILE[:150])
    return rows


def pages_that_show(client: Client, rows: dict[str, Model]) -> set[str]:
    return {
        where
        for where, answer in visit(client, rows)
        if answer.status_code == 200 and not answer.streaming and is_text(answer, where)
    }


def test_no_page_before_the_launch_runs_what_strangers_write(
    hostile: dict[str, Model], admin_client: Client
) -> None:
    shown = pages_that_show(admin_client, hostile)
    # The test would be worth nothing if the pages did not show these words at all.
    assert {"campaign_review", "campaign_changelist", "contact_change"} <= shown
    assert {"contact_changelist", "optout_changelist", "batch_change"} <= shown
    assert {"attempt_change", "contactimport_change", "sendresult_change"} <= shown
    assert {"gatewayaccount_change", "messagetemplate_change"} <= shown


@pytest.mark.parametrize("status", ["paused", "finished"])
def test_no_page_after_the_launch_does(
    status: str, hostile: dict[str, Model], admin_client: Client
) -> None:
    campaign = hostile["campaign"]
    lifecycle.launch(campaign.pk)
    SendResult.objects.update(status="failed")
    Batch.objects.update(failed_count=3, status="done")
    fields: dict[str, Any] = {"status": CampaignStatus(status)}
    if status == "finished":
        fields["finished_at"] = Campaign.objects.get(pk=campaign.pk).started_at
    Campaign.objects.update(status_reason=HOSTILE, **fields)
    shown = pages_that_show(admin_client, hostile)
    assert {"campaign_progress", "campaign_retry", "sendresult_changelist"} <= shown


def test_the_pieces_that_composing_asks_for_are_text(
    hostile: dict[str, Model], admin_client: Client
) -> None:
    """They are put into the page as they come."""
    data = {
        "message": "{{ name }} {{ city }} " + MARK,
        "lists": [hostile["contactlist"].pk],
    }
    for text in (data["message"], HOSTILE, "{{ " + HOSTILE, "{{ x|" + HOSTILE):
        for model in ("campaign", "messagetemplate"):
            url = reverse(f"admin:csms_campaigns_{model}_compose")
            answer = admin_client.post(url, {**data, "message": text})
            assert answer.status_code == 200
            is_text(answer, f"{model}: {text}")
    shown = admin_client.post(
        reverse("admin:csms_campaigns_campaign_compose"), data
    ).json()
    assert MARK in "".join(shown["parts"].values())


def test_what_a_form_refuses_is_shown_as_text(
    rows: dict[str, Model], admin_client: Client
) -> None:
    """The words of the request itself: the answer repeats them beside the error."""
    shown = set()
    for model, name, field in (
        *(("contact", "add", field) for field in ("phone", "name", "attributes")),
        *(("optout", "add", field) for field in ("phone", "reason")),
        ("optout", "upload", "numbers"),
        *(("campaign", "add", field) for field in ("message", "account", "send_from")),
    ):
        url = reverse(f"admin:csms_campaigns_{model}_{name}")
        answer = admin_client.post(url, {field: HOSTILE})
        assert answer.status_code == 200, field
        if is_text(answer, f"{model}.{field}"):
            shown.add(field)
    assert {"phone", "name", "attributes", "reason", "numbers", "message"} <= shown


def test_what_is_searched_for_is_text(
    rows: dict[str, Model], admin_client: Client
) -> None:
    for model in DOORS:
        url = reverse(f"admin:csms_campaigns_{model}_changelist")
        for query in ({"q": HOSTILE}, {"list": HOSTILE}, {HOSTILE: HOSTILE}):
            answer = admin_client.get(url, query, follow=True)
            assert answer.status_code == 200, (model, query)
            is_text(answer, f"{model}: {query}")


def test_the_opt_out_page_repeats_nothing_but_text(client: Client, db: None) -> None:
    for code in (MARK, "<script>" + MARK, "{{" + MARK):
        answer = client.get(reverse("csms_campaigns:opt_out", args=[code]))
        assert answer.status_code == 404
        is_text(answer, code)


# Formulas


@pytest.fixture
def formulas(ready: Campaign) -> Campaign:
    lifecycle.launch(ready.pk)
    SendResult.objects.update(name=FORMULA, error=FORMULA, status="failed")
    return ready


def exported(client: Client, kind: str) -> bytes:
    url = reverse("admin:csms_campaigns_sendresult_export")
    answer: Any = client.post(url, {"format": kind})
    return b"".join(answer.streaming_content)


def test_no_cell_of_a_spreadsheet_is_a_formula(
    formulas: Campaign, admin_client: Client
) -> None:
    text = exported(admin_client, "spreadsheet").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if MARK in cell]
    for cell in cells:
        if MARK in cell:
            assert cell[0] not in "=+-@\t\r"


def test_no_cell_of_a_workbook_is_a_formula(
    formulas: Campaign, admin_client: Client
) -> None:
    with ZipFile(io.BytesIO(exported(admin_client, "xlsx"))) as book:
        sheets = [name for name in book.namelist() if "/sheet" in name]
        text = "".join(book.read(name).decode() for name in sheets)
    assert MARK in text
    assert 't="inlineStr"' in text
    assert not re.search(r"<f[ >]", text)


def test_a_text_is_filled_once(ready: Campaign) -> None:
    """A name that looks like a placeholder is sent as it is, and reads no other person's."""
    Contact.objects.update(name="{{ city }}", attributes={"city": MARK})
    Campaign.objects.update(message="Hello {{ name }}", status="draft")
    audience.review(ready.pk)
    assert set(Batch.objects.values_list("message", flat=True)) == {"Hello {{ city }}"}
