"""Opt-outs in the admin: added, uploaded as a list, taken back; and what links say while composing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from csms_campaigns.admin import link_words, opt_out_pages
from csms_campaigns.admin.outlook import Composition, look
from csms_campaigns.engine.selection import Selection
from csms_campaigns.models import OptOut
from csms_campaigns.sms.placeholders import compile_message
from tests import factories
from tests.admin import pages
from tests.admin.conftest import make_staff
from tests.contacts_io.sheets import workbook

pytestmark = pytest.mark.django_db

ONE, TWO = "+12125550101", "+12125550102"


def address() -> str:
    return reverse("admin:csms_campaigns_optout_upload")


def file(text: str | bytes, name: str = "stopped.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def upload(client: Client, **form: Any) -> str:
    answer = client.post(address(), form)
    assert answer.status_code == 200
    return pages.text(answer)


def phones() -> list[str]:
    return sorted(str(p) for p in OptOut.objects.values_list("phone", flat=True))


# A list


def test_a_file_is_read_and_told(office: Client, boss: User) -> None:
    factories.opt_out([ONE])
    said = upload(
        office, file=file(f"phone,name\n{ONE},Ada\n{TWO},Ben\nbad,C\n"), reason="CRM"
    )
    assert "1 number opted out." in said
    assert "1 had opted out before." in said
    assert "1 row holds no usable number." in said
    assert "Line 4" in said
    found = OptOut.objects.get(phone=TWO)
    assert (found.source, found.reason, found.created_by) == ("import", "CRM", boss)


def test_pasted_numbers(office: Client) -> None:
    assert "2 numbers opted out." in upload(office, numbers=f"{ONE}\n212 555 0102")
    assert phones() == [ONE, TWO]


@pytest.mark.parametrize("both", [True, False])
def test_one_of_the_two(office: Client, both: bool) -> None:
    form = {"file": file(ONE), "numbers": TWO} if both else {}
    assert "Choose a file, or write numbers" in upload(office, **form)
    assert phones() == []


def test_a_file_that_cannot_be_read(office: Client) -> None:
    said = upload(office, file=file(b"%PDF-1.7 \0\1\2", "x.pdf"))
    assert "This is not a CSV file" in said
    assert "The file is empty" in upload(office, file=file(b" \n"))


def test_an_excel_file(office: Client) -> None:
    sheet = workbook([["phone"], [ONE], [TWO]])
    assert "2 numbers opted out." in upload(office, file=file(sheet, "x.xlsx"))


def test_a_file_that_is_too_large(office: Client, settings: Any) -> None:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    settings.CSMS_CAMPAIGNS = {**changed, "IMPORT_MAX_BYTES": 20}
    assert "The file is larger than" in upload(office, file=file(f"{ONE}\n" * 5))
    assert phones() == []


def test_more_rows_than_are_read(
    office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_out_pages, "MOST", 2)
    said = upload(office, numbers="\n".join(factories.number(i) for i in range(5)))
    assert "Only the first 2 rows were read" in said
    assert OptOut.objects.count() == 2


def test_what_people_upload_is_escaped(office: Client) -> None:
    said = upload(office, numbers="<script>alert(1)</script>")
    assert "<script>alert" not in said
    assert "&lt;script&gt;" in said


def test_who_may_not_add_opt_outs_may_not_upload(
    browse: Any, composer: User, onlooker: User
) -> None:
    for person in (composer, onlooker):
        client = browse(person)
        assert client.get(address()).status_code == 403
        assert client.post(address(), {"numbers": ONE}).status_code == 403
        assert address() not in pages.text(client.get(pages.listing("optout")))
    assert browse().get(address()).status_code == 302
    adder = browse(make_staff("adder", "view_optout", "add_optout"))
    assert address() in pages.text(adder.get(pages.listing("optout")))
    upload(adder, numbers=ONE)
    assert phones() == [ONE]


def test_a_page_of_another_site_uploads_nothing(boss: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    assert client.post(address(), {"numbers": ONE}).status_code == 403
    assert phones() == []


# One number


def test_the_same_number_twice_is_one_sentence(office: Client) -> None:
    factories.opt_out([ONE])
    before = OptOut.objects.values().get()
    answer = office.post(pages.adding("optout"), {"phone": ONE, "reason": "x"})
    assert "already exists" in pages.text(answer)
    assert OptOut.objects.values().get() == before


def test_taking_it_back_is_said_and_stands_in_the_history(
    office: Client, boss: User
) -> None:
    factories.opt_out([ONE, TWO])
    found = OptOut.objects.get(phone=ONE)
    assert "may text this number again" in pages.text(office.get(pages.deletion(found)))
    office.post(pages.deletion(found), {"post": "yes"})
    assert phones() == [TWO]
    entry = LogEntry.objects.get(action_flag=DELETION)
    assert (entry.user, entry.object_repr) == (boss, ONE)


def test_who_may_not_delete_opt_outs_takes_none_back(browse: Any) -> None:
    factories.opt_out([ONE])
    adder = browse(make_staff("adder", "view_optout", "add_optout"))
    found = OptOut.objects.get()
    assert adder.post(pages.deletion(found), {"post": "yes"}).status_code == 403
    assert phones() == [ONE]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("link", "Link of a campaign"),
        ("personal link", "Personal link"),
        ("crm", "crm"),
    ],
)
def test_sources_are_read_in_words(office: Client, source: str, shown: str) -> None:
    OptOut.objects.create(phone=ONE, source=source)
    assert f">{shown}<" in pages.text(office.get(pages.listing("optout")))


# While composing


@pytest.fixture
def home(settings: Any) -> None:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    settings.CSMS_CAMPAIGNS = {**changed, "PUBLIC_URL": "https://example.com"}


def of(text: str, count: int = 0, **options: Any) -> dict[str, Any]:
    lists = (factories.people(count).pk,) if count else ()
    return look(Composition(text, Selection(lists), **options))


def test_links_are_offered_with_what_they_cost(home: None) -> None:
    found = {one["name"]: one for one in of("")["placeholders"]}
    assert found["opt_out_url"]["written"] == "{{ opt_out_url }}"
    assert "costs nothing" in found["opt_out_url"]["note"]
    assert "a request for each" in found["personal_opt_out_url"]["note"]


def test_without_an_address_they_are_not_offered_and_it_is_said() -> None:
    found = of("Bye {{ opt_out_url }}", 3)
    assert {one["name"] for one in found["placeholders"]} == {"name", "phone"}
    [warning] = found["warnings"]
    assert "set PUBLIC_URL" in warning


def test_a_personal_link_has_its_price(home: None) -> None:
    [warning] = of("Bye {{ personal_opt_out_url }}", 900)["warnings"]
    assert "about 900 requests in 9 minutes" in warning
    assert "instead of 9 in less than a minute" in warning


def test_the_price_is_of_the_chosen_account(home: None, configure: Any) -> None:
    configure("other", API_KEY="cspro_other", BATCH_SIZE=10)
    [warning] = of("{{ personal_opt_out_url }}", 90, account="other")["warnings"]
    assert "about 90 requests" in warning
    assert "instead of 9 in" in warning


@pytest.mark.parametrize("account", ["default", "gone"])
def test_without_people_the_price_is_told_in_general(home: None, account: str) -> None:
    [warning] = of("{{ personal_opt_out_url }}", account=account)["warnings"]
    assert "each person costs a request of their own." in warning


def test_one_link_for_all_is_not_warned_of(home: None) -> None:
    assert of("Bye {{ opt_out_url }}", 900)["warnings"] == []


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize(
    ("name", "length"), [("opt_out_url", 14), ("personal_opt_out_url", 17)]
)
def test_its_length_is_counted(home: None, count: int, name: str, length: int) -> None:
    whole = len("https://example.com/sms/o/") + length
    text = "x" * (160 - whole)
    assert of(text + f"{{{{ {name} }}}}", count)["length"]["segments"] == "1 segment"
    found = of(text + f"x{{{{ {name} }}}}", count)["length"]
    assert found["segments"] == "2 segments"


def test_people_read_a_link_in_the_preview(home: None) -> None:
    texts = [one["text"] for one in of("Bye {{ opt_out_url }}", 2)["examples"]]
    assert texts
    assert all(text.startswith("Bye https://example.com/sms/o/") for text in texts)


def test_what_is_no_link_stays_as_it_is_written() -> None:
    text = 'Hi {{ name|default:"you" }}, {{ opt_out_url }}'
    message = compile_message(text).with_constants({"opt_out_url": "L"})
    assert link_words.with_links(text, message) == 'Hi {{ name|default:"you" }}, L'
    assert (
        link_words.with_links("{{ Name }}", compile_message("{{ Name }}"))
        == "{{ Name }}"
    )


def test_the_parts_of_the_page_have_the_buttons(home: None, office: Client) -> None:
    url = reverse("admin:csms_campaigns_campaign_compose")
    parts = office.post(url, {"message": "Hi"}).json()["parts"]
    assert 'data-insert="{{ personal_opt_out_url }}"' in parts["placeholders"]
    assert "title=" in parts["placeholders"]


def test_the_review_says_it_once_more(home: None, office: Client) -> None:
    campaign = factories.ready(300, "Bye {{ personal_opt_out_url }}")
    said = pages.text(office.get(pages.of(campaign, "review")))
    assert "{{ personal_opt_out_url }} costs you" in said
