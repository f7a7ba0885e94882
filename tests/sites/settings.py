"""The site of the tests, changed as other people's sites are: TEST_SITE says how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests import settings as usual
from tests.settings import *

SITE = os.environ["TEST_SITE"]
FOLDER = Path(os.environ["TEST_SITE_FOLDER"])
ROOT_URLCONF = "tests.sites.urls"


def file(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(FOLDER / f"{name}.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


DATABASES = {"default": file("default")}
INSTALLED_APPS = [*usual.INSTALLED_APPS]

if SITE == "people":
    INSTALLED_APPS = ["tests.sites.people", *INSTALLED_APPS]
    AUTH_USER_MODEL = "people.Staff"
    # No e-mail of ours, no key of ours: another default for keys too.
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

if SITE == "naive":
    USE_TZ = False
    TIME_ZONE = "Asia/Riyadh"

if SITE in {"databases", "parted"}:
    DATABASES = {"default": file("default"), "office": file("office")}
    name = "OfficeRouter" if SITE == "databases" else "AppAlone"
    DATABASE_ROUTERS = [f"tests.sites.routers.{name}"]

if SITE == "hashed":
    STATIC_ROOT = str(FOLDER / "static")
    storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": storage},
    }

if SITE == "queues":
    # A site that has queues of its own already, and sends ours to one of them.
    CELERY_TASK_DEFAULT_QUEUE = "shop"
    CELERY_TASK_ROUTES = {"shop.*": {"queue": "slow"}, "csms_campaigns.*": "texts"}
    CELERY_TASK_CREATE_MISSING_QUEUES = True
    CELERY_TASK_ACKS_LATE = True
    CELERY_TASK_TIME_LIMIT = 30
    CELERY_RESULT_BACKEND = usual.CELERY_BROKER_URL

if SITE == "unfold":
    INSTALLED_APPS = ["unfold", *INSTALLED_APPS]
