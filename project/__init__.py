"""A small site around the app: for the demo, and to copy from."""

from __future__ import annotations

# Loaded with the site, so that its pages put their tasks on this app's broker.
from project.celery import app as celery_app

__all__ = ["celery_app"]
