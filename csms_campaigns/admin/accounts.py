"""What is known of each gateway account: credits, and why it does not send. Read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.listing import EngineOwnedAdmin
from csms_campaigns.admin.words import isolated, moment, number
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import GatewayAccount


def why_blocked(account: GatewayAccount) -> str:
    """Empty where it may send."""
    until = account.blocked_until
    if not account.blocked_reason or (until and until <= timezone.now()):
        return ""
    reason = str(account.get_blocked_reason_display())
    if until:
        words = {"reason": reason, "time": moment(until)}
        return gettext("%(reason)s, until %(time)s") % words
    return gettext("%(reason)s, until somebody resumes") % {"reason": reason}


@admin.register(GatewayAccount)
class GatewayAccountAdmin(EngineOwnedAdmin):
    list_display = ["alias", "state", "credits", "credits_at", "cum", "stamped_at"]
    ordering = ("alias",)
    fields = [
        "alias",
        "state",
        "detail",
        "credits",
        "credits_at",
        "cum",
        "stamped_at",
    ]
    readonly_fields = ["state", "detail", "credits"]

    @admin.display(description=_("state"))
    def state(self, account: GatewayAccount) -> SafeString:
        reason = why_blocked(account)
        return badge("paused", reason) if reason else badge("sent", _("May send"))

    @admin.display(description=_("the gateway's words"))
    def detail(self, account: GatewayAccount) -> str:
        return translated(account.blocked_detail)

    @admin.display(description=_("remaining credits"))
    def credits(self, account: GatewayAccount) -> SafeString | None:
        if account.remaining_credits is None:
            return None
        return isolated(number(account.remaining_credits))
