"""What a file does to contacts, lists and opt-outs, and how it is counted."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from csms_campaigns.contacts_io import spool
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import (
    READING,
    WRITING,
    ImportReport,
    import_contacts,
)
from csms_campaigns.models import Contact, ContactList, OptOut
from tests.contacts_io.conftest import FileMaker

pytestmark = pytest.mark.django_db

ANN, BEN, CLEO = "+12125550101", "+12125550102", "+12125550103"

Load = Callable[..., ImportReport]


@pytest.fixture
def load(csv_file: FileMaker) -> Load:
    """`load(text, **options)` imports a file of this text."""

    def run(content: str | bytes, encoding: str = "utf-8", **options: Any) -> Any:
        return import_contacts(csv_file(content, encoding), **options)

    return run


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SLICE_ROWS", 3)


def counts(report: ImportReport) -> dict[str, int]:
    """Those that aren't zero."""
    values = report.as_dict()
    del values["errors_file"]
    return {name: value for name, value in values.items() if value}


def stored() -> dict[str, tuple[str, dict[str, str]]]:
    return {
        str(contact.phone): (contact.name, contact.attributes)
        for contact in Contact.objects.all()
    }


def test_a_person_with_a_name_and_attributes(load: Load) -> None:
    report = load(f"Phone,Full Name,City,Plan\n{ANN},Ann Lee,Oslo,gold\n")
    assert counts(report) == {"rows": 1, "created": 1}
    assert stored() == {ANN: ("Ann Lee", {"city": "Oslo", "plan": "gold"})}
    contact = Contact.objects.get()
    assert contact.created_at == contact.updated_at is not None


def test_arabic_digits_local_numbers_and_arabic_headers(load: Load) -> None:
    text = "الاسم;رقم الجوال;المدينة\nأحمد;٠٥٠١٢٣٤٥٦٧;جدة\nسارة;050 123 4568;\n"
    assert counts(load(text, region="sa")) == {
        "rows": 2,
        "created": 2,
    }
    assert stored() == {
        "+966501234567": ("أحمد", {"المدينة": "جدة"}),
        "+966501234568": ("سارة", {}),
    }


def test_numbers_are_read_with_the_region_of_the_site(
    load: Load, settings: Any
) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "DEFAULT_REGION": "AE"}
    load("phone\n050 123 4567\n")
    assert set(stored()) == {"+971501234567"}


def test_numbers_of_several_countries_and_what_a_spreadsheet_made_of_them(
    load: Load,
) -> None:
    text = (
        "phone\n+44 7911 123456\n00966501234567\n9.66501234568E+11\n"
        "501234569.0\n٠٥٠١٢٣٤٥٧٠\n9.665E+11\n"
    )
    report = load(text, region="SA")
    assert counts(report) == {"rows": 6, "created": 5, "invalid": 1}
    saudi = {f"+9665012345{n}" for n in (67, 68, 69, 70)}
    assert set(stored()) == {"+447911123456", *saudi}


def test_two_people_with_one_number_are_told_apart_from_one_who_stands_twice(
    load: Load,
) -> None:
    report = load(f"phone,name\n{ANN},Ann\n{ANN},Ann\n{ANN},\n{ANN},Ben\n")
    assert counts(report) == {"rows": 4, "created": 1, "duplicates": 3}
    assert stored() == {ANN: ("Ben", {})}


def test_without_any_region_local_numbers_are_invalid(
    load: Load, settings: Any
) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "DEFAULT_REGION": None}
    report = load(f"phone\n(212) 555-0101\n{BEN}\n")
    assert counts(report) == {"rows": 2, "created": 1, "invalid": 1}


def test_the_same_file_again_changes_nothing(load: Load) -> None:
    text = f'phone,name,city\n{ANN},Ann,Oslo\n{BEN},"بن","القاهرة"\n{CLEO},,\n'
    assert counts(load(text)) == {"rows": 3, "created": 3}
    before = list(Contact.objects.values().order_by("id"))
    assert counts(load(text)) == {"rows": 3, "unchanged": 3}
    assert list(Contact.objects.values().order_by("id")) == before


def test_values_are_merged_and_blank_cells_erase_nothing(load: Load) -> None:
    load(f"phone,name,city,plan\n{ANN},Ann,Oslo,gold\n{BEN},Ben,Rome,\n")
    report = load(f"phone,name,city,size\n{ANN},,  ,L\n{BEN},Benjamin,Rome,\n")
    assert counts(report) == {"rows": 2, "updated": 2}
    assert stored() == {
        ANN: ("Ann", {"city": "Oslo", "plan": "gold", "size": "L"}),
        BEN: ("Benjamin", {"city": "Rome"}),
    }
    ann = Contact.objects.get(phone=ANN)
    assert ann.updated_at > ann.created_at


def test_attributes_that_another_program_wrote_unescaped_are_the_same_ones(
    load: Load,
) -> None:
    load(f"phone,مدينة\n{ANN},جدة\n")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Contact._meta.db_table} SET attributes = %s",  # noqa: S608
            ['{"مدينة":   "جدة"}'],
        )
    assert counts(load(f"phone,مدينة\n{ANN},جدة\n")) == {"rows": 1, "unchanged": 1}
    assert counts(load(f"phone,مدينة\n{ANN},مكة\n")) == {"rows": 1, "updated": 1}
    assert stored()[ANN] == ("", {"مدينة": "مكة"})


def test_the_last_value_of_a_repeated_number_stays(load: Load) -> None:
    text = f"phone,name,city\n{ANN},A,Oslo\n{BEN},,\n001 212 555 0101,Ann,\n{ANN},,Bonn"
    assert counts(load(text)) == {"rows": 4, "created": 2, "duplicates": 2}
    assert stored() == {ANN: ("Ann", {"city": "Bonn"}), BEN: ("", {})}


@pytest.mark.usefixtures("small_slices")
def test_repeated_numbers_are_found_however_far_apart(load: Load) -> None:
    others = "".join(f"+1212555{i:04},\n" for i in range(200, 220))
    text = f"phone,name\n{ANN},first\n{others}{ANN},\n{others}{ANN},last\n"
    assert counts(load(text)) == {"rows": 43, "created": 21, "duplicates": 22}
    assert stored()[ANN] == ("last", {})


def test_a_number_that_changes_back_within_the_file_is_unchanged(load: Load) -> None:
    load(f"phone,name\n{ANN},Ann\n")
    report = load(f"phone,name\n{ANN},Other\n{ANN},Ann\n")
    assert counts(report) == {"rows": 2, "unchanged": 1, "duplicates": 1}


def test_text_of_every_kind_arrives_as_it_is(load: Load) -> None:
    name, note = "O'Neil \\ 😀 \\u0041 {x} %s", '"quoted" ; \\n 👩‍👩‍👧'
    text = f'phone,name,note\n{ANN},{name},"{note.replace(chr(34), chr(34) * 2)}"\n'
    assert counts(load(text)) == {"rows": 1, "created": 1}
    assert stored() == {ANN: (name, {"note": note})}
    assert counts(load(text)) == {"rows": 1, "unchanged": 1}


def test_control_characters_are_cleaned_out(load: Load) -> None:
    load(f'phone,name,note\n{ANN}," Ann\nLee\x07 ","one\r\ntwo"\n')
    assert stored()[ANN] == ("Ann Lee", {"note": "one two"})


def test_people_join_the_list_once(load: Load) -> None:
    text = f"phone\n{ANN}\n{BEN}\n{ANN}\nnonsense\n"
    load(text, list_name="  VIP ")
    load(text, list_name="VIP")
    load(f"phone\n{CLEO}\n")
    members = ContactList.objects.get(name="VIP").contacts.order_by("phone")
    assert [str(contact.phone) for contact in members] == [ANN, BEN]


def test_a_list_of_another_name_keeps_its_people(load: Load) -> None:
    load(f"phone\n{ANN}\n", list_name="Old")
    load(f"phone\n{BEN}\n", list_name="New")
    assert ContactList.objects.get(name="Old").contacts.count() == 1
    assert ContactList.objects.get(name="New").contacts.count() == 1


def test_opt_outs_are_counted_and_stay(load: Load) -> None:
    OptOut.objects.create(phone=ANN, reason="asked", source="admin")
    OptOut.objects.create(phone=CLEO)
    before = list(OptOut.objects.values().order_by("id"))
    report = load(f"phone,name\n{ANN},Ann\n{ANN},Ann\n{BEN},Ben\n", list_name="VIP")
    assert report.opted_out == 1
    assert report.created == 2
    assert list(OptOut.objects.values().order_by("id")) == before


INVALID = (
    "phone,name,city\n"
    ",Nobody,Oslo\n"  # 2
    "12,Short,\n"  # 3
    '"=cmd|\' /C calc\'!A0","line\nend",\n'  # 4 and 5
    "9.66501E+11,Excel,\n"  # 6
    f'{ANN},"{"x" * 201}",\n'  # 7
    f"{ANN},Ann,{'y' * 1001}\n"  # 8
    f"{ANN},Lee, Ann,Oslo\n"  # 9
    f"{BEN},Ben,Rome,,  ,\n"  # 10
    f"{CLEO}\n"  # 11
)


def test_rows_with_a_problem_are_listed(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    report = load(INVALID, errors=path)
    assert counts(report) == {"rows": 9, "created": 2, "invalid": 7}
    assert report.errors_file == path
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["line"], line["code"]) for line in lines] == [
        ("2", "empty"),
        ("3", "too_short"),
        ("4", "not_a_number"),
        ("6", "scientific_notation"),
        ("7", "name_too_long"),
        ("8", "value_too_long"),
        ("9", "too_many_cells"),
    ]
    assert lines[2]["phone"] == "'=cmd|' /C calc'!A0"
    assert lines[4]["phone"] == ANN
    assert "“city” is longer than 1000" in lines[5]["problem"]
    assert all(line["problem"].endswith(".") for line in lines)
    assert set(stored()) == {BEN, CLEO}
    assert list(tmp_path.glob("*.part")) == []


def test_names_and_values_may_be_as_long_as_the_bound(load: Load) -> None:
    load(f"phone,name,city\n{ANN},{'ن' * 200},{'y' * 1000}\n")
    assert stored()[ANN] == ("ن" * 200, {"city": "y" * 1000})


def test_no_problem_no_file(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    assert load(f"phone\n{ANN}\n", errors=path).errors_file is None
    assert not path.exists()


@pytest.mark.parametrize(
    "broken",
    [
        f'phone,name\n{ANN},Ann\nbad,x\n{BEN},"never closed\n',
        f"name,city\n{ANN},Ann\n",
        f"phone,name\n{ANN},أ\nbad,x\n".encode() + "ت".encode()[:1],
    ],
)
def test_a_refused_file_leaves_nothing(
    load: Load, tmp_path: Path, broken: str | bytes
) -> None:
    path = tmp_path / "errors.csv"
    with pytest.raises(ImportFailed):
        load(broken, list_name="VIP", errors=path)
    assert not Contact.objects.exists()
    assert not ContactList.objects.exists()
    assert {child.name for child in tmp_path.iterdir()} == {"people.csv"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"region": "Mars"}, "unknown_region"),
        ({"list_name": "  "}, "bad_list_name"),
        ({"list_name": "x" * 151}, "bad_list_name"),
        ({"errors": "/nowhere/at/all.csv"}, "errors_unwritable"),
    ],
)
def test_a_wrong_option_is_refused(
    load: Load, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(ImportFailed) as refusal:
        load(f"phone\nbad\n{ANN}\n", **options)
    assert refusal.value.code == code
    assert not Contact.objects.exists()


def test_errors_never_overwrite_the_file_itself(csv_file: FileMaker) -> None:
    path = csv_file("phone\nbad\n")
    with pytest.raises(ImportFailed) as refusal:
        import_contacts(path, errors=path.parent / "." / path.name)
    assert refusal.value.code == "errors_is_source"
    assert path.read_text() == "phone\nbad\n"


def test_a_dry_run_counts_and_writes_nothing(load: Load) -> None:
    OptOut.objects.create(phone=BEN)
    load(f"phone,name\n{ANN},Ann\n{CLEO},Cleo\n")
    before = stored()
    text = f"phone,name\n{ANN},Anna\n{BEN},Ben\n{BEN},\n{CLEO},\nbad,\n"
    planned = load(text, dry_run=True, list_name="VIP")
    assert stored() == before
    assert not ContactList.objects.exists()
    assert counts(planned) == {
        "rows": 5,
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "duplicates": 1,
        "invalid": 1,
        "opted_out": 1,
    }
    assert counts(load(text, list_name="VIP")) == counts(planned)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("seed", range(8))
def test_any_file_does_what_its_lines_say_one_by_one(load: Load, seed: int) -> None:
    rnd = random.Random(seed)
    expected: dict[str, tuple[str, dict[str, str]]] = {}
    for _file in range(3):
        before = dict(expected)
        text, report = "phone,name,city,plan\n", ImportReport()
        seen = set()
        for _row in range(rnd.randrange(40)):
            phone = f"+121255501{rnd.randrange(30):02}"
            name, city, plan = (rnd.choice(["", "", "أ", "b"]) for _cell in range(3))
            text += f"{phone},{name},{city},{plan}\n"
            old_name, old = expected.get(phone, ("", {}))
            new = {k: v for k, v in {"city": city, "plan": plan}.items() if v}
            expected[phone] = (name or old_name, old | new)
            report.rows += 1
            report.duplicates += phone in seen
            seen.add(phone)
        report.created = len(seen - set(before))
        report.updated = sum(before[p] != expected[p] for p in seen & set(before))
        report.unchanged = len(seen) - report.created - report.updated
        assert counts(load(text, dry_run=True)) == counts(report)
        assert counts(load(text)) == counts(report)
        assert stored() == expected


def test_slices_are_bounded_by_their_text_too(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SLICE_CHARACTERS", 1000)
    wide = "".join(f"+121255501{i:02},{'x' * 600}\n" for i in range(9))
    steps: list[tuple[str, int, int]] = []
    load(
        "phone,city\n" + wide,
        on_progress=lambda step, done, total: steps.append((step, done, total)),
    )
    written = [done for step, done, _total in steps if step == WRITING]
    assert written == [2, 4, 6, 8, 9]
    assert Contact.objects.count() == 9


@pytest.mark.usefixtures("small_slices")
def test_progress_ends_with_all(load: Load) -> None:
    steps: list[tuple[str, int, int]] = []
    load(
        f"phone\n{ANN}\n{BEN}\n{ANN}\n",
        on_progress=lambda step, done, total: steps.append((step, done, total)),
    )
    assert steps[0][0] == READING
    assert steps[-1] == (WRITING, 3, 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_slices")
def test_an_import_that_broke_off_is_completed_by_the_same_file(load: Load) -> None:
    text = "phone\n" + "".join(f"+121255501{i:02}\n" for i in range(10))

    def stop(step: str, done: int, total: int) -> None:
        if step == WRITING and done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(text, list_name="VIP", on_progress=stop)
    vip = ContactList.objects.get(name="VIP")
    assert vip.contacts.count() == Contact.objects.count() == 6
    report = load(text, list_name="VIP")
    assert counts(report) == {"rows": 10, "created": 4, "unchanged": 6}
    assert vip.contacts.count() == 10
