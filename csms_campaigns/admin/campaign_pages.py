"""The pages of one campaign beside its form: review, launch, progress, and their buttons.

A page is read by GET; whatever changes something is a POST with a permission of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import router, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from csms_campaigns import tasks
from csms_campaigns.admin import figures, promises, words
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.hours_pages import HoursPages
from csms_campaigns.admin.launch_form import ScheduleForm
from csms_campaigns.admin.launch_pages import LaunchPages, in_zone
from csms_campaigns.admin.pressing import press_again
from csms_campaigns.admin.resolving_pages import ResolvingPages
from csms_campaigns.admin.testing_pages import TestPages
from csms_campaigns.admin.time_zones import site_zone
from csms_campaigns.admin.tools import may, tools
from csms_campaigns.admin.verbs import VERBS, Verb
from csms_campaigns.admin.watch_pages import BEFORE_LAUNCH, WatchPages
from csms_campaigns.engine import audience, database, lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.progress import progress
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus as State


class CampaignPages(LaunchPages, TestPages, HoursPages, ResolvingPages, WatchPages):
    """Mixed into the campaigns' ModelAdmin."""

    model: type[Campaign]
    opts: Any
    admin_site: Any
    get_object: Callable[..., Campaign | None]
    has_view_permission: Callable[..., bool]
    message_user: Callable[..., None]
    log_change: Callable[..., Any]

    def get_urls(self) -> list[Any]:
        pages: dict[str, Callable[..., HttpResponse]] = {
            "review": self.review_page,
            "progress": self.progress_page,
            "schedule": self.schedule,
            **{name: partial(self.act, name) for name in VERBS},
            "launch": self.launch,
            "hours": self.hours_page,
            "test": self.test_page,
            "unknown": self.unknown_page,
            "retry": self.retry_page,
        }
        own = [self._url(name, f"{name}/", page) for name, page in pages.items()]
        feeds = [
            self._url("progress_json", "progress.json", self.progress_json),
            self._url("course_json", "course.json", self.course_json),
            self._url("test_json", "test.json", self.test_json),
        ]
        overview = path(
            "overview.json",
            self.admin_site.admin_view(self.overview_json),
            name="csms_campaigns_campaign_overview_json",
        )
        return [overview, *own, *feeds, *super().get_urls()]  # type: ignore[misc]

    def _url(self, name: str, tail: str, page: Callable[..., HttpResponse]) -> Any:
        view = self.admin_site.admin_view(page)
        return path(
            f"<path:object_id>/{tail}", view, name=f"csms_campaigns_campaign_{name}"
        )

    def campaign_url(self, campaign: Campaign, page: str) -> str:
        name = f"{self.admin_site.name}:csms_campaigns_campaign_{page}"
        return reverse(name, args=[campaign.pk])

    def home(self, campaign: Campaign) -> str:
        """The page that matters in the campaign's present state."""
        status = Campaign.objects.values_list("status", flat=True).get(pk=campaign.pk)
        if status == State.DRAFT:
            return self.campaign_url(campaign, "change")
        before = status in BEFORE_LAUNCH
        return self.campaign_url(campaign, "review" if before else "progress")

    def find(self, request: HttpRequest, object_id: str) -> Campaign:
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    # Pages

    def page(
        self, request: HttpRequest, name: str, campaign: Campaign, **context: Any
    ) -> TemplateResponse:
        found = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": campaign,
            "title": campaign.name,
            "state": badge(campaign.status, campaign.get_status_display()),
            "change_url": self.campaign_url(campaign, "change"),
            "time_zone": words.time_zone(),
            **context,
        }
        request.current_app = self.admin_site.name
        template = f"admin/csms_campaigns/campaign/{name}.html"
        return TemplateResponse(request, template, found)

    def review_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method == "POST":
            return self.review(request, object_id)
        campaign = self.find(request, object_id)
        if campaign.status not in BEFORE_LAUNCH:
            return HttpResponseRedirect(self.home(campaign))
        return self.page(
            request,
            "review",
            campaign,
            promise=self._promise(request, campaign),
            examples=promises.examples(campaign),
            tools=tools(request, campaign, self.admin_site.name, but=("promise",)),
            may_launch=campaign.status == State.READY and may(request, "launch"),
            may_review=campaign.status == State.READY and may(request, "review"),
            schedule_url=self.campaign_url(campaign, "schedule"),
            review_url=self.campaign_url(campaign, "review"),
            schedule_form=ScheduleForm(campaign),
            send_at=self._send_at(campaign),
            not_you=self._not_you(request, campaign),
            figures=figures.in_words(progress(campaign)),
            feed_url=self.campaign_url(campaign, "progress_json"),
        )

    def _send_at(self, campaign: Campaign) -> str:
        zone = campaign.time_zone or site_zone()
        return in_zone(campaign.send_at, zone) if campaign.send_at else ""

    def _not_you(self, request: HttpRequest, campaign: Campaign) -> str:
        """Why this person may not launch it, where the site wants a second pair of eyes."""
        try:
            lifecycle.check_second_pair(campaign, request.user)
        except CampaignError as error:
            return str(error)
        return ""

    def _promise(
        self, request: HttpRequest, campaign: Campaign, at: datetime | None = None
    ) -> Any:
        try:
            return promises.in_words(campaign, self.admin_site.name, at)
        except ImproperlyConfigured as error:
            # Its account has left the settings since it was composed.
            self.message_user(request, str(error), messages.ERROR)
            return None

    # Buttons

    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if not may(request, "review"):
            raise PermissionDenied
        self.begin_review(request, campaign)
        return HttpResponseRedirect(self.home(campaign))

    def begin_review(self, request: HttpRequest, campaign: Campaign) -> None:
        """A worker prepares; the review page waits for it."""

        def begin() -> None:
            token = audience.begin(campaign.pk)
            transaction.on_commit(
                partial(tasks.wake_prepare, campaign.pk, token), using=database.alias()
            )

        self.change(request, campaign, begin, log=_("Review started."), done="")

    def act(self, name: str, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        campaign = self.find(request, object_id)
        if not may(request, name):
            raise PermissionDenied
        verb = VERBS[name]
        if verb.confirms and not self._is_confirmed(request, campaign):
            return self.ask(request, campaign, name, verb)
        self.run(request, campaign, verb)
        return HttpResponseRedirect(self.home(campaign))

    def _is_confirmed(self, request: HttpRequest, campaign: Campaign) -> bool:
        if "confirmed" not in request.POST:
            return False
        if request.POST["confirmed"] == promises.version(campaign):
            return True
        note = _("The campaign has changed since you looked. Read the numbers again.")
        self.message_user(request, note, messages.WARNING)
        return False

    def ask(
        self,
        request: HttpRequest,
        campaign: Campaign,
        name: str,
        verb: Verb,
        *,
        at: datetime | None = None,
        **context: Any,
    ) -> HttpResponse:
        """The page that repeats the numbers before something is done."""
        if campaign.status not in verb.sources:
            # The engine's sentence says why, and what the state is now.
            self.run(request, campaign, verb)
            return HttpResponseRedirect(self.home(campaign))
        return self.page(
            request,
            "confirm",
            campaign,
            verb=verb,
            action=self.campaign_url(campaign, name),
            back=self.home(campaign),
            version=promises.version(campaign),
            promise=self._promise(request, campaign, at),
            launches=name in {"launch", "schedule"},
            figures=figures.in_words(progress(campaign)),
            **context,
        )

    def run(self, request: HttpRequest, campaign: Campaign, verb: Verb) -> None:
        def run() -> None:
            verb.do(campaign.pk, by=request.user)
            if verb.wakes:
                transaction.on_commit(
                    partial(tasks.wake_lanes, campaign.account), using=database.alias()
                )

        log = str(verb.log)
        self.change(request, campaign, run, log=log, done=log, atomic=verb.atomic)

    def change(
        self,
        request: HttpRequest,
        campaign: Campaign,
        change: Callable[[], Any],
        *,
        log: str,
        done: str,
        atomic: bool = True,
    ) -> None:
        """The change and its entry in the history, or neither and a sentence why."""
        database = router.db_for_write(self.model)
        try:
            with transaction.atomic(using=database) if atomic else nullcontext():
                change()
                self.log_change(request, campaign, log)
        except (CampaignError, ImproperlyConfigured) as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        if done:
            self.message_user(request, done, messages.SUCCESS)
