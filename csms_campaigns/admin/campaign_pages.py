"""The pages of one campaign beside its form: review, launch, progress, and their buttons.

A page is read by GET; whatever changes something is a POST with a permission of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import router, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from csms_campaigns import tasks
from csms_campaigns.admin import figures, promises, words
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.campaign_form import ScheduleForm
from csms_campaigns.admin.tools import may, tools
from csms_campaigns.admin.verbs import VERBS, Verb
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.progress import progress
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus as State

BEFORE_LAUNCH = frozenset({State.DRAFT, State.PREPARING, State.READY, State.SCHEDULED})


class CampaignPages:
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
        }
        own = [self._url(name, f"{name}/", page) for name, page in pages.items()]
        feed = self._url("progress_json", "progress.json", self.progress_json)
        return [*own, feed, *super().get_urls()]  # type: ignore[misc]

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
            schedule_form=ScheduleForm(),
            send_at=words.moment(campaign.send_at),
            figures=figures.in_words(progress(campaign)),
            feed_url=self.campaign_url(campaign, "progress_json"),
        )

    def progress_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if campaign.status in BEFORE_LAUNCH:
            return HttpResponseRedirect(self.home(campaign))
        found = progress(campaign)
        return self.page(
            request,
            "progress",
            campaign,
            figures=figures.in_words(found),
            outcomes=figures.outcomes(request, campaign, found, self.admin_site.name),
            bar=figures.bar(found),
            tools=tools(request, campaign, self.admin_site.name, but=("progress",)),
            feed_url=self.campaign_url(campaign, "progress_json"),
            times=figures.times(campaign),
        )

    def progress_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        return JsonResponse(figures.feed(progress(campaign)))

    def _promise(self, request: HttpRequest, campaign: Campaign) -> Any:
        try:
            return promises.in_words(campaign, self.admin_site.name)
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
            transaction.on_commit(partial(tasks.wake_prepare, campaign.pk, token))

        self._do(request, campaign, begin, log=_("Review started."), done="")

    def act(self, name: str, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        campaign = self.find(request, object_id)
        if not may(request, name):
            raise PermissionDenied
        verb = VERBS[name]
        if verb.confirms and not self._is_confirmed(request, campaign):
            return self._confirm(request, campaign, name, verb)
        self._run(request, campaign, verb)
        return HttpResponseRedirect(self.home(campaign))

    def schedule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        campaign = self.find(request, object_id)
        if not may(request, "launch"):
            raise PermissionDenied
        form = ScheduleForm(request.POST)
        if form.is_valid():
            self._schedule(request, campaign, form.cleaned_data["at"])
        else:
            for error in form.errors["at"]:
                self.message_user(request, error, messages.ERROR)
        return HttpResponseRedirect(self.home(campaign))

    def _schedule(self, request: HttpRequest, campaign: Campaign, at: Any) -> None:
        when = {"time": words.moment(at), "zone": words.time_zone()}
        done = _("Scheduled for %(time)s (%(zone)s).") % when
        launch = partial(lifecycle.launch, campaign.pk, by=request.user, at=at)
        self._do(request, campaign, launch, log=done, done=done)

    def _is_confirmed(self, request: HttpRequest, campaign: Campaign) -> bool:
        if "confirmed" not in request.POST:
            return False
        if request.POST["confirmed"] == promises.version(campaign):
            return True
        note = _("The campaign has changed since you looked. Read the numbers again.")
        self.message_user(request, note, messages.WARNING)
        return False

    def _confirm(
        self, request: HttpRequest, campaign: Campaign, name: str, verb: Verb
    ) -> HttpResponse:
        if campaign.status not in verb.sources:
            # The engine's sentence says why, and what the state is now.
            self._run(request, campaign, verb)
            return HttpResponseRedirect(self.home(campaign))
        return self.page(
            request,
            "confirm",
            campaign,
            verb=verb,
            action=self.campaign_url(campaign, name),
            back=self.home(campaign),
            version=promises.version(campaign),
            promise=self._promise(request, campaign),
            figures=figures.in_words(progress(campaign)),
            now=words.moment(timezone.now()),
        )

    def _run(self, request: HttpRequest, campaign: Campaign, verb: Verb) -> None:
        def run() -> None:
            verb.do(campaign.pk, by=request.user)
            if verb.wakes:
                transaction.on_commit(partial(tasks.wake_lanes, campaign.account))

        log = str(verb.log)
        self._do(request, campaign, run, log=log, done=log, atomic=verb.atomic)

    def _do(
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
