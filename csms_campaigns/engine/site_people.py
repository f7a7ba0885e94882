"""People of an audience of the site, in slices, as `people` has them of contact lists.

The site's code is read to its end first, into a temporary file: nobody knows what it does
between two people, and with SQLite a cursor that stays open would make our writing fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import TemporaryFile
from typing import Any, Final

from django.db.models import CharField, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from csms_campaigns import conf
from csms_campaigns.audiences import AudiencePerson
from csms_campaigns.engine import site_audiences
from csms_campaigns.engine.database import is_postgresql, rows
from csms_campaigns.engine.people import Person, values_of
from csms_campaigns.engine.selection import members_of
from csms_campaigns.models import Contact, OptOut, SendResult
from csms_campaigns.models.fields import e164
from csms_campaigns.sms.numbers import MAX_LENGTH, InvalidNumber, normalise
from csms_campaigns.sms.placeholders import normalise_name
from csms_campaigns.sms.storing import storable
from csms_campaigns.states import SkipReason

MAX_NAME: Final = 200
SLICE: Final = 20_000
DUPLICATE: Final = SkipReason.DUPLICATE.value
INVALID: Final = SkipReason.INVALID_PHONE.value

Line = tuple[str | float, str, dict[str, str]]
"""Raw number, name, and the attributes that the text needs."""


def slices(
    name: str, campaign_id: int, wanted: Iterable[str], exclude_ids: Sequence[int]
) -> Iterator[list[Person]]:
    """In the order of the audience. Who is in an excluded list is not in the audience."""
    names = frozenset(wanted)
    with TemporaryFile("w+", encoding="utf-8", errors="surrogatepass") as spool:
        found = (_line(person, names) for person in site_audiences.people_of(name))
        while chunk := list(islice(found, SLICE)):
            spool.write(json.dumps(chunk) + "\n")
        spool.seek(0)
        for line in spool:
            yield _slice(json.loads(line), campaign_id, exclude_ids)


def _line(person: AudiencePerson, names: frozenset[str]) -> Line:
    given: object = person.phone
    phone = given if isinstance(given, str | int | float) else e164(given or "")
    found = {normalise_name(key): value for key, value in person.attributes.items()}
    texts = {key: _text(value) for key, value in found.items() if key in names}
    return phone, _text(person.name)[:MAX_NAME], texts


def _text(value: object) -> str:
    return "" if value is None else storable(str(value))


def _slice(
    lines: list[Line], campaign_id: int, exclude_ids: Sequence[int]
) -> list[Person]:
    region = conf.default_region()
    numbers = [_number(raw, region) for raw, _name, _values in lines]
    valid = [number for number in numbers if number]
    opted_out = _among(rows(OptOut), valid)
    seen = _among(rows(SendResult).filter(campaign=campaign_id), valid)
    excluded = members_of(exclude_ids).values("contact_id")
    without = (
        _among(rows(Contact).filter(pk__in=excluded), valid) if exclude_ids else ()
    )
    found = []
    for number, (raw, name, values) in zip(numbers, lines, strict=True):
        if number is None:
            text = _text(raw)[:MAX_LENGTH]
            found.append(Person(None, text, False, {}, name, INVALID))
        elif number not in without:
            filled = values_of(number, name, values)
            why = DUPLICATE if number in seen else ""
            found.append(Person(None, number, number in opted_out, filled, name, why))
            seen.add(number)
    return found


def _number(raw: str | float, region: str | None) -> str | None:
    try:
        return normalise(raw, region)
    except InvalidNumber:
        return None


def _among(found: QuerySet[Any], numbers: list[str]) -> set[str]:
    """Which of the numbers have a row."""
    if is_postgresql():
        given = RawSQL("SELECT unnest(%s::text[])", [numbers])
    else:
        given = RawSQL("SELECT value FROM json_each(%s)", [json.dumps(numbers)])
    phones = found.filter(phone__in=given).annotate(number=Cast("phone", CharField()))
    return set(phones.values_list("number", flat=True))
