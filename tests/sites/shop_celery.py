"""The Celery app of a site that is not ours: `celery -A tests.sites.shop_celery worker`."""

from __future__ import annotations

from celery import Celery

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.task(name="shop.count")
def count() -> int:
    return 1
