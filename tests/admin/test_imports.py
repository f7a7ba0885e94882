"""The import in the admin, from the upload to the report, with the worker's part done here."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from csms_campaigns import conf
from csms_campaigns.contacts_io import running
from csms_campaigns.models import (
    Contact,
    ContactImport,
    ContactList,
    ImportChunk,
    OptOut,
)
from csms_campaigns.states import ChunkKind, ImportStage
from tests.admin import pages
from tests.admin.conftest import make_staff

pytestmark = pytest.mark.django_db

ANN, BEN, CLEO, DAN = (f"+1212555010{i}" for i in range(1, 5))
TEXT = (
    "Cell phone,Full Name,City,\n"
    f"{ANN},Ann,Oslo,x\n"
    f"{BEN},Benjamin,Rome,\n"
    f"{CLEO},Cleo,Bonn,\n"
    f"{ANN},Anna,,\n"
    "12,Nobody,,\n"
    f"{DAN},=1+1,Paris,\n"
)


def url(job: ContactImport, page: str) -> str:
    return reverse(f"admin:csms_campaigns_contactimport_{page}", args=[job.pk])


def upload(client: Client, content: str | bytes, name: str = "people.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(
        pages.adding("contactimport"), {"file": SimpleUploadedFile(name, data)}
    )


def work(job: ContactImport) -> ContactImport:
    """What a worker does when it is woken."""
    job.refresh_from_db()
    running.run_once(job.pk, str(job.token))
    job.refresh_from_db()
    return job


def choices(client: Client, job: ContactImport, **changed: Any) -> dict[str, Any]:
    """What the form on the page of columns holds, with a few changes."""
    form = client.get(url(job, "change")).context["form"]
    found = {name: form[name].value() for name in form.fields}
    return {k: v for k, v in (found | changed).items() if v is not None}


@pytest.fixture
def uploaded(office: Client) -> ContactImport:
    Contact.objects.create(phone=BEN, name="Ben", attributes={"plan": "gold"})
    Contact.objects.create(phone=CLEO, name="Cleo", attributes={"city": "Bonn"})
    OptOut.objects.create(phone=DAN)
    upload(office, TEXT)
    return ContactImport.objects.get()


@pytest.fixture
def checked(office: Client, uploaded: ContactImport) -> ContactImport:
    office.post(url(uploaded, "columns"), choices(office, uploaded, new_list="Spring"))
    return work(uploaded)


def test_the_list_of_contacts_has_a_button(office: Client) -> None:
    page = pages.text(office.get(pages.listing("contact")))
    assert f'href="{pages.adding("contactimport")}"' in page


def test_the_columns_are_recognised_and_shown_with_samples(
    office: Client, uploaded: ContactImport
) -> None:
    answer = office.get(url(uploaded, "change"))
    form = answer.context["form"]
    kinds = [form[f"kind_{i}"].value() for i in range(4)]
    assert kinds == ["phone", "name", "attribute", ""]
    assert form["attribute_2"].value() == "city"
    text = pages.text(answer)
    assert "Benjamin" in text
    assert "Column D, without a name" in text
    assert "{{ city }}" in text
    assert form.problem == ""


def test_a_dry_run_shows_what_would_happen_and_changes_nothing(
    office: Client, checked: ContactImport
) -> None:
    assert checked.stage == ImportStage.CHECKED
    assert checked.planned["counts"] == {
        "rows": 6,
        "created": 2,
        "updated": 1,
        "unchanged": 1,
        "invalid": 1,
        "duplicates": 1,
        "opted_out": 1,
        "removed": 0,
        "errors_file": None,
    }
    assert Contact.objects.count() == 2
    assert not ContactList.objects.exists()
    text = " ".join(pages.text(office.get(url(checked, "change"))).split())
    assert "<del><bdi>Ben</bdi></del> <ins><bdi>Benjamin</bdi></ins>" in text
    assert "The number is too short." in text
    assert "with another name: two people?" in text
    assert "Import now" in text
    assert "Everybody joins: <bdi>Spring</bdi>" in text


def test_confirmed_it_is_imported_and_reported(
    office: Client, checked: ContactImport
) -> None:
    office.post(url(checked, "confirm"))
    job = work(checked)
    assert job.stage == ImportStage.DONE
    planned = job.planned["counts"] | {"removed": job.counts.get("removed", 0)}
    assert job.counts | {"removed": 0} == planned
    assert Contact.objects.get(phone=ANN).name == "Anna"
    assert Contact.objects.get(phone=BEN).attributes == {"plan": "gold", "city": "Rome"}
    assert ContactList.objects.get(name="Spring").contacts.count() == 4
    assert OptOut.objects.filter(phone=DAN).exists()
    page = office.get(url(job, "change"))
    assert "What the import did" in pages.text(page)
    assert "Spring" in pages.text(page)


def report_of(client: Client, job: ContactImport, **query: str) -> list[list[str]]:
    answer = client.get(url(job, "report"), query)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_report_says_what_became_of_each_row(
    office: Client, checked: ContactImport
) -> None:
    office.post(url(checked, "confirm"))
    job = work(checked)
    header, *rows = report_of(office, job, all="")
    assert header == ["line", "phone", "outcome", "code", "what to do"]
    assert [row[:4] for row in rows] == [
        ["2", ANN, "new", ""],
        ["3", BEN, "changed", ""],
        ["4", CLEO, "unchanged", ""],
        ["5", ANN, "duplicate", "other_name"],
        ["6", "12", "left out", "too_short"],
        ["7", DAN, "new", "opted_out"],
    ]
    assert rows[3][4].startswith("The number stands in line 2 too, with another name")
    assert "Check that no digit is missing" in rows[4][4]
    only = report_of(office, job)[1:]
    assert [row[0] for row in only] == ["5", "6", "7"]


def test_no_cell_of_the_report_is_a_formula(office: Client) -> None:
    upload(office, f"phone\n=cmd|' /C calc'!A0\n@SUM(1)\n{ANN}\n")
    job = ContactImport.objects.get()
    office.post(url(job, "columns"), choices(office, job))
    office.post(url(work(job), "confirm"))
    rows = report_of(office, work(job))[1:]
    assert [row[1] for row in rows] == ["'=cmd|' /C calc'!A0", "'@SUM(1)"]


def test_the_file_is_gone_afterwards_and_the_report_stays(
    office: Client, checked: ContactImport
) -> None:
    assert ImportChunk.objects.filter(kind=ChunkKind.FILE).exists()
    office.post(url(checked, "confirm"))
    job = work(checked)
    assert set(ImportChunk.objects.values_list("kind", flat=True)) == {ChunkKind.REPORT}
    assert job.header == []


def test_a_member_who_is_not_in_the_file_leaves_a_replaced_list(
    office: Client, uploaded: ContactImport
) -> None:
    spring = ContactList.objects.create(name="Spring")
    other = Contact.objects.create(phone="+12125550199")
    spring.contacts.add(other, Contact.objects.get(phone=BEN))
    fields = choices(office, uploaded, lists=[spring.pk], list_action="replace")
    office.post(url(uploaded, "columns"), fields)
    job = work(uploaded)
    assert job.planned["counts"]["removed"] == 1
    assert "Leave the lists" in pages.text(office.get(url(job, "change")))
    office.post(url(job, "confirm"))
    job = work(job)
    assert job.counts["removed"] == 1
    phones = {str(contact.phone) for contact in spring.contacts.all()}
    assert phones == {ANN, BEN, CLEO, DAN}
    assert Contact.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"kind_0": ""}, "Choose one column that holds the phone numbers."),
        ({"kind_1": "phone"}, "Choose one column that holds the phone numbers."),
        ({"kind_2": "name"}, "Only one column can be the name."),
        ({"attribute_2": ""}, "Give the attribute a name."),
        (
            {"kind_3": "attribute", "attribute_3": "City"},
            "Two columns are named “city”",
        ),
        ({"region": "XX"}, "is no region"),
        ({"list_action": "replace"}, "Choose the list whose members are replaced."),
        ({"kind_0": "nonsense"}, "nonsense is not one of the available choices"),
    ],
)
def test_a_wrong_choice_is_one_sentence(
    office: Client, uploaded: ContactImport, changed: dict[str, str], sentence: str
) -> None:
    answer = office.post(url(uploaded, "columns"), choices(office, uploaded, **changed))
    assert sentence in pages.text(answer)
    uploaded.refresh_from_db()
    assert uploaded.stage == ImportStage.UPLOADED


def test_columns_may_be_chosen_where_none_is_recognised(office: Client) -> None:
    upload(office, f"a,b\n{ANN},Ann\n")
    job = ContactImport.objects.get()
    page = office.get(url(job, "change"))
    assert "No column holds phone numbers" in pages.text(page)
    chosen = choices(office, job, kind_0="phone", kind_1="attribute", attribute_1="Who")
    office.post(url(job, "columns"), chosen)
    office.post(url(work(job), "confirm"))
    work(job)
    assert Contact.objects.get().attributes == {"who": "Ann"}


def test_columns_may_be_changed_after_the_check(
    office: Client, checked: ContactImport
) -> None:
    page = office.get(url(checked, "columns"))
    assert page.context["form"]["kind_0"].value() == "phone"
    assert page.context["form"]["new_list"].value() == "Spring"
    form = page.context["form"]
    found = {name: form[name].value() for name in form.fields}
    found = {k: v for k, v in found.items() if v is not None} | {"kind_2": ""}
    office.post(url(checked, "columns"), found)
    job = work(checked)
    assert job.stage == ImportStage.CHECKED
    assert job.columns["attributes"] == []


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "empty.csv", "The file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "x.csv", "This is not a CSV file"),
        (b"PK\x03\x04nonsense", "x.xlsx", "The Excel file is damaged"),
        (b'phone\n1,"x', "x.csv", "is never closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(
    office: Client, content: bytes, name: str, sentence: str
) -> None:
    answer = upload(office, content, name)
    assert answer.status_code == 200
    assert sentence in pages.text(answer)
    assert not ContactImport.objects.exists()
    assert not ImportChunk.objects.exists()


def test_an_upload_without_a_file(office: Client) -> None:
    answer = office.post(pages.adding("contactimport"))
    assert "This field is required." in pages.text(answer)


def limited(settings: Any, **limits: int) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, **limits}


def test_an_upload_that_is_too_large_is_cut_off(office: Client, settings: Any) -> None:
    limited(settings, IMPORT_MAX_BYTES=100_000)
    answer = upload(office, "phone\n" + f"{ANN}\n" * 50_000)
    assert "The file is larger than 97.7" in pages.text(answer)
    assert not ContactImport.objects.exists()
    upload(office, "phone\n" + f"{ANN}\n" * 1_000)
    assert ContactImport.objects.get().size == 13_006


@pytest.mark.parametrize("name", ["IMPORT_MAX_BYTES", "IMPORT_MAX_ROWS"])
@pytest.mark.parametrize("value", [0, -1, "many", None, True, 1.5])
def test_a_wrong_limit_is_a_check_error(settings: Any, name: str, value: Any) -> None:
    assert list(conf.problems()) == []
    limited(settings, **{name: value})
    [problem] = conf.problems()
    assert f"['{name}'] is wrong: set it to a whole number" in problem


def test_too_many_rows_are_refused_in_the_check(office: Client, settings: Any) -> None:
    limited(settings, IMPORT_MAX_ROWS=3)
    upload(office, "phone\n" + f"{ANN}\n" * 4)
    job = ContactImport.objects.get()
    office.post(url(job, "columns"), choices(office, job))
    job = work(job)
    assert job.stage == ImportStage.FAILED
    assert job.reason == "The file has more than 3 rows. Split it."
    page = pages.text(office.get(url(job, "change")))
    assert "Nothing was imported" in page
    assert job.reason in page


def test_the_upload_is_protected_against_forgery(boss: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    assert upload(client, TEXT).status_code == 403
    client.get(pages.adding("contactimport"))
    token = client.cookies["csrftoken"].value
    answer = client.post(
        pages.adding("contactimport"),
        {
            "file": SimpleUploadedFile("people.csv", TEXT.encode()),
            "csrfmiddlewaretoken": token,
        },
    )
    assert answer.status_code == 302
    assert ContactImport.objects.count() == 1


def test_cancelling_before_the_import_deletes_the_file(
    office: Client, checked: ContactImport
) -> None:
    office.post(url(checked, "cancel"))
    checked.refresh_from_db()
    assert checked.stage == ImportStage.CANCELLED
    assert checked.reason == "Cancelled by boss."
    assert not ImportChunk.objects.exists()
    assert "Cancelled by boss." in pages.text(office.get(url(checked, "change")))


def test_a_button_pressed_twice_says_that_it_is_too_late(
    office: Client, checked: ContactImport
) -> None:
    office.post(url(checked, "confirm"))
    answer = office.post(url(checked, "confirm"), follow=True)
    assert "The import is: Being imported." in pages.said(answer)[0]
    work(checked)
    answer = office.post(url(checked, "cancel"), follow=True)
    assert "The import is: Imported." in pages.said(answer)[-1]


def test_the_progress_is_a_page_and_a_feed(
    office: Client, uploaded: ContactImport
) -> None:
    office.post(url(uploaded, "columns"), choices(office, uploaded))
    page = pages.text(office.get(url(uploaded, "change")))
    assert "Waiting for a worker" in page
    assert "Reload" in page
    ContactImport.objects.update(step="writing", done=1, total=2)
    feed = office.get(url(uploaded, "progress_json")).json()
    assert feed["status"] == "checking"
    assert feed["ended"] is False
    assert feed["bar"] == {"done": ["0", "62.50"]}
    assert feed["texts"]["step"] == "Comparing and writing contacts"


def test_pages_of_an_import_that_goes_on(
    office: Client, uploaded: ContactImport
) -> None:
    office.post(url(uploaded, "columns"), choices(office, uploaded))
    assert office.get(url(uploaded, "columns")).status_code == 302
    assert office.get(url(uploaded, "report")).status_code == 404
    assert office.get(url(uploaded, "cancel")).status_code == 405
    assert office.post(pages.deletion(uploaded), {"post": "yes"}).status_code == 403


def test_an_ended_import_may_be_deleted_with_its_report(
    office: Client, checked: ContactImport
) -> None:
    office.post(url(checked, "confirm"))
    work(checked)
    asked = pages.text(office.get(pages.deletion(checked)))
    assert "The contacts stay; only the report goes." in asked
    office.post(pages.deletion(checked), {"post": "yes"})
    assert not ContactImport.objects.exists()
    assert not ImportChunk.objects.exists()
    assert Contact.objects.count() == 4


def test_the_list_of_imports(office: Client, checked: ContactImport) -> None:
    text = pages.text(office.get(pages.listing("contactimport")))
    assert "people.csv" in text
    assert 'data-state="checked"' in text


# Who may do what

IMPORTS = ["add_contactimport", "add_contact", "change_contact"]


@pytest.mark.parametrize("missing", IMPORTS)
def test_importing_needs_three_permissions(
    browse: Callable[..., Client], uploaded: ContactImport, missing: str
) -> None:
    names = [name for name in IMPORTS if name != missing]
    client = browse(make_staff("clerk", *names, "view_contact", "view_contactimport"))
    assert upload(client, TEXT).status_code == 403
    for verb in ("confirm", "cancel"):
        assert client.post(url(uploaded, verb)).status_code == 403
    assert client.post(url(uploaded, "columns")).status_code == 403
    assert "You may not import" in pages.text(client.get(url(uploaded, "change")))
    assert ContactImport.objects.count() == 1
    listing = pages.text(client.get(pages.listing("contact")))
    assert 'data-tool="import"' not in listing


def test_who_may_look_at_nothing_sees_nothing(
    browse: Callable[..., Client], uploaded: ContactImport
) -> None:
    client = browse(make_staff("clerk", "view_contact"))
    for page in ("change", "columns", "progress_json", "report"):
        assert client.get(url(uploaded, page)).status_code == 403


def test_the_report_needs_the_right_to_see_contacts(
    office: Client, browse: Callable[..., Client], checked: ContactImport
) -> None:
    office.post(url(checked, "confirm"))
    job = work(checked)
    client = browse(make_staff("clerk", "view_contactimport"))
    assert "report" not in pages.text(client.get(url(job, "change"))).split("help")[0]
    assert client.get(url(job, "report")).status_code == 403


def test_lists_are_made_and_emptied_only_by_who_may(
    browse: Callable[..., Client], uploaded: ContactImport
) -> None:
    clerk = make_staff("clerk", *IMPORTS)
    form = browse(clerk).get(url(uploaded, "change")).context["form"]
    assert "new_list" not in form.fields
    assert [value for value, _label in form.fields["list_action"].choices] == ["add"]
    codenames = ["add_contactlist", "change_contactlist"]
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    form = (
        browse(User.objects.get(pk=clerk.pk))
        .get(url(uploaded, "change"))
        .context["form"]
    )
    assert "new_list" in form.fields
    assert len(form.fields["list_action"].choices) == 2


def test_an_import_that_is_not_there(office: Client, uploaded: ContactImport) -> None:
    uploaded.pk += 100
    assert office.get(url(uploaded, "progress_json")).status_code == 404


def test_many_lists_become_a_search_field(
    office: Client, uploaded: ContactImport
) -> None:
    ContactList.objects.bulk_create(ContactList(name=f"List {i}") for i in range(41))
    chosen = ContactList.objects.get(name="List 7")
    form = office.get(url(uploaded, "change")).context["form"]
    assert "admin-autocomplete" in str(form["lists"])
    office.post(url(uploaded, "columns"), choices(office, uploaded, lists=[chosen.pk]))
    assert list(ContactImport.objects.get().lists.all()) == [chosen]
