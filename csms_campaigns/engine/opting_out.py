"""Who must not be texted: the only writer of opt-outs.

What opts a number out is done at most once for each: the first source, time and person stay.
Reviews and takes read the rows, so an opt-out holds from its commit on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import transaction

from csms_campaigns import conf
from csms_campaigns.engine.database import alias, atomic, rows
from csms_campaigns.models import Campaign, OptOut, SendResult
from csms_campaigns.models.fields import e164
from csms_campaigns.sms.numbers import InvalidNumber, NumberError, normalise
from csms_campaigns.sms.storing import storable
from csms_campaigns.states import OptOutSource

SLICE: Final = 2000
SHOWN: Final = 20
"""Bad numbers that are named."""
MAX_REASON: Final = 255
MAX_SOURCE: Final = 50
MAX_GIVEN: Final = 40


class Bad(NamedTuple):
    line: int
    given: str
    code: NumberError


@dataclass
class Report:
    """What became of a list of numbers. `rows` is the sum of the others."""

    rows: int = 0
    new: int = 0
    known: int = 0
    bad: int = 0
    examples: list[Bad] = field(default_factory=list)
    """The first bad ones."""
    is_cut: bool = False
    """There were more rows than may be read at once; they are not opted out."""


def opt_out(phone: str, *, source: str, reason: str = "", by: Any = None) -> bool:
    """`phone` is in E.164. False if it had opted out before; then nothing changes."""
    return opt_out_many([phone], source=source, reason=reason, by=by) == 1


def opt_out_many(
    phones: Iterable[str], *, source: str, reason: str = "", by: Any = None
) -> int:
    """Numbers in E.164, as many as there are; how many had not opted out before."""
    given, new = iter(phones), 0
    while part := set(islice(given, SLICE)):
        with atomic():
            missing = part - _among(part)
            _insert(missing, source=source, reason=reason, by=by)
        new += len(missing)
    return new


def opt_out_list(
    given: Iterable[tuple[int, str]],
    *,
    region: str | None = None,
    most: int | None = None,
    **how: Any,
) -> Report:
    """Lines and numbers as people write them; `how` is that of `opt_out`.

    Streamed: what was read is opted out, whatever comes behind it.
    """
    report, found = Report(), iter(given)
    if most is not None:
        found = _cut(found, most, report)
    where = region or conf.default_region()
    while part := list(islice(found, SLICE)):
        phones = list(_valid(part, where, report))
        new = opt_out_many(phones, **how)
        report.new += new
        report.known += len(phones) - new
        report.rows += len(part)
    return report


def opt_in(phones: Iterable[str]) -> int:
    """Undo it, which only a person may ask for; how many had opted out."""
    count, _each = rows(OptOut).filter(phone__in=list(phones)).delete()
    return count


def is_opted_out(phone: str) -> bool:
    return rows(OptOut).filter(phone=phone).exists()


def opt_out_recipient(campaign_id: int, phone: str) -> None:
    """A stranger says that this is their number: it counts if the campaign had it.

    Who was no recipient is written too and taken back, so that an answer takes as long and
    tells nothing.
    """
    with atomic():
        campaign = rows(Campaign).filter(pk=campaign_id).first()
        reason = campaign.name if campaign else ""
        _insert({phone}, source=OptOutSource.LINK, reason=reason, by=None)
        if not _was_recipient(campaign, phone):
            transaction.set_rollback(True, using=alias())


def _was_recipient(campaign: Campaign | None, phone: str) -> bool:
    if campaign is None or campaign.anonymised_at or campaign.results_deleted_at:
        # Nobody knows any more, and rather one too many is left alone.
        return True
    found = rows(SendResult).filter(phone=phone, campaign=campaign)
    return found.exists()


def _insert(phones: Iterable[str], *, source: str, reason: str, by: Any) -> None:
    same = {
        "source": storable(source)[:MAX_SOURCE],
        "reason": storable(reason)[:MAX_REASON],
        "created_by": by,
    }
    # Another process may opt the same number out at this moment.
    rows(OptOut).bulk_create(
        [OptOut(phone=phone, **same) for phone in sorted(phones)], ignore_conflicts=True
    )


def _among(phones: set[str]) -> set[str]:
    found = rows(OptOut).filter(phone__in=phones).values_list("phone", flat=True)
    return {e164(phone) for phone in found}


def _valid(
    part: Iterable[tuple[int, str]], region: str | None, report: Report
) -> Iterator[str]:
    for line, raw in part:
        try:
            yield normalise(raw, region)
        except InvalidNumber as error:
            report.bad += 1
            if len(report.examples) < SHOWN:
                code = NumberError(error.code)
                report.examples.append(Bad(line, raw.strip()[:MAX_GIVEN], code))


def _cut(
    found: Iterator[tuple[int, str]], most: int, report: Report
) -> Iterator[tuple[int, str]]:
    yield from islice(found, most)
    report.is_cut = next(found, None) is not None
