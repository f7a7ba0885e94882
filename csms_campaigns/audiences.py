"""For the site's own code: what an audience of `AUDIENCES` yields."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["AudiencePerson"]


class AudiencePerson(NamedTuple):
    """Somebody to text. `phone` may be written in any way that an import would take;
    `attributes` are the placeholders of messages, by name."""

    phone: str
    name: str = ""
    attributes: Mapping[str, object] = MappingProxyType({})
