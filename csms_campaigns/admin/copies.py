"""The button that copies a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.urls import path
from django.utils.translation import gettext as _

from csms_campaigns.admin.pressing import press_again
from csms_campaigns.admin.tools import may
from csms_campaigns.engine import copying
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Campaign


class CopyPages:
    """Mixed into the campaigns' ModelAdmin."""

    model: type[Campaign]
    opts: Any
    admin_site: Any
    find: Callable[..., Campaign]
    home: Callable[..., str]
    message_user: Callable[..., None]
    log_change: Callable[..., Any]
    log_addition: Callable[..., Any]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.copy)
        name = "csms_campaigns_campaign_copy"
        return [path("<path:object_id>/copy/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        source = self.find(request, object_id)
        if not may(request, "copy"):
            raise PermissionDenied
        try:
            campaign = self._copy(request, source)
        except CampaignError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.home(source))
        self.message_user(request, _("This is the copy, a new draft."))
        return HttpResponseRedirect(self.home(campaign))

    def _copy(self, request: HttpRequest, source: Campaign) -> Campaign:
        with transaction.atomic(using=router.db_for_write(self.model)):
            campaign = copying.copy(source.pk, by=request.user)
            note = _("Copied from “%(name)s”.") % {"name": source.name}
            self.log_addition(request, campaign, note)
            self.log_change(request, source, _("Copied."))
        return campaign
