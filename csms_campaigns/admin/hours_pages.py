"""The hours of a campaign that was launched: they may be changed until it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from csms_campaigns import tasks
from csms_campaigns.admin.hours_form import HOURS, HoursForm
from csms_campaigns.admin.hours_words import hours_in_words
from csms_campaigns.admin.tools import HOURS_MAY_CHANGE, may
from csms_campaigns.engine import database
from csms_campaigns.models import Campaign


class HoursPages:
    """Mixed into the campaigns' ModelAdmin, beside `CampaignPages`."""

    campaign_url: Callable[[Campaign, str], str]
    home: Callable[[Campaign], str]
    find: Callable[[HttpRequest, str], Campaign]
    page: Callable[..., HttpResponse]
    change: Callable[..., None]

    def hours_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if not may(request, "hours"):
            raise PermissionDenied
        if campaign.status not in HOURS_MAY_CHANGE:
            return HttpResponseRedirect(self.home(campaign))
        form = HoursForm(request.POST or None, instance=campaign)
        if request.method == "POST" and form.is_valid():
            self._save_hours(request, campaign, form)
            return HttpResponseRedirect(self.home(campaign))
        return self.page(
            request,
            "hours",
            campaign,
            form=form,
            media=form.media,
            back=self.home(campaign),
            in_recipients_zone=campaign.in_recipients_zone,
        )

    def _save_hours(self, request: HttpRequest, campaign: Campaign, form: Any) -> None:
        said = hours_in_words(campaign) or _("at any time")
        done = _("Hours in which it is sent: %(hours)s.") % {"hours": said}

        def save() -> None:
            # These columns alone: the engine may have moved the campaign meanwhile.
            campaign.save(update_fields=HOURS)
            transaction.on_commit(
                partial(tasks.wake_lanes, campaign.account), using=database.alias()
            )

        self.change(request, campaign, save, log=done, done=done)
