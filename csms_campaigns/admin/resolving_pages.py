"""Pages on which a person decides about unknown recipients, and chooses whom to retry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns import tasks
from csms_campaigns.admin import words
from csms_campaigns.admin.evidence_words import cost_in_words, evidence_in_words
from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.tools import may_resolve
from csms_campaigns.engine import accounts, database, follow_ups
from csms_campaigns.engine.causes import causes
from csms_campaigns.engine.chosen import Choice
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.evidence import Cost, evidence, learn_cost
from csms_campaigns.engine.resolving import resolve
from csms_campaigns.engine.sums import decisions
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import Resolution

PER_PAGE: Final = 25

QUESTIONS: Final[dict[str, Any]] = {
    Resolution.SENT: gettext_lazy("Treat them as sent?"),
    Resolution.FAILED: gettext_lazy("Treat them as failed?"),
    Resolution.RESEND: gettext_lazy("Send to them again?"),
}
EXPLANATIONS: Final[dict[str, Any]] = {
    Resolution.SENT: gettext_lazy(
        "Nothing is sent. An answer that comes later changes nothing any more."
    ),
    Resolution.FAILED: gettext_lazy(
        "Nothing is sent, now or by “Retry failed”. An answer that comes later changes "
        "nothing any more."
    ),
    Resolution.RESEND: gettext_lazy(
        "A follow-up campaign is prepared, for you to review and launch. Whoever got the "
        "first text gets it twice."
    ),
}


class ResolvingPages:
    """Mixed into the campaigns' ModelAdmin, beside `CampaignPages`."""

    campaign_url: Callable[[Campaign, str], str]
    home: Callable[[Campaign], str]
    find: Callable[[HttpRequest, str], Campaign]
    page: Callable[..., HttpResponse]
    change: Callable[..., None]
    message_user: Callable[..., None]
    log_addition: Callable[..., Any]

    # Unknown

    def unknown_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if not may_resolve(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._decide_about_unknown(request, campaign)
        return self._show_unknown(request, campaign)

    def _show_unknown(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        found, people = decisions(campaign), _people(campaign, None)
        batches = _undecided_after(campaign, as_id(request.GET.get("after")))
        shown = batches[:PER_PAGE]
        cost = learn_cost(accounts.state(campaign.account))
        return self.page(
            request,
            "unknown",
            campaign,
            batches=_rows(shown, campaign, cost),
            next_after=shown[-1].pk if len(batches) > PER_PAGE else None,
            undecided=words.number(people),
            anybody=people > 0,
            decided={
                "sent": words.number(found.treated_as_sent),
                "failed": words.number(found.treated_as_failed),
                "resend": words.number(found.sent_again),
            },
            cost=cost_in_words(cost),
            decisions=Resolution.choices,
            back=self.home(campaign),
        )

    def _decide_about_unknown(
        self, request: HttpRequest, campaign: Campaign
    ) -> HttpResponse:
        """First the question, with how many there are; then, confirmed, the deed."""
        here = HttpResponseRedirect(self.campaign_url(campaign, "unknown"))
        decision = request.POST.get("decision", "")
        everybody = "all" in request.POST
        ids = [as_id(value) for value in request.POST.getlist("batch")]
        if decision not in Resolution.values or not (ids or everybody):
            note = _("Choose batches, or all of them, and what shall become of them.")
            self.message_user(request, note, messages.ERROR)
            return here
        chosen = None if everybody else ids
        people = _people(campaign, chosen)
        if request.POST.get("confirmed") != str(people):
            return self._ask_about_unknown(
                request, campaign, decision, ids, everybody, people
            )
        if decision == Resolution.RESEND:
            return self.follow_up(request, campaign, partial(_unknown, chosen), here)
        self._treat_unknown(request, campaign, Resolution(decision), chosen)
        return here

    def _ask_about_unknown(
        self,
        request: HttpRequest,
        campaign: Campaign,
        decision: str,
        ids: list[int],
        everybody: bool,
        people: int,
    ) -> HttpResponse:
        if "confirmed" in request.POST:
            note = _(
                "The campaign has changed since you looked. Read the numbers again."
            )
            self.message_user(request, note, messages.WARNING)
        return self.page(
            request,
            "unknown_confirm",
            campaign,
            question=QUESTIONS[decision],
            explanation=EXPLANATIONS[decision],
            decision=decision,
            label=Resolution(decision).label,
            ids=ids,
            everybody=everybody,
            people=words.number(people),
            version=people,
            danger=decision == Resolution.RESEND,
            back=self.campaign_url(campaign, "unknown"),
        )

    def _treat_unknown(
        self,
        request: HttpRequest,
        campaign: Campaign,
        decision: Resolution,
        chosen: list[int] | None,
    ) -> None:
        # In slices of its own: one transaction would hold the account for all of them.
        try:
            count = resolve(campaign.pk, decision, batches=chosen, by=request.user)
        except CampaignError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        done = ngettext(
            "%(decision)s: %(count)s unknown recipient.",
            "%(decision)s: %(count)s unknown recipients.",
            count,
        ) % {"decision": decision.label, "count": words.number(count)}
        self.change(request, campaign, lambda: None, log=done, done=done)

    # Failed

    def retry_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if not may_resolve(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._retry_causes(request, campaign)
        return self.page(
            request,
            "retry",
            campaign,
            causes=[
                {
                    "key": cause.key,
                    "words": cause.words,
                    "people": words.number(cause.people),
                    "is_permanent": cause.is_permanent,
                }
                for cause in causes(campaign)
            ],
            back=self.home(campaign),
        )

    def _retry_causes(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        here = HttpResponseRedirect(self.campaign_url(campaign, "retry"))
        keys = request.POST.getlist("cause")
        if not keys:
            note = _("Choose at least one cause.")
            self.message_user(request, note, messages.ERROR)
            return here
        return self.follow_up(request, campaign, partial(_failed, keys), here)

    def follow_up(
        self,
        request: HttpRequest,
        campaign: Campaign,
        choose: Callable[[], Choice],
        otherwise: HttpResponse,
    ) -> HttpResponse:
        """A worker prepares it; its review page waits for that."""
        made: list[Campaign] = []

        def begin() -> None:
            follow_up, token = follow_ups.begin(campaign.pk, choose(), by=request.user)
            made.append(follow_up)
            note = _("A follow-up of “%(name)s”.") % {"name": campaign.name}
            self.log_addition(request, follow_up, note)
            transaction.on_commit(
                partial(tasks.wake_prepare, follow_up.pk, token), using=database.alias()
            )

        log = _("A follow-up was made.")
        self.change(request, campaign, begin, log=log, done="")
        return HttpResponseRedirect(self.home(made[0])) if made else otherwise


def undecided(campaign: Campaign) -> QuerySet[Batch]:
    decided = F("treated_sent_count") + F("treated_failed_count") + F("resend_count")
    found = Batch.objects.filter(campaign=campaign, unknown_count__gt=decided)
    return (
        found.annotate(open_count=F("unknown_count") - decided)
        .select_related("attempt")
        .order_by("pk")
    )


def _undecided_after(campaign: Campaign, after: int) -> list[Batch]:
    """One more than a page, if there are so many."""
    # Sorted by a sum, or the planner walks over the batches of all campaigns in their order.
    open_ones = undecided(campaign).filter(pk__gt=after).order_by(F("pk") + 0)
    ids = list(open_ones.values_list("pk", flat=True)[: PER_PAGE + 1])
    return list(undecided(campaign).filter(pk__in=ids))


def _people(campaign: Campaign, chosen: list[int] | None) -> int:
    """By the index of what is undecided: also in a campaign of a million batches."""
    found = undecided(campaign).order_by()
    if chosen is not None:
        found = found.filter(pk__in=chosen)
    return int(found.aggregate(people=Sum("open_count"))["people"] or 0)


def _unknown(chosen: list[int] | None) -> Choice:
    return follow_ups.unknown(chosen)


def _failed(keys: list[str]) -> Choice:
    return follow_ups.failed(codes=keys)


def _rows(batches: list[Batch], campaign: Campaign, cost: Cost) -> list[dict[str, Any]]:
    found = evidence(batches, campaign.account, cost)
    return [
        {
            "id": batch.pk,
            "number": words.number(batch.number),
            "people": words.number(batch.open_count),  # type: ignore[attr-defined]
            "when": words.moment(batch.attempt.stamped_at) if batch.attempt else "",
            "http_status": batch.attempt.http_status if batch.attempt else None,
            "said": _said(batch),
            "evidence": evidence_in_words(found[batch.pk]),
        }
        for batch in batches
    ]


def _said(batch: Batch) -> str:
    """What came back, as it was kept."""
    if batch.attempt and batch.attempt.error:
        return translated(batch.attempt.error)
    return translated(batch.error) or _("The gateway's answer left them out.")
