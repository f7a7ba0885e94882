"""The imports of contacts in the admin: their list, and who may do what."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin import words
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.import_pages import ImportPages
from csms_campaigns.admin.listing import LargeTableAdmin
from csms_campaigns.contacts_io import chunks
from csms_campaigns.models import ContactImport
from csms_campaigns.states import ENDED_IMPORTS, ChunkKind

NEEDED = ("csms_campaigns.add_contact", "csms_campaigns.change_contact")


@admin.register(ContactImport)
class ContactImportAdmin(ImportPages, LargeTableAdmin):
    list_display = ["name", "state", "people", "created_by", "created_at"]
    list_select_related = ["created_by"]
    list_filter = ["stage"]

    # Who may do what

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and request.user.has_perms(NEEDED)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # There is no form to change one: its pages ask `may_import`.
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_view_permission(request, obj)
        return may or self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = obj is None or obj.stage in ENDED_IMPORTS
        return ended and super().has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        # The stock page would load each piece of the report to print its name.
        note = _("The contacts stay; only the report goes.")
        return [*map(str, objs), note], {self.opts.verbose_name: len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: ContactImport) -> None:
        chunks.remove(obj.pk, list(ChunkKind))
        super().delete_model(request, obj)

    # The list

    @admin.display(description=gettext_lazy("state"))
    def state(self, job: ContactImport) -> SafeString:
        return badge(job.stage, job.get_stage_display())

    @admin.display(description=gettext_lazy("rows"))
    def people(self, job: ContactImport) -> SafeString | None:
        counts = job.counts or job.planned.get("counts") or {}
        return (
            words.isolated(words.number(counts["rows"])) if "rows" in counts else None
        )
