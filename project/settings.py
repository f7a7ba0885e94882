"""A small site around the app, set by environment variables (see docs/settings.md)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from csms_campaigns.conf import DEFAULT_API_URL, EXAMPLE_KEY
from project.databases import database
from project.environment import Environment
from project.secret_key import kept_in

env = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
# The database, the schedule of beat and the demo's files; git ignores it.
DATA_DIR = Path(env.text("CSMS_DEMO_DIR", str(BASE_DIR / ".demo")))

DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY") or kept_in(DATA_DIR)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csms_campaigns",
    "project",
    "project.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator")
]

DATABASES = {
    "default": database(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR}/site.sqlite3"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ar", _("Arabic"))]
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]  # of templates/, too
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"

# HTTPS=1 for a site that others can reach: behind a proxy that sets X-Forwarded-Proto.
HTTPS = env.flag("HTTPS", False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
X_FRAME_OPTIONS = "DENY"

# `celery -A project worker -B` needs no further option.
CELERY_BROKER_URL = env.address(
    "REDIS_URL", "redis://127.0.0.1:6379/0", "redis", "rediss", "redis+socket"
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 8
CELERY_BEAT_SCHEDULE = {
    "csms_campaigns.tick": {"task": "csms_campaigns.tasks.tick", "schedule": 10}
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")

API_URL = env.address("CSMS_API_URL", DEFAULT_API_URL, "https", "http")
ACCOUNT: dict[str, object] = {
    "API_URL": API_URL,
    "BATCH_SIZE": env.whole("CSMS_BATCH_SIZE", 100),
    "CONCURRENCY": env.whole("CSMS_CONCURRENCY", 4),
    "TIMEOUT": env.timeout("CSMS_TIMEOUT", (2.5, 60.0)),
    "RATE_LIMITS": env.limits(
        "CSMS_RATE_LIMITS", [(100, 60), (5000, 3600), (50000, 86400)]
    ),
    "MIN_GAP": env.seconds("CSMS_MIN_GAP", None),
}
IS_SANDBOX = urlsplit(API_URL).hostname in {"127.0.0.1", "localhost", "::1"}
if env.has("CSMS_API_KEY"):
    ACCOUNT["API_KEY"] = env.text("CSMS_API_KEY")
elif DEBUG and IS_SANDBOX:
    ACCOUNT["API_KEY"] = EXAMPLE_KEY  # the sandbox knows it, the provider does not
# Otherwise it stays out, and the app's system check says what to do.

CSMS_CAMPAIGNS = {
    "ACCOUNTS": {"default": ACCOUNT},
    "DEFAULT_REGION": env.text("CSMS_DEFAULT_REGION", "US"),
    "AUDIENCES": {
        "customers": "project.shop.sms.customers",
        "good customers": "project.shop.sms.good_customers",
    },
    "METRICS_TOKEN": env.text("CSMS_METRICS_TOKEN") or None,
    "PUBLIC_URL": env.text("CSMS_PUBLIC_URL") or None,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "csms_campaigns": {"level": "INFO"},
        # Without handlers of its own, or a line would be shown twice.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
