"""A worker that is killed in the midst of an import: `celery -A tests.admin.browser.struck_app`."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any

from celery import signals

from tests.celery_app import app

__all__ = ["app"]


@signals.worker_init.connect
def _prepare(**_kwargs: Any) -> None:
    from csms_campaigns.contacts_io import running, spool

    slices = itertools.count(1)

    def strike(_self: object) -> None:
        """At the end of the second slice, once it is committed."""
        if next(slices) == 2:
            Path(os.environ["STRUCK_MARK"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    spool.SLICE_ROWS = 5_000  # type: ignore[misc]
    running._Work.end_of_slice = strike  # type: ignore[method-assign]
