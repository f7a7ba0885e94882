"""Filters of the list pages that use an index, or a few counts, at any size."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models import Campaign, Contact, ContactList
from csms_campaigns.states import ARCHIVABLE, CampaignKind

SHOWN = 30
"""A filter offers so many rows; any other is reached by a link that names it."""


def as_id(value: str | None) -> int:
    text = value or ""
    # Within a bigint, or the database would refuse it.
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


class RowFilter(SimpleListFilter):
    """Choose one row of another table: the newest few, and the one that is chosen."""

    rows: Any
    order = "-pk"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        rows = list(self.rows.order_by(self.order)[:SHOWN])
        chosen = self.chosen_id()
        if chosen and all(row.pk != chosen for row in rows):
            rows += self.rows.filter(pk=chosen)
        return [(str(row.pk), str(row)) for row in rows]

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def chosen_id(self) -> int:
        """0, which no row has, for what is no id: an address is typed by anybody."""
        return as_id(self.value())


class ContactListFilter(RowFilter):
    title = _("list")
    parameter_name = "list"
    rows = ContactList.objects
    order = "name"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        # A semi-join: no row appears twice, and the planner may begin at either end.
        members = Contact.lists.through.objects.filter(contactlist_id=self.chosen_id())
        return queryset.filter(pk__in=members.values("contact_id"))


class ArchivedFilter(SimpleListFilter):
    """Archived campaigns are out of sight unless they are asked for."""

    title = _("archive")
    parameter_name = "archived"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[str, str]]:
        return [("yes", gettext("Archived")), ("all", gettext("All"))]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(
                remove=[self.parameter_name]
            ):
                choice["display"] = gettext("Not archived")
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        # One that went on in spite of it (by a command) is shown: it may be sending.
        archived = Q(archived_at__isnull=False, status__in=ARCHIVABLE)
        if self.value() == "all":
            return queryset
        return queryset.filter(archived if self.value() == "yes" else ~archived)


class CampaignFilter(RowFilter):
    title = _("campaign")
    parameter_name = "campaign__id"
    rows = Campaign.objects.filter(kind=CampaignKind.CAMPAIGN)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        return queryset.filter(campaign_id=self.chosen_id())


class ResultCampaignFilter(CampaignFilter):
    """The results of a campaign lie together: its range of ids is the index."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        campaign = Campaign.objects.filter(pk=self.chosen_id()).first()
        if campaign is None or campaign.first_result_id is None:
            return queryset.none()
        return queryset.filter(
            campaign_id=campaign.pk,
            id__gte=campaign.first_result_id,
            id__lte=campaign.last_result_id or campaign.first_result_id,
        )
