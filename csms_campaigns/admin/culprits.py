"""Why a text is sent in UCS-2, and what to write instead: in words, with a diff."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin.words import number
from csms_campaigns.engine.sampling import SampledPerson
from csms_campaigns.sms.placeholders import Message, Placeholder
from csms_campaigns.sms.readings import Readings
from csms_campaigns.sms.segments import Culprit, analyse, is_gsm
from csms_campaigns.sms.smart_encoding import changes, instead, simplified
from csms_campaigns.sms.smart_encoding import smart_encoding as encoded

SHOWN: Final = 6

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


def why(
    message: Message, text: str, readings: Readings, people: tuple[SampledPerson, ...]
) -> dict[str, Any] | None:
    """None where everything is sent in GSM-7."""
    if readings.found and not readings.in_ucs_2:
        return None  # Smart encoding has made it GSM-7.
    # Of the same length, so that positions stay those of the text in the box.
    own = _PLACEHOLDER.sub(lambda match: " " * len(match[0]), text)
    found = analyse(own).culprits
    if script := next(filter(_is_of_another_script, found), None):
        text = _(
            "Letters such as “%(letter)s” are not in GSM-7, so the text is sent in UCS-2: "
            "70 characters fit a segment instead of 160."
        )
        return {"words": text % {"letter": script.char}}
    if found:
        return _list(found)
    return _because_of_values(message, readings, people)


def _is_of_another_script(culprit: Culprit) -> bool:
    is_letter = unicodedata.category(culprit.char)[0] in "LN"
    return is_letter and instead(culprit.char) is None


def _list(found: tuple[Culprit, ...]) -> dict[str, Any]:
    words = ngettext(
        "This character is not in GSM-7, so the text is sent in UCS-2: 70 characters fit "
        "a segment instead of 160.",
        "These characters are not in GSM-7, so the text is sent in UCS-2: 70 characters "
        "fit a segment instead of 160.",
        len(found),
    )
    return {"words": words, "culprits": [_culprit(c) for c in found[:SHOWN]]}


def _culprit(culprit: Culprit) -> dict[str, Any]:
    char = culprit.char
    is_seen = char.isprintable() and not char.isspace()
    words: tuple[Any, ...] = (_where(culprit), _what(instead(char)))
    if not is_seen:
        words = (culprit.name, *words)
    return {
        "shown": char if is_seen else "",
        "words": format_html("{}: {}", ", ".join(words[:-1]), words[-1]),
        "position": culprit.positions[0],
        "show": _("Show “%(char)s” in the text")
        % {"char": char if is_seen else culprit.name},
    }


def _what(written: str | None) -> str:
    if not written:
        return _("leave it out")
    if written.isspace():
        return _("write a plain space instead")
    # As a key of its own: signs such as ... would be taken for those of the sentence.
    key = format_html("<kbd><bdi>{}</bdi></kbd>", written)
    return mark_safe(escape(_("write %(instead)s instead")) % {"instead": key})  # noqa: S308 - both are escaped


def _where(culprit: Culprit) -> str:
    first = {"position": number(culprit.positions[0] + 1)}
    more = culprit.count - 1
    if not more:
        return _("at character %(position)s") % first
    text = ngettext(
        "at character %(position)s and %(more)s more place",
        "at character %(position)s and %(more)s more places",
        more,
    )
    return text % {**first, "more": number(more)}


def _because_of_values(
    message: Message, readings: Readings, people: tuple[SampledPerson, ...]
) -> dict[str, Any] | None:
    if not readings.in_ucs_2:
        return None
    count = len(readings.in_ucs_2)
    person = people[readings.in_ucs_2[0].place]
    values = [person.values.get(name, "") for name in message.names]
    values += [p.default or "" for p in message.pieces if isinstance(p, Placeholder)]
    example = next((value for value in values if not is_gsm(value)), "")
    text = ngettext(
        "Your own words fit GSM-7. A value such as “%(value)s” makes it UCS-2 for "
        "%(count)s person of those looked at: 70 characters fit a segment instead of 160.",
        "Your own words fit GSM-7. A value such as “%(value)s” makes it UCS-2 for "
        "%(count)s people of those looked at: 70 characters fit a segment instead of 160.",
        count,
    )
    return {"words": text % {"value": example, "count": number(count)}}


# Smart encoding


def offer(text: str, readings: Readings, *, already: bool) -> dict[str, Any] | None:
    """The diff, only where it saves a segment for somebody; with a text for the button,
    unless the campaign does it by itself."""
    after = simplified(text)
    if after == text:
        return None
    shown = [
        {"old": c.old, "new": c.new, "shown": _visible(c.old)} for c in changes(text)
    ]
    if already:
        is_done = bool(readings.found) and encoded(text) != text
        words = _("Smart encoding sends it so:")
        return {"words": words, "changes": shown} if is_done else None
    saved = _saved(text, readings)
    if saved <= 0:
        return None
    words = ngettext(
        "Plain signs instead of typographic ones save %(count)s segment:",
        "Plain signs instead of typographic ones save %(count)s segments:",
        saved,
    )
    return {"words": words % {"count": number(saved)}, "changes": shown, "text": after}


def _saved(text: str, readings: Readings) -> int:
    """Segments for one person, at most."""
    texts = [reading.text for reading in readings.found] or [text]
    return max(analyse(one).segments - analyse(encoded(one)).segments for one in texts)


def _visible(old: str) -> str:
    """What cannot be seen, by a sign that can."""
    return old if old.isprintable() and not old.isspace() else "␣"
