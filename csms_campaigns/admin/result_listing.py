"""The pages of recipients: found in windows of ids, within a budget of time.

No index leads to an outcome. What is frequent is soon met on the way from the newest to the
oldest; for what is rare the counts of the batches name those that hold it. What is neither is
looked for until the time is up; then the page says how far it came, and the next one goes on.
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from csms_campaigns.admin.filters import ResultCampaignFilter, as_id
from csms_campaigns.admin.listing import AFTER, BEFORE, LAST, LargeChangeList
from csms_campaigns.admin.result_filters import ResultListFilter
from csms_campaigns.admin.result_search import is_a_name
from csms_campaigns.admin.words import number
from csms_campaigns.models import Campaign, SendResult

WINDOW: Final = 20_000
"""Ids: some 10 ms, whatever is asked of each row."""
BUDGET: Final = 0.12
"""Seconds for looking on the way; one window is always looked at."""
LIST: Final = ResultListFilter.parameter_name
FEW_BATCHES: Final = 300
"""Of so many all recipients are read."""


class ResultChangeList(LargeChangeList):
    filter_specs: list[Any]
    stopped_at: int | None = None
    """The id up to which it was looked, if that is not the end."""

    def _rows(self, request: HttpRequest) -> tuple[list[Any], bool, bool]:
        before, after = self._place(request, BEFORE), self._place(request, AFTER)
        if not self.filter_params and not self.query:
            return super()._rows(request)
        size, back = self.list_per_page, bool(before) or LAST in request.GET
        low, high = self._range()
        if back:
            low = max(low, before + 1)
        elif after:
            high = min(high, after - 1)
        found = self._find(request, low, high, back)
        is_more = len(found) > size or self.stopped_at is not None
        rows = found[:size]
        if back:
            return rows[::-1], is_more, bool(before)
        return rows, bool(after), is_more

    def _range(self) -> tuple[int, int]:
        """Of the chosen campaign, or of all."""
        chosen = self.filter_params.get(ResultCampaignFilter.parameter_name)
        own = Campaign.objects.filter(pk=as_id(str(chosen[0]))) if chosen else None
        if own and own[0].first_result_id and own[0].last_result_id:
            return own[0].first_result_id, own[0].last_result_id
        ids = SendResult.objects.order_by("pk").values_list("pk", flat=True)
        return ids.first() or 1, ids.last() or 0

    def _find(self, request: HttpRequest, low: int, high: int, back: bool) -> list[Any]:
        """One more than a page, if there are so many; from the end that is asked for."""
        self.stopped_at = None
        if self.is_of_few:
            # Windows would look up the same ids in each of them.
            all_of_them = self.queryset.filter(pk__gte=low, pk__lte=high)
            one_more = self.list_per_page + 1
            return list(all_of_them.order_by("pk" if back else "-pk")[:one_more])
        deadline = time.monotonic() + BUDGET
        found: list[Any] = []
        width, rows = WINDOW, self.queryset
        while low <= high and len(found) <= self.list_per_page:
            if back:
                part = rows.filter(pk__gte=low, pk__lt=low + width, pk__lte=high)
                low += width
            else:
                part = rows.filter(pk__lte=high, pk__gt=high - width, pk__gte=low)
                high -= width
            left = self.list_per_page + 1 - len(found)
            found += part.order_by("pk" if back else "-pk")[:left]
            if len(found) > self.list_per_page or low > high:
                break
            if width == WINDOW and (rest := self._of_few_batches(request)) is not None:
                part = rest.filter(pk__gte=low, pk__lte=high)
                left = self.list_per_page + 1 - len(found)
                return found + list(part.order_by("pk" if back else "-pk")[:left])
            if time.monotonic() > deadline:
                self.stopped_at = low - 1 if back else high + 1
                break
            width *= 2
        return found

    @cached_property
    def is_of_few(self) -> bool:
        """Some thousand recipients at most are meant, by ids that were read before."""
        if self.query and is_a_name(self.query):
            return True
        return any(getattr(spec, "is_of_few", False) for spec in self.filter_specs)

    def _of_few_batches(self, request: HttpRequest) -> QuerySet | None:
        """All that can be meant, if few batches hold it."""
        if self.query or LIST in self.filter_params:
            return None  # These name rows already: of two such lists PostgreSQL makes seconds.
        zones = [
            zone
            for spec in self.filter_specs
            if (zone := getattr(spec, "zone", None)) is not None
        ]
        for zone in zones:
            ids = list(zone.values_list("pk", flat=True)[: FEW_BATCHES + 1])
            if len(ids) <= FEW_BATCHES:
                # By ids of their own, or the planner would walk over all recipients again.
                own = SendResult.objects.filter(batch_id__in=ids)
                pks = list(own.values_list("pk", flat=True))
                found: QuerySet = self.queryset.filter(pk__in=pks)
                return found
        return None

    def _link(self, rows: list[Any], has_previous: bool, has_next: bool) -> None:
        super()._link(rows, has_previous, has_next)
        if self.stopped_at is None:
            return
        if has_next:
            self.next_link = self.get_query_string({AFTER: self.stopped_at})
            self.last_link = self.get_query_string({LAST: 1})
        if has_previous and not has_next:
            self.previous_link = self.get_query_string({BEFORE: self.stopped_at})

    def _count(self, rows: list[Any], has_more: bool) -> tuple[int, str]:
        if not has_more:
            return len(rows), number(len(rows))
        exact = self.model_admin.exact_count(self)
        if exact is not None:
            return exact, number(exact)
        if not self.filter_params and not self.query:
            return super()._count(rows, has_more)
        if self.stopped_at is not None and not rows:
            return 0, _("none so far; the next page goes on looking:")
        return len(rows), _("more than %(count)s") % {
            "count": number(max(len(rows) - 1, 0))
        }
