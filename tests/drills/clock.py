"""A wrong wall clock for one process: `install(seconds)` before anything else is imported.

Everything that asks Python for the time of day sees it; the monotonic clock stays right, as on a
machine whose time was set wrongly.
"""

from __future__ import annotations

import copyreg
import datetime as module
import time
from typing import Any

REAL = module.datetime


class _Kind(type(REAL)):  # type: ignore[misc]
    """Moments that C code made are moments too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, REAL)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, REAL)


def _revived(text: str) -> Any:
    return REAL.fromisoformat(text)


def _pickled(moment: module.datetime) -> Any:
    # Else pickle, which beat uses, misses the class under its own name.
    return _revived, (moment.isoformat(),)


def install(seconds: float) -> None:
    right = time.time
    skew = module.timedelta(seconds=seconds)

    class Wrong(REAL, metaclass=_Kind):
        # The methods give plain moments: drivers look their adapters up by the exact class.
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return REAL(*args, **kwargs)

        @classmethod
        def now(cls, tz: module.tzinfo | None = None) -> Any:
            return REAL.now(tz) + skew

        @classmethod
        def utcnow(cls) -> Any:
            return REAL.now(module.UTC).replace(tzinfo=None) + skew

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    for name in ("fromtimestamp", "fromisoformat", "combine", "strptime"):
        setattr(Wrong, name, staticmethod(getattr(REAL, name)))
    copyreg.pickle(REAL, _pickled)
    time.time = lambda: right() + seconds
    module.datetime = Wrong  # type: ignore[misc]
