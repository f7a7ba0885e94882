"""Audiences from the site's own tables: `AUDIENCES` names a callable or a queryset."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.db.models import Manager, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.audiences import AudiencePerson
from csms_campaigns.engine.database import is_postgresql
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.sms.placeholders import normalise_name

logger = logging.getLogger("csms_campaigns.engine")

CHUNK: Final = 2000


def names() -> list[str]:
    """As a form offers them."""
    return sorted(conf.audiences())


def check_names(chosen: Iterable[str]) -> None:
    known = conf.audiences()
    for name in chosen:
        if name not in known:
            text = _(
                "There is no audience “%(name)s” any more: choose another, or ask who "
                "keeps the site to put it back into AUDIENCES."
            )
            raise CampaignError(text % {"name": name}, "no_such_audience")


def people_of(name: str) -> Iterator[AudiencePerson]:
    """Streamed. `CampaignError` says in one sentence what is wrong with the site's code."""
    for one in _guarded(name):
        try:
            yield person(one)
        except (AttributeError, KeyError, TypeError) as error:
            text = _(
                "The audience “%(name)s” holds somebody without a phone: %(what)s."
            )
            said = {"name": name, "what": type(one).__name__}
            raise CampaignError(text % said, "bad_audience") from error


def count(name: str) -> int | None:
    """The people of a queryset; None where they would have to be read to be counted."""
    try:
        found = _source(name)
    except CampaignError:
        return None
    if isinstance(found, QuerySet):
        return found.count()
    return len(found) if isinstance(found, list | tuple) else None


def attribute_names(name: str, sample: int) -> set[str]:
    """Normalised names of the attributes that its first people have."""
    found = islice(people_of(name), sample)
    return {normalise_name(key) for one in found for key in one.attributes}


def person(found: Any) -> AudiencePerson:
    """From what an audience may hold: an `AudiencePerson`, a dict, a named tuple, an object.

    Of a dict every other key is an attribute too, so that `.values(…)` will do.
    """
    if isinstance(found, AudiencePerson):
        return found
    if hasattr(found, "_asdict"):
        found = found._asdict()
    if isinstance(found, Mapping):
        rest = dict(found)
        phone, said = rest.pop("phone"), rest.pop("name", "")
        inner = rest.pop("attributes", None) or {}
        return AudiencePerson(phone, said, {**rest, **inner})
    return AudiencePerson(
        found.phone,
        getattr(found, "name", ""),
        getattr(found, "attributes", None) or {},
    )


def _guarded(name: str) -> Iterator[Any]:
    try:
        yield from _streamed(_source(name))
    except CampaignError:
        raise
    except Exception as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> Exception:
    """The sentence; or the error itself, where the database is away and it is tried again."""
    if isinstance(error, OperationalError | InterfaceError) and _may_pass(error):
        return error
    logger.error("The audience %r could not be read", name, exc_info=error)
    text = _("The audience “%(name)s” could not be read: %(error)s.")
    said = f"{type(error).__name__}: {error}".rstrip(". :")
    return CampaignError(text % {"name": name, "error": said}, "bad_audience")


def _source(name: str) -> Any:
    """What the site's code names, called if it can be."""
    check_names([name])
    try:
        found = import_string(conf.audiences()[name])
        if isinstance(found, Manager | QuerySet):
            return found.all()
        return found() if callable(found) else found
    except Exception as error:
        raise _unreadable(name, error) from error


def _may_pass(error: Exception) -> bool:
    # SQLite calls a column that is not there an operational error too.
    return is_postgresql() or "locked" in str(error)


def _streamed(found: Any) -> Iterable[Any]:
    if isinstance(found, Manager):
        found = found.all()
    if not isinstance(found, QuerySet):
        handed: Iterable[Any] = found
        return handed
    if getattr(found, "_fields", None) is None:  # whole rows: no instance of each
        found = found.values()
    streamed: Iterable[Any] = found.iterator(chunk_size=CHUNK)
    return streamed
