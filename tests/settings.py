"""The smallest site that holds the app, at the servers of `tests.servers.addresses`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import dj_database_url

from tests.servers import addresses

BASE = Path(__file__).resolve().parent
SCRATCH = addresses.scratch()

SECRET_KEY = "tests-only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "tests.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csms_campaigns",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
USE_TZ = True
USE_I18N = True
LANGUAGES = [("en", "English"), ("ar", "العربية")]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DATABASES = {"default": dj_database_url.parse(addresses.database_url())}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: worker processes open the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test_tests.sqlite3")}
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
if "CSMS_TEST_LIVE_DB" in os.environ:
    # A worker process of a test: it works on the database that the test has made.
    DATABASES["default"]["NAME"] = os.environ["CSMS_TEST_LIVE_DB"]

CELERY_BROKER_URL = addresses.redis_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_POOL = os.environ.get("TEST_WORKER_POOL", "threads")
CELERY_BEAT_SCHEDULE = {
    "csms_campaigns.tick": {
        "task": "csms_campaigns.tasks.tick",
        "schedule": float(os.environ.get("TEST_TICK_SECONDS", "10")),
    }
}

CSMS_CAMPAIGNS = {
    "ACCOUNTS": {
        "default": {
            "API_KEY": "cspro_test_key_0001",
            "API_URL": "http://127.0.0.1:9/sms_system/api.php",
        }
    },
    "DEFAULT_REGION": "US",
}
if "CSMS_TEST_CAMPAIGNS" in os.environ:
    # The same: what the test has set, it finds too.
    CSMS_CAMPAIGNS = json.loads(os.environ["CSMS_TEST_CAMPAIGNS"])
