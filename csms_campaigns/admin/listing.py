"""List pages that stay quick at ten million rows: no exact count, no free sorting."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import IntegerField, Model, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property

from csms_campaigns.admin.words import number

CAP: Final = 10_000
"""Rows are counted up to here; beyond it a page says “10,000+”."""


def capped(count: int) -> str:
    return f"{number(CAP)}+" if count > CAP else number(count)


class CappedPaginator(Paginator):
    """Counts at most `CAP` + 1 rows, so the last page that can be asked for is near."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: CAP + 1].count())

    @property
    def count_label(self) -> str:
        return capped(self.count)


class CappedCount(Subquery):
    """The number of rows of a subquery, which must be sliced to `CAP` + 1 rows."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) csms_capped)"
    output_field = IntegerField()


class LargeChangeList(ChangeList):
    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        # `sortable_by` hides the links only: an address with ?o= would still sort.
        return list(self.model_admin.get_ordering(request))


class LargeTableAdmin(admin.ModelAdmin):
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
