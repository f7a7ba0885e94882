"""Every kind of CSV that spreadsheets and programs write, and what is none."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.files import LONGEST_LINE, MOST_LINES_OF_A_ROW
from csms_campaigns.contacts_io.reading import Row, look, read
from tests.contacts_io.conftest import FileMaker

ARABIC = "phone,الاسم,المدينة\n+966501234567,أحمد,الرياض\n"
ARABIC_ROW = ["+966501234567", "أحمد", "الرياض"]


def rows_of(source: str | Path | BinaryIO) -> list[Row]:
    with read(source) as file:
        return list(file.rows)


def refusal_of(source: str | Path | BinaryIO) -> str:
    with pytest.raises(ImportFailed) as refusal:
        rows_of(source)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith((".", "phone,name"))
    return refusal.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1256"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(
    csv_file: FileMaker, encoding: str, separator: str, line_end: str
) -> None:
    text = ARABIC.replace(",", separator).replace("\n", line_end)
    assert rows_of(csv_file(text, encoding)) == [(2, ARABIC_ROW)]


def test_utf_16_of_the_other_byte_order(csv_file: FileMaker) -> None:
    data = b"\xfe\xff" + ARABIC.encode("utf-16-be")
    assert rows_of(csv_file(data)) == [(2, ARABIC_ROW)]


def test_the_old_encoding_is_tried_only_where_utf_8_fails(csv_file: FileMaker) -> None:
    # In Windows-1256 these bytes would be letters as well.
    assert rows_of(csv_file("phone,name\n1,é\n")) == [(2, ["1", "é"])]
    assert rows_of(csv_file(b"phone,name\n1,Ren\xe9\n")) == [(2, ["1", "René"])]


def test_one_wrong_byte_late_in_a_large_file_is_noticed(csv_file: FileMaker) -> None:
    text = "phone,name\n" + "+966501234567,أحمد\n" * 100_000
    assert refusal_of(csv_file(text.encode() + b"1,\xe9\n")) == "damaged_text"


@pytest.mark.parametrize("cut", [1, 3])
def test_a_file_cut_in_the_midst_of_a_letter_is_damaged(
    csv_file: FileMaker, cut: int
) -> None:
    assert refusal_of(csv_file(ARABIC.rstrip().encode()[:-cut])) == "damaged_text"
    assert refusal_of(csv_file(ARABIC.encode("utf-16")[:-cut])) == "damaged_text"


def test_the_separator_is_the_one_that_shows_a_phone_column(
    csv_file: FileMaker,
) -> None:
    text = 'name;"a,b,c,d";phone\nAnn;x;+12125551234\n'
    assert rows_of(csv_file(text)) == [(2, ["Ann", "x", "+12125551234"])]
    text = "phone,name;x;y;z\n1,2\n"
    assert rows_of(csv_file(text)) == [(2, ["1", "2"])]


def test_a_single_column_needs_no_separator(csv_file: FileMaker) -> None:
    assert rows_of(csv_file("Phone\n+12125551234\n")) == [(2, ["+12125551234"])]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=^"])
def test_the_line_in_which_excel_names_the_separator(
    csv_file: FileMaker, first: str
) -> None:
    separator = first.strip('"')[-1]
    text = f"{first}\nphone{separator}name\n1{separator}a,b\n"
    assert rows_of(csv_file(text)) == [(3, ["1", "a,b"])]


def test_lines_are_numbered_as_an_editor_does(csv_file: FileMaker) -> None:
    text = (
        "\n"  # 1
        "phone,note\n"  # 2
        '1,"one\ntwo\r\nthree"\n'  # 3 to 5
        "\n"  # 6
        " , \n"  # 7
        "2,plain\n"  # 8
        '"3","with ""quotes"", and a comma"\n'  # 9
        "4,no line end"  # 10
    )
    assert rows_of(csv_file(text)) == [
        (3, ["1", "one\ntwo\r\nthree"]),
        (8, ["2", "plain"]),
        (9, ["3", 'with "quotes", and a comma']),
        (10, ["4", "no line end"]),
    ]


def test_a_line_end_in_a_quoted_header(csv_file: FileMaker) -> None:
    text = '"Phone\nNumber";name\n1;Ann\n'
    assert rows_of(csv_file(text)) == [(3, ["1", "Ann"])]


def test_other_line_separators_are_no_line_ends(csv_file: FileMaker) -> None:
    text = "phone,name\n1,a\u2028b\x0bc\x0cd\n2,e\n"
    assert [line for line, _cells in rows_of(csv_file(text))] == [2, 3]


def test_a_row_of_many_long_lines_is_refused(csv_file: FileMaker) -> None:
    lines = ("x" * 20_000 + "\n") * 5
    row = ",".join(f'"{lines}"' for _cell in range(11))
    assert refusal_of(csv_file(f"phone\n1,{row}\n")) == "line_too_long"
    fits = ",".join(f'"{lines}"' for _cell in range(10))
    assert len(rows_of(csv_file(f"phone\n1,{fits}\n2,{fits}\n"))) == 2


def test_fifty_columns(csv_file: FileMaker) -> None:
    names = ["phone", *(f"column {i}" for i in range(49))]
    with read(csv_file(",".join(names) + "\n" + ",".join("x" * 50))) as file:
        assert len(file.columns.attributes) == 49
        assert [len(cells) for _line, cells in file.rows] == [50]


def test_empty_columns_without_end_are_not_offered(csv_file: FileMaker) -> None:
    blank = "," * 16_000
    header, samples = look(csv_file(f"phone,name{blank}\n1,Ann{blank}\n"))
    assert (header[:2], len(header)) == (["phone", "name"], 300)
    assert samples[0][:2] == ["1", "Ann"]


def test_more_columns_than_a_form_can_offer_are_refused(csv_file: FileMaker) -> None:
    names = ",".join(["phone", *(f"c{i}" for i in range(300))])
    with pytest.raises(ImportFailed) as refusal:
        look(csv_file(f"{names}\n1\n"))
    assert refusal.value.code == "too_many_columns"


def test_whatever_the_csv_module_writes_is_read_back(csv_file: FileMaker) -> None:
    cells = ['"', ",", ";", "\n", "a\r\nb", "'", "\t", "", "x" * 100_000]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["phone", *"abcdefgh"], cells])
    assert rows_of(csv_file(text.getvalue())) == [(2, cells)]


def test_a_header_alone_is_a_file_without_rows(csv_file: FileMaker) -> None:
    assert rows_of(csv_file("phone,name")) == []


def test_a_stream_is_read_and_left_open(csv_file: FileMaker) -> None:
    with csv_file(ARABIC).open("rb") as stream:
        assert rows_of(stream) == [(2, ARABIC_ROW)]
        assert not stream.closed
    assert rows_of(io.BytesIO(ARABIC.encode("utf-16"))) == [(2, ARABIC_ROW)]


def test_a_pipe_that_cannot_be_read_twice() -> None:
    reader, writer = os.pipe()
    os.write(writer, ARABIC.encode("cp1256"))
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert rows_of(stream) == [(2, ARABIC_ROW)]


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\xff\xfe", "empty_file"),
        (b"\n \n\t\n", "empty_file"),
        (b",,\n,\n", "empty_file"),
        (archive(), "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "spreadsheet"),
        (b"%PDF-1.7\nphone,name\n", "not_text"),
        (b"phone,name\n1,\x00\n", "not_text"),
        ("phone\n1".encode("utf-16-le"), "not_text"),
        ("phone\n1".encode("utf-32"), "not_text"),
        (gzip.compress(b"phone,name\n1,2\n", mtime=0), "not_text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not_text"),
        (b"<!DOCTYPE html><html><body>no</body></html>", "no_phone_column"),
        (b'[{"phone": "+12125551234"}]', "no_phone_column"),
        (b"city,name\nx,y\n", "no_phone_column"),
        (b"+12125551234,Ann\n", "no_header"),
        (b'phone,name\n1,"Ann\n2,Ben\n', "quote_never_closed"),
        (b'phone,name\n1,"' + b"x" * 200_000 + b'"\n', "quote_never_closed"),
        (b"phone,name\n1," + b"x" * LONGEST_LINE + b"\n", "line_too_long"),
    ],
)
def test_what_is_no_csv_gets_one_sentence(
    csv_file: FileMaker, content: bytes, code: str
) -> None:
    assert refusal_of(csv_file(content)) == code


def test_an_open_quote_is_named_by_its_line(csv_file: FileMaker) -> None:
    swallowed = "2,Ben\n" * (MOST_LINES_OF_A_ROW + 5)
    path = csv_file(f'phone,name\n1,Ann\n2,"Ben\n{swallowed}3,"Cleo"\n')
    with pytest.raises(ImportFailed, match="line 3 has a quotation mark"):
        rows_of(path)


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "missing.csv") == "no_file"
    assert refusal_of(tmp_path) == "is_folder"
    assert refusal_of("people\0.csv") == "unreadable"
