"""Another project's Celery app: `celery -A tests.diagnosis.other_project worker`."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("other", broker=os.environ["TEST_REDIS_URL"])


@app.task
def add(a: int, b: int) -> int:
    return a + b
