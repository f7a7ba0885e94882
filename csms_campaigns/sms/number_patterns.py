"""The phone library's own metadata as regular expressions: one match (1 µs) where its
parser takes 25. Built for a country when the first number of it comes.

The tests hold these patterns against the full parser, number by number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import cast

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

_REGIONS = phonenumbers.COUNTRY_CODE_TO_REGION_CODE


def is_known_region(region: str) -> bool:
    """For settings and command options: two capital letters that the library knows."""
    return region in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=2048)
def calling_code_pattern(head: str, *, exact: bool = True) -> re.Pattern[str] | None:
    """What a number of E.164 looks like whose first three digits are `head`.

    With `exact`, only numbers from which the parser would strip no national prefix.
    None if no country has the code.
    """
    for length in (1, 2, 3):
        code = head[:length]
        if int(code) in _REGIONS:
            guard = _prefix_guard(_metadata(int(code))) if exact else ""
            return re.compile(rf"\+{code}{guard}{_national(int(code))}")
    return None


@lru_cache(maxsize=256)
def national_patterns(region: str) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Patterns of digits as dialled inside the region, whose group `own` follows the
    calling code beside it; what they don't match is the parser's business."""
    if not is_known_region(region):
        return ()
    code = phonenumbers.country_code_for_region(region)
    metadata = _metadata(code, region)
    own = rf"(?={_national(code)})(?P<own>{_general(metadata)})"
    # What leads abroad (00, 011) is what the parser looks for first.
    start = rf"(?!{metadata.international_prefix or '00'})"
    guard = _prefix_guard(metadata)
    # A calling code without its plus, as Excel leaves it, unless that could be local.
    bare_code = (
        rf"(?!{_general(metadata)}\Z){code}{guard}{_prefix_guard(_metadata(code))}"
    )
    patterns = [f"{start}{guard}{own}", f"{start}{bare_code}{own}"]
    if _has_plain_prefix(metadata, code):
        patterns.append(f"{start}{metadata.national_prefix}{own}")
    return tuple((re.compile(pattern), code) for pattern in patterns)


def may_00_mean_a_carrier(region: str, number: str) -> bool:
    """Whether the region dials abroad by a longer prefix, and the number, which begins
    with 00, seems to begin with it."""
    if not is_known_region(region):
        return False
    code = phonenumbers.country_code_for_region(region)
    prefix = _metadata(code, region).international_prefix
    match = re.match(prefix, number) if prefix else None
    return match is not None and match.end() > 2


def _metadata(code: int, region: str = "") -> PhoneMetadata:
    """Without a region, of the one that the parser takes for the calling code."""
    region = region or _REGIONS[code][0]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    return cast(PhoneMetadata, metadata)


def _national(code: int) -> str:
    """Possible in length, and of the general pattern of a region with this code."""
    lengths = _description(_metadata(code)).possible_length
    sizes = "|".join(rf"[0-9]{{{length}}}" for length in lengths)
    # A dict keeps the order, and the largest region stands first.
    shapes = dict.fromkeys(_general(_metadata(code, name)) for name in _REGIONS[code])
    return rf"(?=(?:{sizes})\Z)(?:{'|'.join(shapes)})"


def _general(metadata: PhoneMetadata) -> str:
    pattern = _description(metadata).national_number_pattern or "(?!)"
    # In Python \d matches the digits of every script.
    return f"(?:{pattern})".replace(r"\d", "[0-9]")


def _description(metadata: PhoneMetadata) -> PhoneNumberDesc:
    return cast(PhoneNumberDesc, metadata.general_desc)


def _prefix_guard(metadata: PhoneMetadata) -> str:
    prefix = metadata.national_prefix_for_parsing
    return f"(?!{prefix})" if prefix else ""


def _has_plain_prefix(metadata: PhoneMetadata, code: int) -> bool:
    """Whether the parser strips the national prefix (a 0, mostly) and does no more."""
    prefix = metadata.national_prefix
    parsing = metadata.national_prefix_for_parsing
    if not prefix or not parsing or metadata.national_prefix_transform_rule:
        return False
    if parsing != prefix and not parsing.startswith(f"{prefix}|"):
        return False
    # Digits that begin like the calling code might be that; NANPA's 1 is both.
    return prefix == str(code) or prefix[0] != str(code)[0]
