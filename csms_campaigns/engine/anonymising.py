"""Taking the person out of a recipient's row, so that the row still counts.

The number becomes a mark that is nobody's and is unique, since the column has to be. An
outcome that comes later is still recorded, without the gateway's words, which may name the
number; and a take leaves out whoever has no number any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from django.db.models import Case, CharField, Exists, OuterRef, QuerySet, Value, When
from django.db.models.functions import Cast, Concat

from csms_campaigns.engine.database import rows
from csms_campaigns.logs import NUMBER
from csms_campaigns.models import Attempt, Batch, Campaign, SendResult
from csms_campaigns.sms.placeholders import PlaceholderError, compile_message
from csms_campaigns.states import CampaignKind

MARK: Final = "#"
"""A number begins with a plus."""
HIDDEN: Final = "•••"


def is_number(phone: str | None) -> bool:
    return bool(phone) and not str(phone).startswith(MARK)


def anonymise(results: QuerySet[SendResult]) -> int:
    """In the database, at any size; status, code and decision stay. How many rows that were.

    Rows that wait should be skipped first: see `erasing`. Who calls it has locked the account.
    """
    mark = Concat(Value(MARK), Cast("pk", CharField()), output_field=CharField())
    return results.update(
        phone=Case(When(phone__isnull=False, then=mark), default=None),
        contact=None,
        name="",
        message_id="",
        error="",
    )


def blank_texts(batch_ids: Iterable[int]) -> int:
    """Texts that were filled in for people of whom none has a number any more.

    Also that of the batch which these were cut from, once nobody is left in it.
    """
    ids = _with_origins(batch_ids)
    known = rows(SendResult).filter(batch=OuterRef("pk"), phone__startswith="+")
    gone = rows(Batch).filter(~Exists(known), pk__in=ids)
    by_campaign: dict[int, list[int]] = {}
    for pk, campaign_id in gone.values_list("pk", "campaign_id"):
        by_campaign.setdefault(campaign_id, []).append(pk)
    return sum(_blank(pk, batches) for pk, batches in by_campaign.items())


def hide_numbers(batch_ids: Iterable[int]) -> None:
    """In what the gateway said of these requests as a whole: a refusal may name a number."""
    ids = _with_origins(batch_ids)
    attempts = rows(Attempt).filter(batch__in=ids)
    for found in (attempts, rows(Batch).filter(pk__in=ids)):
        for pk, said in found.exclude(error="").values_list("pk", "error"):
            if (hidden := _hidden(said)) != said:
                found.filter(pk=pk).update(error=hidden)
    paused = rows(Batch).filter(pk__in=ids).exclude(campaign__status_reason="")
    for pk in set(paused.values_list("campaign_id", flat=True)):
        _hide_in_reason(rows(Campaign).get(pk=pk))


def _hide_in_reason(campaign: Campaign) -> None:
    """The system pauses a campaign, and cancels a test, in the gateway's words."""
    rows(Campaign).filter(pk=campaign.pk).update(
        status_reason=_hidden(campaign.status_reason),
        status_words=_hidden(campaign.status_words),
    )


def _hidden(said: Any) -> Any:
    """Also in each value of a reason's words."""
    if isinstance(said, dict):
        return {name: _hidden(value) for name, value in said.items()}
    return NUMBER.sub(HIDDEN, said) if isinstance(said, str) else said


def _with_origins(batch_ids: Iterable[int]) -> set[int]:
    """And the batches from which they were cut."""
    found = rows(Batch).filter(pk__in=list(batch_ids))
    origins = found.values_list("split_from", flat=True)
    return {*found.values_list("pk", flat=True), *(pk for pk in origins if pk)}


def _blank(campaign_id: int, batch_ids: Collection[int]) -> int:
    campaign = rows(Campaign).get(pk=campaign_id)
    if campaign.kind == CampaignKind.TEST:
        # Its text is as somebody of the audience would have read it, who is not in its rows.
        rows(Campaign).filter(pk=campaign_id).update(message="")
    elif not _is_personal(campaign.message):
        return 0
    return rows(Batch).filter(pk__in=batch_ids).update(message="")


def _is_personal(message: str) -> bool:
    """A text without placeholders tells of nobody."""
    try:
        return bool(compile_message(message).names)
    except PlaceholderError:
        return True
