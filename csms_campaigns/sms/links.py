"""Links that a placeholder touches: what a phone makes tappable may be another address.

`https://x.com/{{ name }}` ends at the first space of a name, and `https://x.com{{ name }}`
leads to another site. Phones take what stands between two spaces, so that is a link here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from csms_campaigns.sms.placeholders import Message, Placeholder

_LINK = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
_LINK_AT_THE_END = re.compile(r"(?:https?://|www\.)\S*\Z", re.IGNORECASE)
_LINK_AT_THE_START = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
_PATH = re.compile(r"(?:https?://|www\.)[^/?#\s]+[/?#]", re.IGNORECASE)
# RFC 3986, and what browsers write themselves as %XX when it is not ASCII is not among it.
_SAFE = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?#%-]*").fullmatch


@dataclass(frozen=True, slots=True)
class TouchedLink:
    """A placeholder without a space between it and a link.

    `is_glued`: the value changes where the link leads whatever it is: it stands before the
    link, or in the name of the site. Else it is part of the path, and harmless as long as the
    value has no space and no letter that a link must not have.
    """

    name: str
    link: str
    is_glued: bool


def touched_links(message: Message) -> tuple[TouchedLink, ...]:
    """Each once, in order of appearance."""
    return tuple(dict.fromkeys(_touched(message.pieces)))


def breaks(value: str) -> bool:
    """Whether a link ends, or leads elsewhere, where this value stands in it."""
    return not _SAFE(value)


def broken_by(touched: TouchedLink, values: Mapping[str, str]) -> bool:
    return touched.is_glued or breaks(values.get(touched.name, ""))


def _touched(pieces: tuple[str | Placeholder, ...]) -> Iterator[TouchedLink]:
    link = ""
    for index, piece in enumerate(pieces):
        if isinstance(piece, str):
            link = _open_link(link, piece)
            continue
        if link:
            yield TouchedLink(piece.name, link, not _PATH.match(link))
            link += f"{{{{ {piece.name} }}}}"
        elif follower := _next_link(pieces, index):
            yield TouchedLink(piece.name, follower, is_glued=True)


def _open_link(link: str, literal: str) -> str:
    """The link that is not over at the end of this literal, with what it began with."""
    text = link + literal
    if link and not re.search(r"\s", literal):
        return text
    found = _LINK_AT_THE_END.search(literal)
    return found[0] if found else ""


def _next_link(pieces: tuple[str | Placeholder, ...], index: int) -> str:
    after = pieces[index + 1] if index + 1 < len(pieces) else ""
    if not isinstance(after, str) or not _LINK_AT_THE_START.match(after):
        return ""
    found = _LINK.match(after)
    return found[0] if found else ""
