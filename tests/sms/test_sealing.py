"""Codes of numbers: they hold, they cannot be made or changed, and say nothing."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csms_campaigns.sms.sealing import ALPHABET, Seal
from csms_campaigns.sms.segments import is_gsm

KEY, OTHER = b"k" * 32, b"o" * 32
PERSON = Seal(value_bits=50, tag_bits=51)
CAMPAIGN = Seal(value_bits=35, tag_bits=48)
seals = st.sampled_from([PERSON, CAMPAIGN])
numbers = st.integers(0, 2**35 - 1)


@given(seals, numbers)
def test_what_is_sealed_is_read_again(seal: Seal, number: int) -> None:
    code = seal.close(number, KEY)
    assert seal.open(code, KEY) == number
    assert seal.close(number, KEY) == code


@given(seals, numbers)
def test_every_code_has_the_length_of_its_kind(seal: Seal, number: int) -> None:
    code = seal.close(number, KEY)
    assert len(code) == seal.length
    assert set(code) <= set(ALPHABET)
    assert is_gsm(code)


def test_they_are_short() -> None:
    assert (CAMPAIGN.length, PERSON.length) == (14, 17)


@given(seals, numbers, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_a_changed_code_is_none(seal: Seal, number: int, at: int, char: str) -> None:
    code = seal.close(number, KEY)
    place = at % len(code)
    assume(code[place] != char)
    assert seal.open(code[:place] + char + code[place + 1 :], KEY) is None


@given(seals, st.text(alphabet=ALPHABET, min_size=10, max_size=20))
def test_a_code_that_is_made_up_is_none(seal: Seal, code: str) -> None:
    assert seal.open(code, KEY) is None


@given(seals, st.text(max_size=20))
def test_any_text_is_none(seal: Seal, text: str) -> None:
    assert seal.open(text, KEY) is None


@given(seals, numbers)
def test_another_key_reads_nothing(seal: Seal, number: int) -> None:
    assert seal.open(seal.close(number, KEY), OTHER) is None


@given(numbers)
def test_a_code_of_another_kind_is_none(number: int) -> None:
    assert PERSON.open(CAMPAIGN.close(number, KEY), KEY) is None
    assert CAMPAIGN.open(PERSON.close(number, KEY), KEY) is None


@given(seals, numbers)
def test_capital_letters_count_and_nothing_may_be_added(
    seal: Seal, number: int
) -> None:
    code = seal.close(number, KEY)
    for wrong in (code + "0", "0" + code, code[:-1], code + "\n", f" {code}"):
        assert seal.open(wrong, KEY) is None
    assume(code.swapcase() != code)
    assert seal.open(code.swapcase(), KEY) is None


def test_neighbours_have_nothing_in_common() -> None:
    codes = [PERSON.close(12125550100 + i, KEY) for i in range(200)]
    assert len({code[:4] for code in codes}) > 190
    assert len({code[-4:] for code in codes}) > 190
    assert not any("5550" in code for code in codes)


@pytest.mark.parametrize("number", [-1, 2**35])
def test_a_number_that_has_no_room_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="35 bits"):
        CAMPAIGN.close(number, KEY)


def test_the_longest_number_there_is_has_room() -> None:
    assert PERSON.open(PERSON.close(10**15 - 1, KEY), KEY) == 10**15 - 1
