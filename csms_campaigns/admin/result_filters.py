"""Filters of the list of recipients.

No index of that table may name what recording writes. So a filter has, beside its condition, a
`zone`: the batches that may hold such recipients, by the counts that they have kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin import words
from csms_campaigns.admin.filters import ContactListFilter, ResultCampaignFilter, as_id
from csms_campaigns.engine.database import in_site_convention
from csms_campaigns.models import Batch, Campaign, Contact, SendResult
from csms_campaigns.states import (
    OPEN_BATCHES,
    BatchStatus,
    Resolution,
    SendStatus,
    SkipReason,
)


def batches(request: HttpRequest, zone: Q) -> QuerySet:
    """Those of the chosen campaign, or of all."""
    found = Batch.objects.filter(zone)
    campaign = as_id(request.GET.get(ResultCampaignFilter.parameter_name))
    return found.filter(campaign_id=campaign) if campaign else found


ZONES = {
    SendStatus.PENDING: Q(status__in=OPEN_BATCHES),
    SendStatus.FAILED: Q(failed_count__gt=0),
    SendStatus.UNKNOWN: Q(unknown_count__gt=0),
    SendStatus.CANCELLED: Q(status=BatchStatus.CANCELLED),
}
"""The batches that may hold a rare outcome: their counts serve as the index."""


class ResultListFilter(ContactListFilter):
    """Who is in a list today: by number, which is what the index begins with."""

    title = _("list")
    is_of_few = False

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        people = Contact.objects.filter(lists=self.chosen_id())
        few = list(people.values_list("phone", flat=True)[: FEW_MEMBERS + 1])
        if len(few) <= FEW_MEMBERS:
            self.is_of_few = True
            return queryset.filter(pk__in=results_of(few))
        members = Contact.lists.through.objects.filter(contactlist_id=self.chosen_id())
        return queryset.filter(contact_id__in=members.values("contact_id"))


FEW_MEMBERS: Final = 300
"""Of a list: their recipients are found by number; more of them are met on the way."""


def results_of(phones: Iterable[Any]) -> list[int]:
    """Read first: with an order and a limit, the planner would walk over all instead."""
    found = SendResult.objects.filter(phone__in=[str(phone) for phone in phones])
    return list(found.values_list("pk", flat=True))


class OutcomeFilter(SimpleListFilter):
    title = _("outcome")
    parameter_name = "status"
    zone: QuerySet | None = None

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in SendStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        status = self.value()
        if status not in SendStatus.values:
            return queryset
        if (zone := ZONES.get(SendStatus(status))) is not None:
            self.zone = batches(request, zone)
        return queryset.filter(status=status)


class SkipReasonFilter(SimpleListFilter):
    title = _("left out because")
    parameter_name = "skip_reason"
    zone: QuerySet | None = None

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in SkipReason.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        reason = self.value()
        if reason not in SkipReason.values:
            return queryset
        found = queryset.filter(status=SendStatus.SKIPPED, skip_reason=reason)
        if (zone := LEFT_OUT_LATER.get(SkipReason(reason))) is None:
            return found.filter(_left_out_before(reason))
        if _left_out_before(reason) == NOBODY:
            self.zone = batches(request, zone)
        return found


NOBODY: Final = Q(pk__in=[])
LEFT_OUT_LATER: Final = {
    SkipReason.OPTED_OUT: Q(skipped_count__gt=0),
    SkipReason.ERASED: Q(skipped_count__gt=0),
    SkipReason.ANSWERED: Q(answered_count__gt=0),
}
"""The batches that may hold somebody who was left out since they were prepared."""


def _left_out_before(reason: str) -> Q:
    """In campaigns that counted such people when they were prepared, between their ids."""
    counted = Campaign.objects.filter(
        skipped_counts__has_key=reason, first_result_id__isnull=False
    )
    columns = counted.values_list("pk", "first_result_id", "last_result_id")
    ranges: list[tuple[int, Any, Any]] = list(columns)
    if not ranges:
        return NOBODY
    return Q(
        campaign_id__in=[pk for pk, _first, _last in ranges],
        pk__gte=min(first for _pk, first, _last in ranges),
        pk__lte=max(last for _pk, _first, last in ranges),
        batch_id__isnull=True,
    )


class CauseFilter(SimpleListFilter):
    """The gateway's code, or its words where it gave none. The page of causes leads here."""

    title = _("cause")
    parameter_name = "cause"
    zone: QuerySet | None = None

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        cause = str(request.GET.get(self.parameter_name, ""))
        return [(cause, cause)] if cause else []

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        cause = self.value()
        if not cause:
            return queryset
        self.zone = batches(request, Q(failed_count__gt=0))
        return queryset.filter(
            Q(error_code=cause) | Q(error_code="", error=cause),
            status=SendStatus.FAILED,
        )


UNDECIDED: Final = "none"
_DECIDED = F("treated_sent_count") + F("treated_failed_count") + F("resend_count")

DECIDED_IN: Final[dict[str, Q]] = {
    UNDECIDED: Q(unknown_count__gt=_DECIDED),
    Resolution.SENT: Q(treated_sent_count__gt=0),
    Resolution.FAILED: Q(treated_failed_count__gt=0),
    Resolution.RESEND: Q(resend_count__gt=0)
    | Q(late_sent_count__gt=0)
    | Q(late_failed_count__gt=0),
}
"""The batches that may hold such a decision."""


class DecisionFilter(SimpleListFilter):
    title = _("decision")
    parameter_name = "decision"
    zone: QuerySet | None = None

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        found = [(value, str(label)) for value, label in Resolution.choices]
        return [(UNDECIDED, str(_("Not decided yet"))), *found]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.value() or ""
        zone = DECIDED_IN.get(chosen)
        if zone is None:
            return queryset
        self.zone = batches(request, zone)
        if chosen == UNDECIDED:
            return queryset.filter(status=SendStatus.UNKNOWN, resolution="")
        return queryset.filter(resolution=chosen)


def _midnight() -> datetime:
    local = words.local(timezone.now())
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return in_site_convention(midnight)


SPANS: Final[dict[str, tuple[Any, Any]]] = {
    "hour": (_("Last hour"), lambda: (timezone.now() - timedelta(hours=1), None)),
    "today": (_("Today"), lambda: (_midnight(), None)),
    "yesterday": (
        _("Yesterday"),
        lambda: (_midnight() - timedelta(days=1), _midnight()),
    ),
    "week": (_("Last 7 days"), lambda: (timezone.now() - timedelta(days=7), None)),
    "month": (_("Last 30 days"), lambda: (timezone.now() - timedelta(days=30), None)),
}


class TimeFilter(SimpleListFilter):
    """When the outcome was written."""

    title = _("time")
    parameter_name = "time"
    zone: QuerySet | None = None

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, (label, _span) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in SPANS:
            return queryset
        since, until = SPANS[str(self.value())][1]()
        when = Q(updated_at__gte=since)
        if until is not None:
            when &= Q(updated_at__lt=until)
        zone = self._campaigns(since, until) & Q(finished_at__gte=since)
        self.zone = batches(request, zone)
        return queryset.filter(when)

    def _campaigns(self, since: datetime, until: datetime | None) -> Q:
        """Those that were being sent in that time: the index of batches begins with them."""
        found = Campaign.objects.filter(
            # A late answer may come when it is over.
            Q(finished_at__gte=since - timedelta(days=1)) | Q(finished_at__isnull=True),
            started_at__isnull=False,
        )
        if until is not None:
            found = found.filter(started_at__lt=until)
        return Q(campaign_id__in=list(found.values_list("pk", flat=True)))
