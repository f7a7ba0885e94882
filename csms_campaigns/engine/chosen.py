"""Which recipients of a campaign a person decides about, walked in slices at any size.

The counts on the batches are the index: no other leads to a status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from csms_campaigns.engine.anonymising import is_number
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.gateway.codes import is_permanent
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import SendStatus

PEOPLE: Final = 2000
"""In one transaction, about: it holds the account's row."""
BATCHES: Final = 200

_DECIDED: Final = (
    F("treated_sent_count") + F("treated_failed_count") + F("resend_count")
)
_PEOPLE: Final = {
    SendStatus.FAILED.value: F("failed_count"),
    SendStatus.UNKNOWN.value: F("unknown_count") - _DECIDED,
}
_HAS_SOMEBODY: Final = {
    SendStatus.FAILED.value: Q(failed_count__gt=0),
    # The second follows from the first, but of it alone the planner knows how rare it is.
    SendStatus.UNKNOWN.value: Q(unknown_count__gt=_DECIDED) & Q(unknown_count__gt=0),
}
"""As the indexes say it."""


class Source(NamedTuple):
    """A batch with somebody to decide about."""

    pk: int
    message: str
    time_zone: str
    people: int


class Candidate(NamedTuple):
    pk: int
    batch_id: int
    phone: str
    error_code: str
    error: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Of failed recipients: by cause. Of unknown ones: by batch, or one by one; else all of them.

    It is stored on a follow-up as JSON, so that any process can prepare it anew.
    """

    status: str
    all_causes: bool = False
    """Also those that fail again, such as invalid numbers."""
    codes: list[str] | None = None
    """Exactly these error codes (or words, where there is none), permanent or not."""
    batches: list[int] | None = None
    results: list[int] | None = None

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        known = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in campaign.chosen.items() if k in known})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def takes(self, candidate: Candidate) -> bool:
        if self.status == SendStatus.UNKNOWN or self.all_causes:
            return True
        if self.codes is not None:
            return (candidate.error_code or candidate.error) in self.codes
        return not is_permanent(candidate.error_code, candidate.error)

    def sources(self, campaign_id: int, after: int) -> list[Source]:
        """The next batches with ids above `after`, of about `PEOPLE` together."""
        found = rows(Batch).filter(campaign=campaign_id, pk__gt=after)
        found = found.filter(_HAS_SOMEBODY[self.status])
        if (ids := self._batch_ids()) is not None:
            found = found.filter(pk__in=ids)
        wanted = found.order_by("pk").annotate(people=_PEOPLE[self.status])
        columns = wanted.values_list("pk", "message", "time_zone", "people")
        return list(_up_to(PEOPLE, (Source(*row) for row in columns[:BATCHES])))

    def _batch_ids(self) -> Any:
        if self.results is None:
            return self.batches
        own = rows(SendResult).filter(pk__in=self.results)
        return own.values("batch")

    def candidates(self, sources: Iterable[Source]) -> list[Candidate]:
        """Those of the batches who were not decided about yet, and are in no follow-up."""
        found = self.open_results(source.pk for source in sources)
        if self.status == SendStatus.FAILED:
            again = rows(SendResult).filter(retry_of=OuterRef("pk"))
            found = found.filter(~Exists(again))
        wanted = found.order_by("pk").values_list(*Candidate._fields)
        each = (Candidate(*row) for row in wanted)
        # Whoever was erased has no number to text again.
        return [one for one in each if is_number(one.phone) and self.takes(one)]

    def open_results(self, batch_ids: Iterable[int]) -> QuerySet[SendResult]:
        found = rows(SendResult).filter(batch__in=list(batch_ids), status=self.status)
        if self.status == SendStatus.UNKNOWN:
            found = found.filter(resolution="")
        return found if self.results is None else found.filter(pk__in=self.results)

    def anybody(self, campaign_id: int) -> bool:
        last = 0
        while sources := self.sources(campaign_id, last):
            if self.candidates(sources):
                return True
            last = sources[-1].pk
        return False


def _up_to(most: int, sources: Iterator[Source]) -> Iterator[Source]:
    """At least one, so that a walk goes on."""
    total = 0
    for source in sources:
        total += source.people
        if total > most and total > source.people:
            return
        yield source


MOST_CHOSEN: Final = 1000


def check_chosen(ids: Iterable[int] | None) -> list[int] | None:
    """A few are named; more are chosen by batch, or as the whole campaign."""
    if ids is None:
        return None
    found = sorted(set(ids))
    if len(found) > MOST_CHOSEN:
        text = _("Choose at most %(most)s at a time, or all of the campaign.")
        raise CampaignError(text % {"most": MOST_CHOSEN}, "too_many")
    return found
