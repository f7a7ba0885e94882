"""The demo's Celery app on the settings of the tests: `celery -A tests.celery_app worker`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

from project.celery import app

__all__ = ["app"]
