"""The demo site's settings come from the environment, and a bad value is one sentence."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from csms_campaigns.conf import EXAMPLE_KEY
from project.databases import database
from project.environment import Environment
from project.secret_key import kept_in

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
import json
from django.conf import settings as s
db = s.DATABASES["default"]
print(json.dumps({
    "account": s.CSMS_CAMPAIGNS["ACCOUNTS"]["default"],
    "region": s.CSMS_CAMPAIGNS["DEFAULT_REGION"],
    "database": {k: db[k] for k in ("ENGINE", "NAME", "HOST")},
    "options": db.get("OPTIONS", {}),
    "broker": s.CELERY_BROKER_URL,
    "debug": s.DEBUG, "hosts": s.ALLOWED_HOSTS, "secret": s.SECRET_KEY,
}))
"""


def python(*words: str, folder: Path, **variables: str) -> Any:
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "CSMS_DEMO_DIR": str(folder),
        **variables,
    }
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=env,
        text=True,
        capture_output=True,
        check=False,
    )


def settings(folder: Path, **variables: str) -> dict[str, Any]:
    done = python("-c", SHOW, folder=folder, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_without_any_variable_the_documented_defaults_hold(tmp_path: Path) -> None:
    found = settings(tmp_path / "new")
    assert found["account"] == {
        "API_URL": "https://customersms.pro/sms_system/api.php",
        "BATCH_SIZE": 100,
        "CONCURRENCY": 4,
        "TIMEOUT": [2.5, 60.0],
        "RATE_LIMITS": [[100, 60], [5000, 3600], [50000, 86400]],
        "MIN_GAP": None,
    }
    assert found["region"] == "US"
    assert found["database"]["NAME"] == str(tmp_path / "new" / "site.sqlite3")
    assert found["broker"] == "redis://127.0.0.1:6379/0"
    assert found["debug"] is False
    assert set(found["hosts"]) == {"127.0.0.1", "localhost", "[::1]"}


def test_every_variable_arrives(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        CSMS_API_KEY="cspro_of_a_test",
        CSMS_API_URL="http://127.0.0.1:8025/sms_system/api.php",
        CSMS_BATCH_SIZE="7",
        CSMS_CONCURRENCY="2",
        CSMS_TIMEOUT="1,9.5",
        CSMS_RATE_LIMITS="10/6,500/360",
        CSMS_MIN_GAP="0",
        CSMS_DEFAULT_REGION="SA",
        DATABASE_URL="postgres://me:word@db.example:5433/sms",
        REDIS_URL="redis://cache.example:6380/2",
        SECRET_KEY="long and random",
        DEBUG="1",
        ALLOWED_HOSTS="sms.example, www.sms.example",
    )
    assert found["account"] == {
        "API_KEY": "cspro_of_a_test",
        "API_URL": "http://127.0.0.1:8025/sms_system/api.php",
        "BATCH_SIZE": 7,
        "CONCURRENCY": 2,
        "TIMEOUT": [1.0, 9.5],
        "RATE_LIMITS": [[10, 6], [500, 360]],
        "MIN_GAP": 0,
    }
    assert found["region"] == "SA"
    assert found["database"] == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "sms",
        "HOST": "db.example",
    }
    assert found["broker"] == "redis://cache.example:6380/2"
    assert (found["secret"], found["debug"]) == ("long and random", True)
    assert found["hosts"] == ["sms.example", "www.sms.example"]


def test_a_named_sqlite_file_gets_the_options_that_the_engine_needs(
    tmp_path: Path,
) -> None:
    found = settings(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/of/mine.sqlite3")
    assert found["options"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
    assert (tmp_path / "of").is_dir()


@pytest.mark.parametrize(
    ("debug", "url", "expected"),
    [
        ("1", "http://127.0.0.1:8025/sms_system/api.php", EXAMPLE_KEY),
        ("1", "http://localhost:8025/", EXAMPLE_KEY),
        ("0", "http://127.0.0.1:8025/sms_system/api.php", None),
        ("1", "https://customersms.pro/sms_system/api.php", None),
        ("1", "http://127.0.0.1.example/", None),
    ],
)
def test_the_example_key_stands_in_only_at_the_sandbox_and_with_debug(
    tmp_path: Path, debug: str, url: str, expected: str | None
) -> None:
    found = settings(tmp_path, DEBUG=debug, CSMS_API_URL=url)
    assert found["account"].get("API_KEY") == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CSMS_BATCH_SIZE", "0"),
        ("CSMS_BATCH_SIZE", "many"),
        ("CSMS_CONCURRENCY", "-1"),
        ("CSMS_TIMEOUT", "2.5"),
        ("CSMS_TIMEOUT", "0,60"),
        ("CSMS_TIMEOUT", "2.5,60,3"),
        ("CSMS_TIMEOUT", "nan,inf"),
        ("CSMS_RATE_LIMITS", "100"),
        ("CSMS_RATE_LIMITS", "100/60;5000/3600"),
        ("CSMS_RATE_LIMITS", "100/0"),
        ("CSMS_MIN_GAP", "-0.1"),
        ("CSMS_API_URL", "customersms.pro"),
        ("REDIS_URL", "amqp://somewhere"),
        ("DATABASE_URL", "mysql://me:hidden@db/sms"),
        ("DATABASE_URL", "nonsense"),
        ("DEBUG", "maybe"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    done = python("manage.py", "migrate", folder=tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"The environment variable {name} is wrong: set it to"
    )
    assert len(done.stderr.splitlines()) == 1
    assert "hidden" not in done.stderr


def test_an_empty_variable_counts_as_missing() -> None:
    empty = Environment({"DEBUG": "", "CSMS_MIN_GAP": "  "})
    assert empty.flag("DEBUG", False) is False
    assert empty.seconds("CSMS_MIN_GAP", None) is None
    assert not empty.has("CSMS_MIN_GAP")


def test_the_message_never_repeats_the_value() -> None:
    wrong = Environment({"REDIS_URL": "reddis://:a-password@host"})
    with pytest.raises(ImproperlyConfigured) as caught:
        wrong.address("REDIS_URL", "", "redis")
    assert "a-password" not in str(caught.value)


def test_sqlite_in_memory_needs_no_folder() -> None:
    assert database("sqlite://:memory:")["NAME"] == ":memory:"


def test_the_secret_key_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    first = kept_in(tmp_path)
    assert len(first) >= 50
    assert kept_in(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
