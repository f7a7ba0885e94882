"""Why recipients of a campaign failed, with counts: to read, and to choose who is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Min,
    OuterRef,
    QuerySet,
    TextField,
    When,
)

from csms_campaigns.engine.database import rows
from csms_campaigns.gateway.codes import is_permanent
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import SendStatus

KEY: Final = Case(
    When(error_code="", then=F("error")),
    default=F("error_code"),
    output_field=TextField(),
)

MOST_BATCHES: Final = 2000
"""Batches with failures that are counted: a page waits for it."""
MOST_CAUSES: Final = 50


@dataclass(frozen=True)
class Cause:
    """`key` is the gateway's code, or its words where it gave none."""

    key: str
    words: str
    people: int
    is_permanent: bool


@dataclass(frozen=True)
class Failures:
    """By cause, the most frequent first. `counted` of the `total` who failed were looked at."""

    causes: list[Cause]
    counted: int
    total: int

    @property
    def is_complete(self) -> bool:
        return self.counted >= self.total


FEWER_BATCHES: Final = 1000
"""A page that is only read is quicker: some 100,000 recipients are looked at, at most."""


def failures(campaign: Campaign) -> Failures:
    """All who failed, whether or not they are in a follow-up; the first of them if many."""
    failed = rows(Batch).filter(campaign=campaign, failed_count__gt=0)
    counts = list(failed.order_by("pk").values_list("pk", "failed_count"))
    ids = [pk for pk, _count in counts[:FEWER_BATCHES]]
    found = rows(SendResult).filter(batch__in=ids, status=SendStatus.FAILED)
    return Failures(
        _by_cause(found),
        sum(count for _pk, count in counts[:FEWER_BATCHES]),
        sum(count for _pk, count in counts),
    )


def causes(campaign: Campaign) -> list[Cause]:
    """Of those who are in no follow-up yet; the most frequent first."""
    failed = rows(Batch).filter(campaign=campaign, failed_count__gt=0)
    ids = failed.order_by("pk").values_list("pk", flat=True)[:MOST_BATCHES]
    again = rows(SendResult).filter(retry_of=OuterRef("pk"))
    found = rows(SendResult).filter(
        ~Exists(again), batch__in=list(ids), status=SendStatus.FAILED
    )
    return _by_cause(found)


def _by_cause(failed: QuerySet[SendResult]) -> list[Cause]:
    found = (
        failed.annotate(key=KEY)
        .values("key")
        .annotate(people=Count("pk"), code=Min("error_code"), words=Min("error"))
        .order_by("-people", "key")
    )
    return [
        Cause(
            key=row["key"],
            words=row["words"],
            people=row["people"],
            is_permanent=is_permanent(row["code"], row["words"]),
        )
        for row in found[:MOST_CAUSES]
    ]
