"""What is said about a text while it is written: the parts of the compose page, in words.

One implementation for the page as it is first shown and for what it asks as one types. The
work is bounded: a sample of the audience, and a count that gives up in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin import culprits, link_words
from csms_campaigns.admin.reach import reach
from csms_campaigns.admin.sentences import PLACEHOLDERS
from csms_campaigns.admin.words import number
from csms_campaigns.engine import opt_out_links
from csms_campaigns.engine.sampling import Sample, SampledPerson, sample
from csms_campaigns.engine.selection import Selection
from csms_campaigns.sms.placeholders import (
    Message,
    PlaceholderError,
    compile_message,
    unknown_names,
)
from csms_campaigns.sms.readings import Reading, Readings, read
from csms_campaigns.sms.segments import Analysis, analyse
from csms_campaigns.sms.smart_encoding import smart_encoding

SHOWN: Final = 20
"""People whose texts can be stepped through, beside the longest and the emptiest."""
DEAR: Final = 3
"""More segments than these are warned of."""
MANY: Final = 40
"""Buttons for placeholders."""


@dataclass(frozen=True)
class Composition:
    """What is in the form at the moment."""

    text: str = ""
    selection: Selection = field(default_factory=Selection)
    smart: bool = False
    has_audience: bool = True
    """A message template has none."""
    account: str = "default"

    @property
    def is_to_somebody(self) -> bool:
        return bool(self.selection.list_ids or self.selection.audiences)


def look(composed: Composition, *, count: bool = True) -> dict[str, Any]:
    """The context of the parts. Without `count` the people are not counted again."""
    found = sample(composed.selection) if composed.is_to_somebody else Sample()
    context: dict[str, Any] = {
        "placeholders": [*placeholders(found.attributes), *link_words.buttons()],
        "audience": None,
    }
    if count and composed.is_to_somebody:
        context["audience"] = reach(composed.selection, found.problem)
    return {**context, **_of_text(composed, found)}


def placeholders(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": n, "written": f"{{{{ {n} }}}}"} for n in names[:MANY]]


def _of_text(composed: Composition, found: Sample) -> dict[str, Any]:
    if not composed.text.strip():
        return {"length": None, "examples": _raw("", composed)}
    try:
        message = compile_message(composed.text)
    except PlaceholderError as error:
        sentence = str(PLACEHOLDERS[error.code]) % error.params
        return {
            "length": _length(analyse(composed.text)),
            "warnings": [sentence],
            "examples": _raw(composed.text, composed),
        }
    written = message
    message = opt_out_links.with_samples(written)
    readings = read(
        message, (person.values for person in found.people), smart=composed.smart
    )
    return {
        **_lengths(composed, message, readings),
        "warnings": [
            *link_words.warnings(written, composed.selection, composed.account),
            *_warnings(message, found, readings),
        ],
        "why": culprits.why(message, composed.text, readings, found.people),
        "smart": culprits.offer(composed.text, readings, already=composed.smart),
        **_examples(composed, message, found, readings),
    }


# How long


def _lengths(
    composed: Composition, message: Message, readings: Readings
) -> dict[str, Any]:
    longest = readings.longest
    if longest is None:
        text = link_words.with_links(composed.text, message)
        text = smart_encoding(text) if composed.smart else text
        return {"length": _length(analyse(text))}
    length = _length(longest.analysis)
    if message.names:
        length["of"] = _("The longest:")
        length["range"] = _range(readings)
    return {"length": length}


def _length(analysis: Analysis) -> dict[str, str]:
    left = ngettext(
        "%(count)s character left in this segment",
        "%(count)s characters left in this segment",
        analysis.left,
    )
    return {
        "segments": segments(analysis.segments),
        "left": left % {"count": number(analysis.left)},
        "encoding": analysis.encoding,
    }


def segments(count: int) -> str:
    text = ngettext("%(count)s segment", "%(count)s segments", count)
    return text % {"count": number(count)}


def _range(readings: Readings) -> str:
    read_people = people(readings.read)
    if readings.least == readings.most:
        text = _("%(segments)s for each, in a sample of %(people)s.")
        found = {"segments": segments(readings.most), "people": read_people}
        return text % found
    text = _("From %(least)s to %(most)s for each, in a sample of %(people)s.")
    found = {"least": number(readings.least), "most": segments(readings.most)}
    return text % {**found, "people": read_people}


def people(count: int) -> str:
    text = ngettext("%(count)s person", "%(count)s people", count)
    return text % {"count": number(count)}


# What to mend


def _warnings(message: Message, found: Sample, readings: Readings) -> Any:
    if found.people:
        for name in unknown_names(message, found.attributes):
            text = _(
                "Nobody who was looked at has a value for {{ %(name)s }}: correct the "
                "placeholder, or import that column."
            )
            yield text % {"name": name}
    for name, count in readings.missing.items():
        if name in found.attributes:
            yield _missing(name, count, found.people[readings.missing_places[name]])
    if readings.most > DEAR or (not found.people and _alone(message) > DEAR):
        text = _("A text of %(segments)s is dear: each is paid for, for each person.")
        yield text % {"segments": segments(readings.most or _alone(message))}
    for link, place in readings.broken.items():
        values = {"name": link.name, "link": link.link}
        if link.is_glued:
            text = _(
                "{{ %(name)s }} touches the link %(link)s and changes where it leads: "
                "put a space between them."
            )
        else:
            text = _(
                "{{ %(name)s }} breaks the link %(link)s for %(who)s: a link ends at a "
                "space, and holds plain letters and digits alone."
            )
            values["who"] = _who(found.people[place])
        yield text % values


def _alone(message: Message) -> int:
    written = "".join(piece for piece in message.pieces if isinstance(piece, str))
    return analyse(written).segments


def _missing(name: str, count: int, first: SampledPerson) -> str:
    text = ngettext(
        "%(count)s person of those looked at has no value for {{ %(name)s }}, and would "
        'be left out: %(who)s. Write {{ %(name)s|default:"…" }} to reach them.',
        "%(count)s people of those looked at have no value for {{ %(name)s }}, and would "
        'be left out, such as %(who)s. Write {{ %(name)s|default:"…" }} to reach them.',
        count,
    )
    return text % {"count": number(count), "name": name, "who": _who(first)}


def _who(person: SampledPerson) -> str:
    # Isolated: a number inside a right-to-left sentence would be turned around.
    return f"\u2068{person.name or person.phone}\u2069"


# How it reads


def _examples(
    composed: Composition, message: Message, found: Sample, readings: Readings
) -> dict[str, Any]:
    chosen, labels = _chosen(readings)
    if not chosen:
        return {"examples": _raw(composed.text, composed)}
    varied = bool(message.names)
    if not varied:
        labels = {}
    jumps = [
        {"name": name, "place": chosen.index(reading), "label": _labels()[name]}
        for reading, names in ((r, labels.get(r.place, ())) for r in chosen)
        for name in names
    ]
    shown = [
        _example(reading, found.people[reading.place], labels.get(reading.place, ()))
        for reading in chosen
    ]
    return {"examples": shown, "jumps": jumps}


def _labels() -> dict[str, str]:
    return {"longest": _("Longest"), "emptiest": _("Emptiest")}


def _chosen(readings: Readings) -> tuple[list[Reading], dict[int, tuple[str, ...]]]:
    """The first, then others evenly spread, with the longest and the emptiest among them."""
    longest, emptiest = readings.longest, readings.emptiest
    if longest is None or emptiest is None:
        return [], {}
    step = max(len(readings.found) / SHOWN, 1)
    count = min(SHOWN, len(readings.found))
    places = {readings.found[int(n * step)].place for n in range(count)}
    places |= {longest.place, emptiest.place}
    labels: dict[int, tuple[str, ...]] = {longest.place: ("longest",)}
    labels[emptiest.place] = (*labels.get(emptiest.place, ()), "emptiest")
    return [r for r in readings.found if r.place in places], labels


def _example(
    reading: Reading, person: SampledPerson, labels: tuple[str, ...]
) -> dict[str, Any]:
    length = _length(reading.analysis)
    return {
        "key": person.phone,
        "name": person.name,
        "phone": person.phone,
        "text": reading.text,
        "cost": f"{length['segments']} · {length['encoding']}",
        "labels": [_labels()[name] for name in labels],
    }


def _raw(text: str, composed: Composition) -> list[dict[str, Any]]:
    """The text as it stands, where there is nobody to show it for."""
    name = _("As it is written")
    if composed.has_audience and not composed.is_to_somebody:
        name = _("Choose whom it is for, to see it as they will.")
    return [{"name": name, "text": text, "key": ""}]


def audience_key(composed: Composition) -> str:
    chosen = composed.selection
    return repr((chosen.list_ids, chosen.exclude_ids, chosen.audiences))
