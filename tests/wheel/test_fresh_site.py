"""The lines of the README and of the quickstart, followed to the letter in an empty folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from csms_campaigns.conf import EXAMPLE_KEY
from tests.docs.markdown import Block, document
from tests.wheel.fresh_site import FreshSite

pytestmark = pytest.mark.once

QUICKSTART = document("docs/quickstart.md")
README = document("README.md").section("Add it to your site")
WHERE = "import csms_campaigns; print(csms_campaigns.__file__)"
WORKER_READY = " ready."


def blocks(part: str) -> list[Block]:
    return QUICKSTART.section(part).blocks()


def begin(site: FreshSite) -> None:
    """The quickstart's first block, with the fixture's own venv and installation."""
    [first] = blocks("1.")
    *installing, startproject = first.text.splitlines()
    assert [line.split(" /")[0] for line in installing] == [
        "python3 -m venv .venv",
        ". .venv/bin/activate",
        "pip install",
    ]
    site.follow(Block("sh", startproject))
    assert Path(site.run([str(site.python), "-c", WHERE]).strip()).is_relative_to(
        site.folder / ".venv"
    )


def logged_in(site: FreshSite, user: str, password: str) -> requests.Session:
    address = f"http://127.0.0.1:{site.ports['8000']}/admin/login/"
    session = requests.Session()
    session.trust_env = False
    page = session.get(address, timeout=20)
    assert page.status_code == 200
    token = session.cookies["csrftoken"]
    answer = session.post(
        address,
        data={"username": user, "password": password, "csrfmiddlewaretoken": token},
        params={"next": "/admin/"},
        timeout=20,
    )
    assert "SMS campaigns" in answer.text
    return session


def is_whole(session: requests.Session, site: FreshSite, path: str) -> str:
    address = f"http://127.0.0.1:{site.ports['8000']}{path}"
    answer = session.get(address, timeout=20)
    assert answer.status_code == 200, path
    return answer.text


def status(site: FreshSite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        site.manage("csms_campaign", "status", "1", "--json")
    )
    return found


def delivered(site: FreshSite) -> set[str]:
    address = f"http://127.0.0.1:{site.ports['8025']}/sandbox/deliveries.json"
    rows = requests.get(address, timeout=20).json()["deliveries"]
    return {row["phone"] for row in rows if row["outcome"] == "delivered"}


def test_the_quickstart_leads_to_a_finished_campaign(
    fresh_site: Callable[..., FreshSite], wait_until: Callable[..., Any]
) -> None:
    site = fresh_site()
    begin(site)
    for block in [*blocks("2."), *blocks("3.")]:
        site.follow(block)
    site.manage("makemigrations", "--check", "--dry-run")

    sandbox, worker, web = blocks("4.")
    site.keep_running(sandbox, log="sandbox", ready=site.ports["8025"])
    site.keep_running(worker, log="worker", ready=WORKER_READY)
    site.keep_running(web, log="web", ready=site.ports["8000"])

    [people] = blocks("5.")
    assert "4 new contacts" in site.follow(people)
    campaign, result = blocks("6.")
    assert site.follow(campaign).splitlines()[0] == "1"
    wait_until(lambda: status(site)["status"] == "finished", seconds=60)
    assert "sent: 3\nfailed: 1\n" in site.follow(result)

    with (site.folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["phone"]: row for row in csv.DictReader(file)}
    sent = {phone for phone, row in rows.items() if row["status"] == "sent"}
    assert sent == delivered(site) == set(rows) - {"+12125560001"}
    assert rows["+12125560001"]["error_code"] == "INVALID_NUMBER"

    session = logged_in(site, "admin", "change-me")
    pages = "/admin/csms_campaigns/campaign/"
    assert "First" in is_whole(session, site, pages)
    assert "Finished" in is_whole(session, site, f"{pages}1/progress/")
    is_whole(session, site, "/static/csms_campaigns/admin.css")
    is_whole(session, site, "/static/csms_campaigns/live.js")


def celery_app(site: FreshSite) -> None:
    """What a site with Celery has already; the README asks for it."""
    for block in blocks("2."):
        if "mysite/settings.py" not in block.text:
            site.follow(block)
    settings = "# mysite/settings.py\nCELERY_BROKER_URL = 'redis://127.0.0.1:6379/0'\n"
    site.follow(Block("python", settings))


def test_the_readme_adds_it_to_a_site_that_has_celery(
    fresh_site: Callable[..., FreshSite], wait_until: Callable[..., Any]
) -> None:
    site = fresh_site(CSMS_API_KEY=EXAMPLE_KEY)
    begin(site)
    celery_app(site)
    install, settings, run = README.blocks()
    assert install.text.startswith("pip install dist/django_csms_campaigns-")
    lines = [line for b in README.blocks() for line in b.text.splitlines()]
    assert len(lines) < 11, "under ten lines, and the comment that names the file"

    site.follow(settings)
    site.manage("check", "--fail-level", "ERROR")
    migrate, worker = run.text.splitlines()
    site.follow(Block("sh", migrate))

    # As the paragraph below says: the sandbox's address beside the key.
    address = "http://127.0.0.1:8025/sms_system/api.php"
    prose = " ".join(README.prose.split())
    assert f'"API_URL": "{address}"` beside the key' in prose
    assert EXAMPLE_KEY in prose
    place = 'CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_URL"]'
    site.follow(Block("python", f'# mysite/settings.py\n{place} = "{address}"\n'))
    sandbox = Block("sh", "python manage.py csms_sandbox --port 8025")
    site.keep_running(sandbox, log="sandbox", ready=site.ports["8025"])
    site.keep_running(Block("sh", worker), log="worker", ready=WORKER_READY)

    (site.folder / "people.csv").write_text("phone\n+12125550101\n+12125550102\n")
    site.manage("csms_import_contacts", "people.csv", "--list", "All")
    words = ["--name", "First", "--message", "Hello", "--list", "All"]
    site.manage("csms_campaign", "create", *words)
    site.manage("csms_campaign", "review", "1")
    site.manage("csms_campaign", "launch", "1")
    wait_until(lambda: status(site)["status"] == "finished", seconds=60)
    assert status(site)["sent"] == 2
    assert delivered(site) == {"+12125550101", "+12125550102"}
