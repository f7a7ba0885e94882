"""Links to opt out while a text is written: their buttons, what is missing, what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.admin.words import duration, number
from csms_campaigns.engine import opt_out_links
from csms_campaigns.engine.audience_size import audience_size
from csms_campaigns.engine.forecast import seconds_until_sent
from csms_campaigns.engine.opt_out_links import OF_CAMPAIGN, OF_PERSON
from csms_campaigns.engine.selection import Selection
from csms_campaigns.sms.placeholders import Message, Placeholder


def buttons() -> list[dict[str, str]]:
    """None where a text cannot have such links."""
    if opt_out_links.problem():
        return []
    notes = {
        OF_CAMPAIGN: _(
            "A link to opt out: the same for everybody, so it costs nothing."
        ),
        OF_PERSON: _(
            "A link for each person: a request for each, instead of shared ones."
        ),
    }
    return [
        {"name": name, "written": f"{{{{ {name} }}}}", "note": note}
        for name, note in notes.items()
    ]


def warnings(message: Message, chosen: Selection, account: str) -> Iterator[str]:
    if opt_out_links.uses(message) and (problem := opt_out_links.problem()):
        yield problem
    if OF_PERSON in message.names:
        yield price(chosen, account)


def price(chosen: Selection, account: str) -> str:
    """Of a personal link, in requests and time, for the people who are chosen."""
    general = _(
        "With {{ personal_opt_out_url }} each person costs a request of their own. "
        "{{ opt_out_url }}, one link for all, costs none."
    )
    try:
        options = conf.account(account)
    except ImproperlyConfigured:
        return general
    people = audience_size(chosen.list_ids, chosen.exclude_ids, chosen.audiences).people
    plain = math.ceil(people / options.batch_size)
    if people <= plain:
        return general
    text = _(
        "With {{ personal_opt_out_url }} each person costs a request of their own: about "
        "%(requests)s requests in %(time)s, instead of %(plain)s in %(less)s. "
        "{{ opt_out_url }}, one link for all, costs none."
    )
    return text % {
        "requests": number(people),
        "time": duration(seconds_until_sent(options, people)),
        "plain": number(plain),
        "less": duration(seconds_until_sent(options, plain)),
    }


def with_links(text: str, message: Message) -> str:
    """The text as it is written, but for its links, which are in `message` already."""
    if not any(name in text.casefold() for name in opt_out_links.NAMES):
        return text
    return "".join(_written(piece) for piece in message.pieces)


def _written(piece: str | Placeholder) -> str:
    if isinstance(piece, str):
        return piece
    default = f'|default:"{piece.default}"' if piece.default is not None else ""
    return f"{{{{ {piece.name}{default} }}}}"
