"""What our pages share: title, way back, the reader's language, and who comes without a button."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from csms_campaigns.engine import finishing
from csms_campaigns.engine.wording import translated
from csms_campaigns.gateway import failures
from csms_campaigns.gateway.errors import AnswerLost
from csms_campaigns.models import Attempt, Campaign, Contact, SendResult
from tests.admin import pages
from tests.admin.conftest import PASSWORD
from tests.engine import scenes

PAGES = {
    "contact_invalid": "Invalid numbers",
    "contact_put": "Put all who match into a list",
    "contactimport_add": "Import contacts",
    "optout_upload": "Upload a list of opt-outs",
}


def address(name: str, *args: int) -> str:
    return reverse(f"admin:csms_campaigns_{name}", args=args)


@pytest.mark.parametrize(("name", "title"), PAGES.items())
def test_a_page_says_its_name_once_in_the_title(
    office: Client, name: str, title: str
) -> None:
    text = pages.text(office.get(address(name)))
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert found
    assert found[1].count(title) == 1
    assert found[1].strip().startswith(title)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_leads_back_to_its_list(office: Client, name: str) -> None:
    listing = pages.listing(name.split("_")[0])
    text = pages.text(office.get(address(name)))
    crumbs = text.split('<div class="breadcrumbs">')[1].split("</div>")[0]
    assert f'href="{listing}"' in crumbs


def test_who_was_signed_out_meanwhile_is_told_that_nothing_was_done(
    client: Client, boss: User, sending: Campaign
) -> None:
    asked = client.post(pages.of(sending, "pause"))
    answer = client.post(asked["Location"], {"username": "boss", "password": PASSWORD})
    assert answer["Location"] == pages.of(sending, "pause")
    seen = client.get(answer["Location"])
    assert (seen.status_code, seen["Allow"]) == (405, "POST")
    assert "Nothing was done" in pages.text(seen)
    sending.refresh_from_db()
    assert sending.status == "sending"
    back = client.get(urljoin(answer["Location"], "../"), follow=True)
    assert 'data-tool="pause"' in pages.text(back)


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("contact_opt_out", "../"),
        ("contact_export", "../"),
        ("sendresult_export", "../?status=failed"),
    ],
)
def test_every_button_leads_back(
    browse: Callable[..., Client], boss: User, sending: Campaign, name: str, back: str
) -> None:
    contact = Contact.objects.earliest("pk")
    is_of_all = name.startswith("sendresult")
    url = address(name) if is_of_all else address(name, contact.pk)
    query = {"status": "failed"} if is_of_all else {}
    seen = browse(boss).get(url, query)
    assert seen.status_code == 405
    assert f'href="{back}"' in pages.text(seen)


def test_what_the_program_wrote_of_a_failure_is_read_in_the_readers_language(
    office: Client, sending: Campaign
) -> None:
    """Their English stands in the database."""
    silence, no_entry = failures.SILENCE, finishing.NO_ENTRY
    scenes.send(lambda _taken: AnswerLost(silence))
    attempt = Attempt.objects.get()
    batch, result = attempt.batch, SendResult.objects.filter(batch=attempt.batch)[0]
    SendResult.objects.filter(pk=result.pk).update(error=no_entry)
    with translation.override("ar"):
        lost, left_out = translated(silence), translated(no_entry)
    office.cookies["django_language"] = "ar"
    for url, said in (
        (pages.of(sending, "unknown"), lost),
        (pages.listing("attempt"), lost),
        (pages.change(attempt), lost),
        (pages.change(batch), lost),
        (pages.change(result.contact), left_out),
    ):
        text = pages.text(office.get(url))
        assert said in text, url
        assert silence not in text, url
        assert no_entry not in text, url
