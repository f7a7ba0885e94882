"""Launch and schedule: a page that repeats the numbers, and one launch however often one presses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin import promises, words
from csms_campaigns.admin.launch_form import ScheduleForm
from csms_campaigns.admin.pressing import press_again
from csms_campaigns.admin.tools import may
from csms_campaigns.admin.verbs import VERBS, Verb
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus as State

SCHEDULE: Final = Verb(
    do=lifecycle.launch,
    log="",
    sources=frozenset({State.READY}),
    confirms=True,
    question=gettext_lazy("Launch this campaign at that time?"),
    explanation=gettext_lazy(
        "It begins by itself. Until then the schedule can be taken back."
    ),
    button=gettext_lazy("Yes, schedule it"),
)


class LaunchPages:
    """Mixed into the campaigns' ModelAdmin, beside `CampaignPages`."""

    opts: Any
    admin_site: Any
    campaign_url: Callable[[Campaign, str], str]
    home: Callable[[Campaign], str]
    find: Callable[[HttpRequest, str], Campaign]
    message_user: Callable[..., None]
    run: Callable[..., None]
    ask: Callable[..., HttpResponse]
    change: Callable[..., None]

    def launch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._asked(request, object_id, self._launch)

    def schedule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._asked(request, object_id, self._schedule)

    def _asked(
        self, request: HttpRequest, object_id: str, act: Callable[..., HttpResponse]
    ) -> HttpResponse:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        campaign = self.find(request, object_id)
        if not may(request, "launch"):
            raise PermissionDenied
        return act(request, campaign)

    def _launch(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        verb = VERBS["launch"]
        if problem := self._problem(request, campaign, None):
            return self._ask_to_launch(request, campaign, verb, "launch", problem)
        self.run(request, campaign, verb)
        return HttpResponseRedirect(self.home(campaign))

    def _schedule(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        form = ScheduleForm(campaign, request.POST)
        if not form.is_valid():
            for sentence in form.sentences:
                self.message_user(request, sentence, messages.ERROR)
            return HttpResponseRedirect(self.home(campaign))
        at, zone = form.cleaned_data["at"], form.zone_name
        if problem := self._problem(request, campaign, at):
            kept = {"at": request.POST["at"], "zone": zone}
            return self._ask_to_launch(
                request, campaign, SCHEDULE, "schedule", problem, at, zone, kept
            )
        done = _("Scheduled for %(time)s.") % {"time": in_zone(at, zone)}
        launch = partial(lifecycle.launch, campaign.pk, by=request.user, at=at)
        self.change(request, campaign, launch, log=done, done=done)
        return HttpResponseRedirect(self.home(campaign))

    def _problem(
        self, request: HttpRequest, campaign: Campaign, at: datetime | None
    ) -> str | None:
        """None if it was confirmed as it is now; "" to ask; else to ask again, and why."""
        confirmed = request.POST.get("confirmed")
        if confirmed is None:
            return ASK
        if campaign.status != State.READY:
            return None  # The engine's sentence says what it is instead.
        if confirmed != promises.version(campaign):
            return _(
                "The campaign has changed since you looked. Read the numbers again."
            )
        missing = promises.missing_credits(campaign, at)
        if missing and "anyway" not in request.POST:
            return _("The credits will not suffice. Tick the box to launch anyway.")
        return None

    def _ask_to_launch(
        self,
        request: HttpRequest,
        campaign: Campaign,
        verb: Verb,
        name: str,
        problem: str,
        at: datetime | None = None,
        zone: str = "",
        kept: dict[str, str] | None = None,
    ) -> HttpResponse:
        if problem != ASK:
            self.message_user(request, problem, messages.WARNING)
        if campaign.status in verb.sources:
            try:
                lifecycle.check_second_pair(campaign, request.user)
            except CampaignError as error:
                self.message_user(request, str(error), messages.ERROR)
                return HttpResponseRedirect(self.home(campaign))
        when = in_zone(at, zone) if at else ""
        return self.ask(request, campaign, name, verb, at=at, when=when, kept=kept)


ASK: Final = "ask"


def in_zone(at: datetime, zone: str) -> str:
    """With its zone, so that nobody takes it for their own clock."""
    with timezone.override(ZoneInfo(zone)):
        return _("%(time)s (%(zone)s)") % {"time": words.moment(at), "zone": zone}
