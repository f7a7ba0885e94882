"""compose.yaml and the Dockerfile: as much as can be known without a container engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from csms_campaigns.conf import EXAMPLE_KEY
from project.demo.processes import answers, free_port
from tests.docs.markdown import ROOT, document
from tests.project.stack import VARIABLE, Stack, compose, filled, words
from tests.servers import addresses

FILE = compose()
SERVICES: dict[str, Any] = FILE["services"]
OF_A_SERVICE = {
    *["build", "image", "restart", "environment", "volumes", "command", "ports"],
    *["depends_on", "healthcheck", "stop_grace_period", "network_mode"],
}
CONDITIONS = {"service_healthy", "service_completed_successfully", "service_started"}
OF_A_CHECK = {"test", "interval", "timeout", "retries", "start_period"}
DURATION = re.compile(r"\d+(ms|s|m)")
PROGRAMS = {"python", "celery", "gunicorn", "redis-server"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.once
def test_the_file_has_the_services_and_nothing_unknown() -> None:
    assert set(SERVICES) == {
        *["postgres", "redis", "migrate", "web", "worker", "beat", "sandbox"]
    }
    tops = {key for key in FILE if not key.startswith("x-")}
    assert tops == {"name", "services", "volumes"}


@pytest.mark.once
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_well_formed(name: str) -> None:
    one = SERVICES[name]
    assert set(one) <= OF_A_SERVICE
    assert isinstance(one["image"], str)
    assert one["restart"] in {"unless-stopped", "no"}
    for volume in one.get("volumes", []):
        source, _, target = volume.partition(":")
        assert source in FILE["volumes"]
        assert target.startswith("/")
    for port in one.get("ports", []):
        # Nothing is open to others before somebody has chosen so.
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    if "command" in one:
        assert words(one["command"])[0] in PROGRAMS
    check = one.get("healthcheck", {})
    assert set(check) <= OF_A_CHECK
    for key in {"interval", "timeout", "start_period"} & set(check):
        assert DURATION.fullmatch(check[key])


@pytest.mark.once
@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_is_there(name: str) -> None:
    waits = SERVICES[name].get("depends_on", {})
    if isinstance(waits, list):
        waits = {other: {"condition": "service_started"} for other in waits}
    for other, how in waits.items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.once
def test_every_variable_is_one_that_the_site_reads() -> None:
    known = document("docs/settings.md").section("environment variables").entries()
    for name in ("migrate", "web", "worker", "beat", "sandbox"):
        assert set(SERVICES[name]["environment"]) <= known
    asked = {found[0] for found in VARIABLE.findall(json.dumps(FILE))}
    assert asked - {"POSTGRES_PASSWORD"} <= known
    # A variable without a default would leave an empty address behind.
    assert "${" not in filled(json.dumps(FILE), {})


@pytest.mark.once
def test_the_worker_has_time_to_finish() -> None:
    lease = 2.5 + 60 + 15
    grace = SERVICES["worker"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) >= lease


@pytest.mark.once
def test_the_sandbox_is_on_the_workers_own_machine() -> None:
    """Plain http, and the key with it, leaves no machine."""
    assert SERVICES["sandbox"]["network_mode"] == "service:worker"
    url = filled(SERVICES["worker"]["environment"]["CSMS_API_URL"], {})
    assert url.startswith("http://127.0.0.1:8025/")
    key = filled(SERVICES["worker"]["environment"]["CSMS_API_KEY"], {})
    assert key == EXAMPLE_KEY


@pytest.mark.once
def test_the_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = [
        source
        for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    for source in copied:
        assert (ROOT / source).exists()
        assert source.split("/")[0] in kept
    # All that the site imports or renders.
    assert {"csms_campaigns", "project", "templates", "manage.py"} <= set(copied)
    command = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(command[0]) == words(SERVICES["web"]["command"])
    assert "USER csms" in DOCKERFILE
    assert "ENV CSMS_DEMO_DIR=/data" in DOCKERFILE


@pytest.fixture
def database_url(tmp_path: Path, database_vendor: str) -> Iterator[str]:
    """An empty database, as a new volume would hold."""
    if database_vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/site.sqlite3"
        return
    server = addresses.database_url().rpartition("/")[0]
    name = "compose"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        link.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def stack(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Stack]:
    (tmp_path / "data").mkdir()
    site, gateway = free_port(), free_port()
    environment = SERVICES["web"]["environment"]
    places = {
        filled(environment["DATABASE_URL"], {}): database_url,
        environment["REDIS_URL"]: redis_url,
        "0.0.0.0:8000": f"127.0.0.1:{site}",
        "8025": str(gateway),
        "--host 0.0.0.0": "--host 127.0.0.1",
    }
    one = Stack(tmp_path, places, {"SITE_PORT": str(site)})
    yield one
    one.stop()


CAMPAIGN = """
from csms_campaigns import api
from csms_campaigns.models import Contact, ContactList

everybody = ContactList.objects.create(name="All")
for phone in ("+12125550142", "+12125550152"):
    Contact.objects.create(phone=phone).lists.add(everybody)
campaign = api.create(name="First", message="Hello", lists=["All"])
api.review(campaign)
api.launch(campaign)
"""


def test_the_same_programs_send_a_campaign(stack: Stack, wait_until: Any) -> None:
    """In the order of `depends_on`; the site by gunicorn, worker and beat apart."""
    stack.finish("migrate")
    port = int(stack.variables["SITE_PORT"])
    stack.start("sandbox", lambda log: "Sandbox gateway" in log)
    stack.start("worker", lambda log: " ready." in log)
    beat = stack.start("beat", lambda log: "beat: Starting" in log)
    stack.start("web", lambda log: answers(port))

    stack.manage("shell", "--verbosity=0", "-c", CAMPAIGN)
    state = f"http://127.0.0.1:{stack.places['8025']}/sandbox/state.json"
    wait_until(lambda: requests.get(state, timeout=20).json()["delivered"] == 2)
    wait_until(lambda: "Sending due task csms_campaigns.tick" in beat.log.read_text())
    assert "All is well." in stack.manage("csms_doctor")
    healthy = f"http://127.0.0.1:{port}/sms/health?check=database,tick,broker"
    wait_until(lambda: requests.get(healthy, timeout=20).status_code == 200)
    page = requests.get(f"http://127.0.0.1:{port}/admin/login/", timeout=20)
    assert "csrfmiddlewaretoken" in page.text
    style = re.findall(r'href="(/static/[^"]+\.css)"', page.text)[0]
    assert (
        requests.get(f"http://127.0.0.1:{port}{style}", timeout=20).status_code == 200
    )
    check = SERVICES["web"]["healthcheck"]["test"]
    assert "http://127.0.0.1:8000/sms/health?check=database" in check
