"""What the credits say of an unknown batch, in one or two sentences."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns.admin.words import number
from csms_campaigns.engine.evidence import Cost, Evidence, Per, Price, Unclear

UNCLEAR: Final[dict[Unclear, Any]] = {
    Unclear.NO_REQUEST: gettext_lazy("Unclear: no request is known for it."),
    Unclear.NO_BALANCE: gettext_lazy(
        "Unclear: the gateway has not told a balance before and after it, with nothing "
        "in flight."
    ),
    Unclear.COST_UNKNOWN: gettext_lazy(
        "Unclear: what a number costs is not known for this account yet."
    ),
    Unclear.TOPPED_UP: gettext_lazy(
        "Unclear: the credits rose in between; somebody bought some."
    ),
    Unclear.CONTRADICTION: gettext_lazy(
        "Unclear: the figures contradict each other. Perhaps credits were bought, or "
        "another program uses the key."
    ),
    Unclear.MIXED: gettext_lazy(
        "Unclear: some of the unknown were charged, but texts of different length were "
        "lost together."
    ),
}


def evidence_in_words(found: Evidence) -> dict[str, str]:
    """`verdict` in one sentence; `reasons` are the figures behind it, or empty."""
    if found.unclear:
        return {"verdict": str(UNCLEAR[found.unclear]), "reasons": _figures(found)}
    return {"verdict": _verdict(found), "reasons": _figures(found)}


def _verdict(found: Evidence) -> str:
    words = {"charged": number(found.charged or 0), "unknown": number(found.unknown)}
    if not found.charged:
        return _("Probably none of them was charged.")
    if found.charged == found.unknown:
        return _("Probably all of them were charged.")
    return _("About %(charged)s of the %(unknown)s unknown were charged.") % words


def _figures(found: Evidence) -> str:
    if not found.requests:
        return ""
    words = {
        "fell": number(found.fell),
        "explained": _plain(found.explained),
        "requests": number(found.requests),
        "unknown": number(found.unknown),
    }
    return (
        ngettext(
            "In %(requests)s request with %(unknown)s unknown, the credits fell by "
            "%(fell)s; the sends that are known explain %(explained)s.",
            "In %(requests)s requests with %(unknown)s unknown, the credits fell by "
            "%(fell)s; the sends that are known explain %(explained)s.",
            found.requests,
        )
        % words
    )


def cost_in_words(cost: Cost) -> str:
    """What a number costs, and how sure that is."""
    if not cost.prices:
        return _("What a number costs is not known yet.")
    sure = {"agreeing": number(cost.agreeing), "spans": number(cost.spans)}
    how_sure = _("%(agreeing)s of %(spans)s observations agree") % sure
    return f"{_price(cost.prices)} ({how_sure})."


def _price(prices: tuple[Price, ...]) -> str:
    words = {"credits": _plain(prices[0].credits)}
    if len(prices) > 1:
        return (
            _(
                "Credits for a text of one segment: %(credits)s; whether longer ones cost "
                "more is not known"
            )
            % words
        )
    if prices[0].per is Per.SEGMENT:
        return _("Credits for each segment: %(credits)s") % words
    return _("Credits for each number, however long the text: %(credits)s") % words


def _plain(value: Any) -> str:
    return number(int(value) if value.denominator == 1 else round(float(value), 2))
