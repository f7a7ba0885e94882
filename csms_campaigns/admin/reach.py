"""How many people are chosen, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin.words import number
from csms_campaigns.engine.audience_size import AudienceSize, audience_size
from csms_campaigns.engine.selection import Selection


def reach(selection: Selection, problem: str = "") -> dict[str, str]:
    size = audience_size(selection.list_ids, selection.exclude_ids, selection.audiences)
    return {
        "people": _people(size),
        "left_out": _opted_out(size.opted_out),
        "excluded": _excluded(size.excluded),
        "note": _note(size),
        "problem": problem,
    }


def _people(size: AudienceSize) -> str:
    found = {"count": number(_rounded(size.people, is_exact=size.is_exact))}
    if size.is_exact:
        return ngettext("%(count)s person", "%(count)s people", size.people) % found
    text = ngettext("about %(count)s person", "about %(count)s people", size.people)
    return text % found


def _rounded(count: int, *, is_exact: bool) -> int:
    """An estimate shows no more digits than it knows."""
    digits = len(str(count)) - 3
    return count if is_exact or digits <= 0 else round(count, -digits)


def _opted_out(count: int) -> str:
    if not count:
        return ""
    text = ngettext(
        "%(count)s left out: they have opted out",
        "%(count)s left out: they have opted out",
        count,
    )
    return text % {"count": number(count)}


def _excluded(count: int) -> str:
    if not count:
        return ""
    text = ngettext(
        "%(count)s left out: in a list that is excluded",
        "%(count)s left out: in a list that is excluded",
        count,
    )
    return text % {"count": number(count)}


def _note(size: AudienceSize) -> str:
    if size.uncounted:
        names = ", ".join(size.uncounted)
        return _("The review counts the people of %(names)s.") % {"names": names}
    return "" if size.is_exact else _("The review counts exactly.")
