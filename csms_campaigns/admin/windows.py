"""How much of each window of the limit is used, in words and as the width of a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin.words import DAY, HOUR, MINUTE, duration, number
from csms_campaigns.engine.progress import Watched
from csms_campaigns.engine.usage import WindowUse, usage

USUAL: Final[dict[int, Any]] = {
    MINUTE: gettext_lazy("Requests in the last minute"),
    HOUR: gettext_lazy("Requests in the last hour"),
    DAY: gettext_lazy("Requests in the last day"),
}


@dataclass(frozen=True)
class Window:
    """`width`: percentage of the bar."""

    name: str
    label: str
    shown: str
    width: str


def windows_of(seen: Watched) -> list[Window]:
    """None where the account has left the settings."""
    if seen.options is None:
        return []
    return in_words(usage(seen.account, seen.options, seen.moment))


def in_words(uses: list[WindowUse]) -> list[Window]:
    return [
        Window(
            name=f"window_{place}",
            label=_label(use.seconds),
            shown=_("%(done)s of %(all)s")
            % {"done": number(use.used), "all": number(use.limit)},
            width=f"{100 * use.share:.1f}",
        )
        for place, use in enumerate(uses)
    ]


def _label(seconds: float) -> str:
    if seconds in USUAL:
        return str(USUAL[int(seconds)])
    if seconds < MINUTE:
        words = {"seconds": number(seconds)}
        return _("Requests in the last %(seconds)s seconds") % words
    return _("Requests in the last %(duration)s") % {"duration": duration(seconds)}
