"""Test sends of a campaign: the form, and what became of each number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns import tasks
from csms_campaigns.admin import figures, words
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.testing_form import TestSendForm
from csms_campaigns.admin.tools import may
from csms_campaigns.engine import database, testing
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.progress import progress
from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.sms.segments import analyse
from csms_campaigns.states import ENDED, CampaignStatus

SHOWN: Final = 5
"""The latest tests of a campaign."""
STOPPED: Final = frozenset({CampaignStatus.CANCELLED, CampaignStatus.PAUSED})
"""The system cancels a test where it pauses a campaign; a program may pause either."""


class TestPages:
    """Mixed into the campaigns' ModelAdmin, beside `CampaignPages`."""

    campaign_url: Callable[[Campaign, str], str]
    home: Callable[[Campaign], str]
    find: Callable[[HttpRequest, str], Campaign]
    page: Callable[..., HttpResponse]
    change: Callable[..., None]
    message_user: Callable[..., None]

    def test_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self._to_test(request, object_id)
        form = TestSendForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self._send(request, campaign, form.cleaned_data)
            return HttpResponseRedirect(self.campaign_url(campaign, "test"))
        tests = [shown(test) for test in testing.previous_tests(campaign)[:SHOWN]]
        return self.page(
            request,
            "test",
            campaign,
            form=form,
            **_text(campaign),
            tests=tests,
            latest=tests[0] if tests else None,
            feed_url=self.campaign_url(campaign, "test_json"),
            back=self.home(campaign),
        )

    def test_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self._to_test(request, object_id)
        test = testing.previous_tests(campaign).first()
        if test is None:
            return JsonResponse({"status": "", "ended": True, "texts": {}, "bar": {}})
        found = shown(test)
        return JsonResponse(
            {
                "status": test.status,
                "ended": test.status in ENDED,
                "texts": {line["figure"]: line["said"] for line in found["lines"]}
                | {"note": found["note"]},
                "bar": {},
            }
        )

    def _to_test(self, request: HttpRequest, object_id: str) -> Campaign:
        campaign = self.find(request, object_id)
        if not may(request, "test"):
            raise PermissionDenied
        return campaign

    def _send(
        self, request: HttpRequest, campaign: Campaign, said: dict[str, Any]
    ) -> None:
        def send() -> None:
            testing.send_test(
                campaign.pk,
                said["numbers"],
                like=said["like"],
                by=request.user,
                form_key=said["form_key"],
            )
            transaction.on_commit(
                partial(tasks.wake_lanes, campaign.account), using=database.alias()
            )

        count = len(said["numbers"])
        log = ngettext(
            "A test was sent to %(count)s number.",
            "A test was sent to %(count)s numbers.",
            count,
        )
        self.change(request, campaign, send, log=log % {"count": count}, done="")


def _text(campaign: Campaign) -> dict[str, Any]:
    """How it would read now, or why it cannot be sent."""
    try:
        text = testing.text_for(campaign)
    except (CampaignError, ImproperlyConfigured) as error:
        return {"text": "", "problem": str(error)}
    return {"text": text, "length": length(text), "problem": ""}


def length(text: str) -> str:
    found = analyse(text)
    segments = ngettext("%(count)d segment", "%(count)d segments", found.segments) % {
        "count": found.segments
    }
    return f"{segments} · {found.encoding}"


def shown(test: Campaign) -> dict[str, Any]:
    results = SendResult.objects.filter(
        campaign_id=test.pk, batch__campaign_id=test.pk
    ).order_by("pk")
    return {
        "status": test.status,
        "state": badge(test.status, test.get_status_display()),
        "ended": test.status in ENDED,
        "text": test.message,
        "at": words.moment(test.started_at),
        "by": str(test.created_by or ""),
        "lines": [_line(result) for result in results[: testing.MOST]],
        "note": _note(test),
    }


def _line(result: SendResult) -> dict[str, str]:
    reason = result.error or result.message_id
    if result.skip_reason:
        reason = result.get_skip_reason_display()
    label = str(result.get_status_display())
    return {
        "phone": result.phone or "",
        "figure": f"result-{result.pk}",
        "said": f"{label} · {reason}" if reason else label,
    }


def _note(test: Campaign) -> str:
    """What keeps it from being sent, as far as is known."""
    if test.status in STOPPED:
        return _("%(reason)s Mend that, then send another test.") % {
            "reason": test.reason
        }
    if test.status != CampaignStatus.SENDING:
        return ""
    if testing.nobody_works(test):
        return _(
            "No worker has taken it: none seems to be running. Ask whoever runs the site."
        )
    return figures.in_words(progress(test))["reason"]
