"""What a worker tells about itself when the doctor asks: a remote control command of Celery.

No secret leaves it: settings and database are told as fingerprints that only a process with the
same SECRET_KEY can compare.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

from celery import signals
from django.utils.crypto import salted_hmac

import csms_campaigns
from csms_campaigns import conf
from csms_campaigns.engine.database import connection

COMMAND: Final = "csms_campaigns_report"
SALT: Final = "csms_campaigns.diagnosis.panel"


def report() -> dict[str, Any]:
    """Asks nobody: it is answered from the worker's main loop."""
    return {
        "version": csms_campaigns.__version__,
        "settings": _fingerprint(_settings()),
        "database": _fingerprint(_database()),
        "time": time.time(),
    }


def _fingerprint(text: str) -> str:
    return salted_hmac(SALT, text).hexdigest()[:12]


def _settings() -> str:
    # Tuples and lists are the same, and so is any order of keys.
    return json.dumps(conf.raw(), sort_keys=True, default=lambda v: type(v).__name__)


def _database() -> str:
    """Not the host: the same server has other names on other machines."""
    found = connection().settings_dict
    return f"{found['ENGINE']} {found['NAME']}"


@signals.worker_init.connect
def _answer_the_doctor(**_kwargs: Any) -> None:
    # Only here: it loads all of the worker.
    from celery.worker.control import inspect_command

    @inspect_command(name=COMMAND)
    def answer(state: Any) -> dict[str, Any]:
        """What csms_doctor compares."""
        return {**report(), "concurrency": state.consumer.controller.concurrency}
