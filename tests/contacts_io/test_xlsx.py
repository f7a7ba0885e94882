"""Excel files: what a cell shows is what is imported, and nothing costs without bound."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from csms_campaigns.contacts_io import jobs, xlsx, xlsx_strings, xlsx_xml
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import import_contacts
from csms_campaigns.contacts_io.reading import Row, look, read
from csms_campaigns.models import Contact
from tests.contacts_io.sheets import HEADER, inline, package, row, saved, workbook
from tests.contacts_io.test_scale import peak_of

ANN = "+12125550101"


def rows_of(data: bytes) -> list[Row]:
    with read(io.BytesIO(data)) as file:
        return list(file.rows)


def cells_of(data: bytes) -> list[list[str]]:
    return [cells for _line, cells in rows_of(data)]


def refusal_of(data: bytes) -> str:
    with pytest.raises(ImportFailed) as refusal:
        rows_of(data)
    assert str(refusal.value).endswith(".")
    return refusal.value.code


def test_texts_in_two_scripts_with_lines_and_signs() -> None:
    header = ["Phone", "الاسم", "note"]
    texts = [ANN, "أحمد", 'a "b" <c> & d\ne']
    assert rows_of(workbook([header, texts])) == [(2, texts)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (966512345678, "966512345678"),
        (9.66512345678e11, "966512345678"),
        (501234567, "501234567"),
        (12125550101.0, "12125550101"),
        (0.1 + 0.2, "0.3"),
        (2.5, "2.5"),
        (-7, "-7"),
        (0, "0"),
        (123456789012345, "123456789012345"),
        (1234567890123456, "1.23456789012346E+15"),
        (1e300, "1.00000000000000E+300"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 14, 30), "2026-03-01 14:30"),  # noqa: DTZ001
        (datetime(2026, 3, 1, 14, 30, 5), "2026-03-01 14:30:05"),  # noqa: DTZ001
        (time(14, 30), "14:30"),
        ("007", "007"),
        ("=1+1", ""),
        ("#N/A", ""),
    ],
)
def test_a_cell_arrives_as_it_is_shown(value: Any, shown: str) -> None:
    [cells] = cells_of(workbook([["phone", "name", "x"], [ANN, value, "end"]]))
    assert cells == [ANN, shown, "end"]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("0000000000", "0501234567"),
        ("0", "501234567"),
        ("General", "501234567"),
        ("#,##0", "501234567"),
        ('"day" 0', "501234567"),
        ("[Red]0", "501234567"),
        (r"\d0", "501234567"),
    ],
)
def test_a_number_keeps_the_noughts_of_its_format_and_is_no_date(
    code: str, shown: str
) -> None:
    book = Workbook()
    book.active.append(["phone", "name"])
    book.active.append([ANN, 501234567])
    book.active["B2"].number_format = code
    assert cells_of(saved(book)) == [[ANN, shown]]


@pytest.mark.parametrize(
    "code", ["dd/mm/yyyy", "[$-409]d-mmm-yy", "yyyy-mm-dd", "d.m."]
)
def test_formats_of_dates(code: str) -> None:
    book = Workbook()
    book.active.append(["phone", "name"])
    book.active.append([ANN, date(2026, 12, 31)])
    book.active["B2"].number_format = code
    assert cells_of(saved(book)) == [[ANN, "2026-12-31"]]


def test_dates_of_a_workbook_that_counts_from_1904() -> None:
    book = '<workbookPr date1904="1"/>'
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    sheet = HEADER + row(inline(ANN), '<c s="1"><v>0</v></c>')
    assert cells_of(package(sheet, book=book, styles=styles)) == [[ANN, "1904-01-01"]]


def test_dates_agree_with_those_of_the_library() -> None:
    rnd = random.Random(3)
    moments = [
        datetime.fromtimestamp(rnd.randrange(0, 4_000_000_000), UTC).replace(
            tzinfo=None
        )
        for _moment in range(300)
    ]
    data = workbook([["phone", "name"], *([ANN, moment] for moment in moments)])
    expected = [f"{m:%Y-%m-%d %H:%M:%S}".removesuffix(":00") for m in moments]
    assert [name.ljust(16) for _phone, name in cells_of(data)] == [
        (e if " 00:00" not in e or m.time() != time(0) else e[:10]).ljust(16)
        for e, m in zip(expected, moments, strict=True)
    ]


def test_a_formula_is_what_it_came_to() -> None:
    sheet = HEADER + row(
        "<c><f>A1*2</f><v>12125550101</v></c>",
        '<c t="str"><f>CONCAT(A1)</f><v>Ann &amp; Co</v></c>',
    )
    assert cells_of(package(sheet)) == [["12125550101", "Ann & Co"]]


def test_empty_rows_and_cells_and_a_header_further_down() -> None:
    data = workbook([[], [None, ""], ["phone", None, "name"], [], [ANN, None, "Ann"]])
    assert rows_of(data) == [(5, [ANN, "", "Ann"])]


def test_cells_and_rows_without_a_place_follow_each_other() -> None:
    sheet = HEADER + row(inline("1"), "<c/>", inline("3")) + row(inline("4"))
    assert rows_of(package(sheet)) == [(2, ["1", "", "3"]), (3, ["4"])]


def test_rows_are_numbered_as_excel_shows_them() -> None:
    sheet = (
        row(inline("phone", "B3"), number=3)
        + row(inline("1", "B7"), number=7)
        + row(inline("2", "AA1048576"), number=1048576)
    )
    (first, second) = rows_of(package(sheet))
    assert first == (7, ["", "1"])
    assert second[0] == 1048576
    assert second[1] == [""] * 26 + ["2"]


def test_what_stands_far_to_the_right_is_one_cell_too_many() -> None:
    sheet = HEADER + row(inline("1", "A2"), inline("x", "XFC2"), inline("y", "XFD2"))
    [(line, cells)] = rows_of(package(sheet))
    assert (line, len(cells)) == (2, xlsx.MOST_COLUMNS + 1)


def test_shared_texts_with_formats_and_pronunciation() -> None:
    strings = (
        "<si><t>phone</t></si><si><t>name</t></si>"
        "<si><r><t>An</t></r><r><rPr><b/></rPr><t>n</t></r></si>"
        '<si><t xml:space="preserve">東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si>'
        "<si><t>a_x000D_b_x0041_</t></si>"
    )
    sheet = "".join(
        row(f'<c t="s"><v>{a}</v></c>', f'<c t="s"><v>{b}</v></c>')
        for a, b in [(0, 1), (2, 3), (4, 2)]
    )
    assert cells_of(package(sheet, strings=strings)) == [
        ["Ann", "東京"],
        ["a\rbA", "Ann"],
    ]


def test_the_first_sheet_that_can_be_seen() -> None:
    book = Workbook()
    book.active.append(["city"])
    book.active.sheet_state = "hidden"
    book.create_sheet("People").append(["phone", "name"])
    book["People"].append([ANN, "Ann"])
    assert cells_of(saved(book)) == [[ANN, "Ann"]]


def test_tags_with_a_prefix_as_some_programs_write_them() -> None:
    data = workbook([["phone", "name"], [ANN, "Ann"]])
    parts = {}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for name in file.namelist():
            text = file.read(name).decode()
            if name.startswith("xl/worksheets/"):
                text = text.replace("xmlns=", "xmlns:x=").replace("<", "<x:")
                text = text.replace("<x:/", "</x:").replace("<x:?", "<?")
            parts[name] = text
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as file:
        for name, text in parts.items():
            file.writestr(name, text)
    assert cells_of(output.getvalue()) == [[ANN, "Ann"]]


@pytest.mark.parametrize("seed", range(5))
def test_any_sheet_reads_as_the_library_reads_it(seed: int) -> None:
    rnd = random.Random(seed)
    values = ["", None, "a", "أ" * 30, "x y", "<&>", 1, 12345.5, "007", "t\n\nu"]
    rows = [[rnd.choice(values) for _cell in range(6)] for _row in range(40)]
    data = workbook([["phone", "name", "a", "b", "c", "d"], *rows])
    sheet = load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    expected = []
    for number, found in enumerate(sheet.iter_rows(values_only=True), start=1):
        texts = ["" if cell is None else str(cell) for cell in found]
        while texts and not texts[-1]:
            texts.pop()
        if any(map(str.strip, texts)):
            expected.append((number, texts))
    assert rows_of(data) == expected[1:]


def test_a_look_shows_the_header_and_some_rows() -> None:
    data = workbook([["phone", ""], *([f"{ANN}", i] for i in range(10))])
    header, samples = look(io.BytesIO(data))
    assert header == ["phone"]
    assert samples == [[ANN, "0"], [ANN, "1"], [ANN, "2"]]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04", "damaged_workbook"),
        (package("<row><c>"), "damaged_workbook"),
        (package(HEADER, strings="") + b"", ""),
        (package(row('<c t="s"><v>9</v></c>'), strings=""), "damaged_workbook"),
        (package(row('<c t="s"><v>x</v></c>')), "damaged_workbook"),
        (package(row(inline("a", "1A"))), "damaged_workbook"),
        (package(row(inline("a", "B1"), inline("b", "A1"))), "damaged_workbook"),
        (package(row(number=5) + row(number=5)), "damaged_workbook"),
        (package(row(number=1048577)), "damaged_workbook"),
        (package(f'<row r="{"9" * 5000}"/>'), "damaged_workbook"),
        (package(row(f'<c t="s"><v>{"9" * 5000}</v></c>')), "damaged_workbook"),
        (package(""), "empty_file"),
        (package(row(inline("city"))), "no_phone_column"),
        (workbook([]), "empty_file"),
    ],
)
def test_a_damaged_or_empty_sheet_is_refused(data: bytes, code: str) -> None:
    if code:
        assert refusal_of(data) == code
    else:
        assert rows_of(data) == []


def test_a_style_of_five_thousand_digits_is_none() -> None:
    cell = f'<c s="{"9" * 5000}"><v>12125550101</v></c>'
    assert cells_of(package(HEADER + row(cell))) == [["12125550101"]]


def test_a_format_of_a_million_noughts_makes_no_cell_longer() -> None:
    styles = (
        f'<numFmts><numFmt numFmtId="200" formatCode="{"0" * 900_000}"/></numFmts>'
        '<cellXfs><xf numFmtId="200"/></cellXfs>'
    )
    sheet = HEADER + row('<c s="0"><v>7</v></c>')
    assert cells_of(package(sheet, styles=styles)) == [["7".zfill(20)]]


@pytest.mark.parametrize("place", ["inline", "shared"])
def test_halves_of_pairs_are_joined_and_one_alone_is_no_character(place: str) -> None:
    written = "_xD83D__xDE00_ a_xD800_b"
    cell, strings = inline(written), None
    if place == "shared":
        cell, strings = '<c t="s"><v>0</v></c>', f"<si><t>{written}</t></si>"
    data = package(HEADER + row(inline(ANN), cell), strings=strings)
    assert cells_of(data) == [[ANN, "\U0001f600 a\ufffdb"]]


def test_declarations_are_refused() -> None:
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
        "<worksheet><sheetData/></worksheet>"
    )
    data = package("", **{"xl/worksheets/one.xml": bomb})
    assert refusal_of(data) == "damaged_workbook"


def test_a_sheet_that_unpacks_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xlsx_xml, "LARGEST_PART", 1 << 20)
    sheet = HEADER + row(inline(ANN)) * 100_000
    assert len(package(sheet)) < 100_000
    assert refusal_of(package(sheet)) == "workbook_too_large"


@pytest.mark.parametrize(
    "sheet",
    [
        row(inline("x" * 200_000)),
        row(*(inline("x" * 100_000) for _cell in range(11))),
        f'<row note="{"x" * 2_000_000}"/>',
        f"<{'x' * 2_000_000}/>",
    ],
)
def test_no_single_thing_may_be_endless(sheet: str) -> None:
    assert refusal_of(package(HEADER + sheet)) == "workbook_too_large"


def test_an_endless_shared_text_is_refused() -> None:
    strings = f"<si><t>{'x' * 200_000}</t></si>"
    sheet = HEADER + row('<c t="s"><v>0</v></c>')
    assert refusal_of(package(sheet, strings=strings)) == "workbook_too_large"


def test_endless_shared_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_strings, "MOST_TEXTS", 1000)
    sheet = HEADER + row('<c t="s"><v>900</v></c>', inline("a"))
    assert rows_of(package(sheet, strings="<si/>" * 950)) == [(2, ["", "a"])]
    sheet = HEADER + row('<c t="s"><v>1001</v></c>')
    assert refusal_of(package(sheet, strings="<si/>" * 5000)) == "workbook_too_large"


def test_a_look_gives_up_on_a_sheet_whose_rows_never_come() -> None:
    data = package(f"<row/>{' ' * (40 << 20)}")
    with pytest.raises(ImportFailed) as refusal:
        look(io.BytesIO(data))
    assert refusal.value.code == "workbook_too_large"


def test_an_archive_of_endless_parts_is_refused_before_they_are_listed() -> None:
    count = 60_000
    part = b"PK\x01\x02" + bytes(24) + b"\x01" + bytes(17) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(part) * count, 4, 0)
    data = b"PK\x03\x04" + part * count + end
    assert len(zipfile.ZipFile(io.BytesIO(data)).infolist()) == count
    assert peak_of(lambda: refusal_of(data)) < 4 << 20
    assert refusal_of(data) == "workbook_too_large"


def test_a_password_is_named() -> None:
    data = bytearray(package(HEADER))
    # The mark of encryption, in each header of the archive.
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    assert refusal_of(bytes(data)) == "workbook_protected"


def many(count: int, start: int) -> bytes:
    """Texts that all differ: the worst case for a table of shared texts."""
    names = [f"Name {start + i}" for i in range(count)]
    strings = "<si><t>phone</t></si><si><t>name</t></si>" + "".join(
        f"<si><t>+1212{2000000 + start + i}</t></si><si><t>{name}</t></si>"
        for i, name in enumerate(names)
    )
    sheet = "".join(
        row(f'<c t="s"><v>{2 * i}</v></c>', f'<c t="s"><v>{2 * i + 1}</v></c>')
        for i in range(count + 1)
    )
    return package(sheet, strings=strings)


def consumed(data: bytes) -> int:
    with read(io.BytesIO(data)) as file:
        return sum(1 for _row in file.rows)


def test_five_times_the_rows_take_the_same_memory() -> None:
    few, large = many(2_000, 0), many(10_000, 10_000)
    consumed(few)
    small, big = (peak_of(lambda d=d: consumed(d)) for d in (few, large))
    assert consumed(large) == 10_000
    # Eight bytes for each text are the table of where they begin.
    assert big < small * 1.5 + 8 * 20_000


BAD_TEXT = "x_x0000__xD800_y"


@pytest.mark.django_db
def test_what_no_database_stores_is_uploaded_and_imported_all_the_same() -> None:
    """In a name, a value, a header and among the first rows that are shown."""
    head = row(inline("phone"), inline("name"), inline(BAD_TEXT))
    people = row(inline(ANN), inline(BAD_TEXT), inline(BAD_TEXT))
    data = package(head + people)
    job = jobs.upload(io.BytesIO(data), name="people.xlsx")
    job.refresh_from_db()
    assert job.header[2] == {"title": "x\ufffdy", "samples": ["x\ufffdy"]}
    assert import_contacts(io.BytesIO(data)).created == 1
    ann = Contact.objects.get()
    assert (ann.name, ann.attributes) == ("x\ufffdy", {"x\ufffdy": "x\ufffdy"})


@pytest.mark.django_db
def test_a_workbook_is_imported() -> None:
    data = workbook(
        [
            ["Mobile", "Name", "Joined"],
            [9.66512345678e11, "أحمد", date(2026, 3, 1)],
            [966512345679, None, None],
            [1234567890123456, "Too long", None],
            ["bad", "x", None],
        ]
    )
    report = import_contacts(io.BytesIO(data), region="SA")
    assert (report.rows, report.created, report.invalid) == (4, 2, 2)
    stored = {str(c.phone): (c.name, c.attributes) for c in Contact.objects.all()}
    assert stored == {
        "+966512345678": ("أحمد", {"joined": "2026-03-01"}),
        "+966512345679": ("", {}),
    }
