"""Which column is what."""

from __future__ import annotations

import pytest

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.headers import match


@pytest.mark.parametrize(
    "header",
    [
        *("phone", "Phone", " PHONE ", "Phone Number", "phone_number", "PhoneNumber"),
        *("phone-number", "Phone No.", "Mobile", "mobile number", "MobileNumber"),
        *("Cell", "MSISDN", "tel", "Tel.", "Telephone", "number", "Number"),
        *("الجوال", "رقم الجوال", "رقم_الجوال", "الهاتف", "رقم الهاتف", "الموبايل"),
        *("جوال", "هاتف", "رقم", "\ufeffphone", "\u200fالجوال", "الجَوّال", "ｐｈｏｎｅ"),
    ],
)
def test_the_phone_column_has_many_names(header: str) -> None:
    assert match(["x", header]).phone == 1


@pytest.mark.parametrize(
    "header",
    [
        *("name", "NAME", "Full Name", "full_name", "FullName"),
        *("الاسم", "الإسم", "اسم", "إسم", "الاسم الكامل"),
    ],
)
def test_the_name_column_too(header: str) -> None:
    assert match(["phone", header]).name == 1


def test_the_rest_become_attributes_in_lower_case() -> None:
    columns = match(["Phone", "First Name", " Last  NAME ", "المدينة", "", "Name"])
    assert columns.attributes == (
        (1, "first name"),
        (2, "last name"),
        (3, "المدينة"),
    )
    assert columns.name == 5
    assert columns.width == 6


def test_the_literal_name_goes_before_an_alias() -> None:
    columns = match(["Mobile", "Phone", "Full Name", "name"])
    assert (columns.phone, columns.name) == (1, 3)
    assert columns.attributes == ((0, "mobile"), (2, "full name"))


def test_a_column_that_may_count_the_rows_is_the_last_choice() -> None:
    columns = match(["رقم", "الاسم", "رقم الجوال"])
    assert columns.phone == 2
    assert columns.attributes == ((0, "رقم"),)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (["Mobile", "Telephone"], "ambiguous_column"),
        (["phone", "Phone "], "ambiguous_column"),
        (["phone", "Full Name", "الاسم"], "ambiguous_column"),
        (["phone", "City", "city "], "repeated_column"),
        (["phone", "x" * 101], "column_name_too_long"),
        (["city", "name"], "no_phone_column"),
        (["+12125551234", "Ann"], "no_header"),
        (["(212) 555-1234"], "no_header"),
        (["Ann", "٠٥٠١٢٣٤٥٦٧"], "no_header"),
        ([], "empty_file"),
        (["", ""], "empty_file"),
    ],
)
def test_a_header_that_leaves_doubt_is_refused(header: list[str], code: str) -> None:
    with pytest.raises(ImportFailed) as refusal:
        match(header)
    assert refusal.value.code == code


def test_the_sentences_name_what_was_found() -> None:
    with pytest.raises(ImportFailed, match="found: City, Street"):
        match(["City", "", "Street"])
    with pytest.raises(ImportFailed, match="“Mobile” and “Telephone”"):
        match(["Mobile", "Telephone"])
    with pytest.raises(ImportFailed, match="phone,name"):
        match(["+12125551234"])
