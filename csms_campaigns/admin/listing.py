"""List pages that stay quick at ten million rows: no count of all, no deep pages, no sorting.

A page begins after the row on which the last one ended, so the thousandth costs what the first
does. How many there are is exact where that is cheap, and an honest “about” where it is not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import IntegerField, Model, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.words import number

CAP: Final = 10_000
"""Rows are counted up to here; beyond it a page says “10,000+”."""
CHEAP: Final = 10_000
"""By the planner's units, in which reading a page is 1: some 50 ms at most."""
AFTER, BEFORE, LAST = "after", "before", "last"
"""Words of the address that say where the page begins or ends."""


def capped(count: int) -> str:
    return f"{number(CAP)}+" if count > CAP else number(count)


def about(count: int) -> str:
    """With two digits that mean something."""
    step = 10 ** max(len(str(count)) - 2, 0)
    return _("about %(count)s") % {"count": number(round(count / step) * step)}


class CappedPaginator(Paginator):
    """Counts at most `CAP` + 1 rows, so the last page that can be asked for is near."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: CAP + 1].count())


class CappedCount(Subquery):
    """The number of rows of a subquery, which must be sliced to `CAP` + 1 rows."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) csms_capped)"
    output_field = IntegerField()


def counted(queryset: QuerySet) -> tuple[int, str]:
    """How many there are about, and in words: what the planner thinks, or counted if cheap."""
    if connections[queryset.db].vendor == "postgresql":
        explained = queryset.order_by().explain(format="json")
        plan = json.loads(explained)[0]["Plan"]
        if plan["Total Cost"] > CHEAP:
            return int(plan["Plan Rows"]), about(int(plan["Plan Rows"]))
    found = int(queryset.order_by().values("pk")[: CAP + 1].count())
    return found, capped(found)


class LargeChangeList(ChangeList):
    """Pages by the row at which they begin; the first column of the order must be unique."""

    model_admin: Any
    count_label: str
    first_link = previous_link = next_link = last_link = ""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet:
        # No filters, and not kept in the links of those.
        for name in (AFTER, BEFORE, LAST):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_queryset(request, *args, **kwargs)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        # `sortable_by` hides the links only: an address with ?o= would still sort.
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        rows, has_previous, has_next = self._rows(request)
        self._link(rows, has_previous, has_next)
        self.result_list = rows
        self.result_count, self.count_label = self._count(
            rows, has_previous or has_next
        )
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.full_result_count = None
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(rows, self.list_per_page)

    @cached_property
    def _order(self) -> tuple[str, bool]:
        """The column, and whether it descends."""
        first = str(self.model_admin.ordering[0])
        return first.removeprefix("-"), first.startswith("-")

    def _rows(self, request: HttpRequest) -> tuple[list[Any], bool, bool]:
        """Those of the page, and whether there are others before and behind."""
        size, rows = self.list_per_page, self.queryset
        before, after = self._place(request, BEFORE), self._place(request, AFTER)
        if before or LAST in request.GET:
            found = list(self._beside(rows, before, False).reverse()[: size + 1])
            return found[:size][::-1], len(found) > size, bool(before)
        found = list(self._beside(rows, after, True)[: size + 1])
        return found[:size], bool(after), len(found) > size

    def _place(self, request: HttpRequest, name: str) -> Any:
        given = request.GET.get(name, "").replace("\0", "")
        return as_id(given) if self._order[0] == "id" else given

    def _beside(self, rows: QuerySet, place: Any, behind: bool) -> QuerySet:
        if not place:
            return rows
        column, descends = self._order
        return rows.filter(
            **{f"{column}__{'gt' if behind != descends else 'lt'}": place}
        )

    def _link(self, rows: list[Any], has_previous: bool, has_next: bool) -> None:
        column = self._order[0]
        if has_previous:
            self.first_link = self.get_query_string()
            # Behind the last row there is none to go back from.
            place = {BEFORE: getattr(rows[0], column)} if rows else {}
            self.previous_link = self.get_query_string(place)
        if has_next and rows:
            self.next_link = self.get_query_string({AFTER: getattr(rows[-1], column)})
            self.last_link = self.get_query_string({LAST: 1})

    def _count(self, rows: list[Any], has_more: bool) -> tuple[int, str]:
        if not has_more:
            return len(rows), number(len(rows))
        exact = self.model_admin.exact_count(self)
        return counted(self.queryset) if exact is None else (exact, number(exact))


if TYPE_CHECKING or not apps.is_installed("unfold"):
    from django.contrib.admin import ModelAdmin
else:
    # Its templates leave the fields and buttons of any other ModelAdmin bare.
    from unfold.admin import ModelAdmin


class LargeTableAdmin(ModelAdmin):
    # Of what autocompletes; the list pages have no numbers.
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-id",)
    sortable_by = ()
    # Bulk actions load every chosen row; who needs them gives them back by hand.
    actions: Any = None

    class Media:
        css = {"all": ["csms_campaigns/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LargeChangeList

    def exact_count(self, changelist: LargeChangeList) -> int | None:
        """Where it is known without counting."""
        return None


class EngineOwnedAdmin(LargeTableAdmin):
    """Rows that only the engine writes: to be looked at, never changed by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False
