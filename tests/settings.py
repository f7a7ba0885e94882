"""The smallest site that holds the app. `TEST_DATABASE_URL` and `TEST_REDIS_URL` come from conftest."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import dj_database_url

BASE = Path(__file__).resolve().parent
SCRATCH = Path(
    os.environ.setdefault("CSMS_TEST_SCRATCH", tempfile.mkdtemp(prefix="csms-tests-"))
)

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

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{SCRATCH}/tests.sqlite3")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: worker processes open the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test_tests.sqlite3")}
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }

CELERY_BROKER_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:1/0")

CSMS_CAMPAIGNS = {
    "ACCOUNTS": {
        "default": {
            "API_KEY": "cspro_test_key_0001",
            "API_URL": os.environ.get(
                "CSMS_API_URL", "http://127.0.0.1:9/sms_system/api.php"
            ),
        }
    },
    "DEFAULT_REGION": "US",
}
