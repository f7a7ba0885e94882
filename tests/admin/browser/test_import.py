"""An import in a real browser, whose worker is killed in the middle; and how its pages look."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.contacts_io import jobs, running
from csms_campaigns.contacts_io.headers import match
from csms_campaigns.contacts_io.jobs import Choice
from csms_campaigns.models import Contact, ContactImport, ContactList, OptOut
from csms_campaigns.states import ImportStage
from tests.admin import pages
from tests.admin.test_imports import url
from tests.servers.workers import Worker

ROWS = 20_000


@dataclass
class StruckWorker(Worker):
    mark: Path = field(default_factory=Path)

    def _command(self) -> list[str]:
        struck = {"tests.celery_app": "tests.admin.browser.struck_app"}
        return [struck.get(word, word) for word in super()._command()]

    def _own_env(self) -> dict[str, str]:
        return {**super()._own_env(), "STRUCK_MARK": str(self.mark)}


def people(folder: Path) -> Path:
    path = folder / "people.csv"
    rows = (f"+1212{2_000_000 + i},Person {i},City {i % 7}\n" for i in range(ROWS))
    path.write_text("Mobile,Name,City\n" + "".join(rows) + "bad,x,y\n")
    return path


def tool(page: Page, name: str) -> Any:
    return page.locator(f"[data-tool={name}]")


def begin(page: Page, site: LiveServer, path: Path) -> None:
    page.goto(site.url + pages.listing("contact"))
    tool(page, "import").click()
    page.locator("input[type=file]").set_input_files(path)
    tool(page, "upload").click()
    expect(page.locator("[name=kind_0]")).to_have_value("phone")
    page.locator("[name=new_list]").fill("Spring")
    tool(page, "check").click()


def test_an_import_whose_worker_is_killed_in_the_middle(
    boss: User,
    transactional_db: None,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
    worker: Callable[..., Worker],
    tmp_path: Path,
    redis_url: str,
    wait_until: Callable[..., Any],
) -> None:
    mark, name = tmp_path / "struck", str(connection.settings_dict["NAME"])
    victim = StruckWorker(name, tmp_path / "victim.log", mark=mark).start()
    try:
        page = signed_in(boss)
        begin(page, strict_site, people(tmp_path))
        expect(tool(page, "confirm")).to_be_visible(timeout=60_000)
        expect(page.locator("[data-kind=created] dd")).to_have_text("20,000")
        tool(page, "confirm").click()
        wait_until(mark.exists)
        wait_until(lambda: not victim.is_alive)
    finally:
        victim.end()
    told = ContactImport.objects.get()
    assert (told.stage, told.slice_count) == (ImportStage.IMPORTING, 2)
    assert told.counts["created"] == Contact.objects.count() == 10_000
    expect(page.locator("[data-figure=created]")).to_have_text("10,000")
    # A minute passes, and the tick finds another worker.
    past = timezone.now() - timedelta(seconds=1)
    ContactImport.objects.update(lease_until=past)
    worker()
    # The page follows by itself: no reload here.
    expect(tool(page, "report")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-kind=created] dd")).to_have_text("20,000")
    expect(page.locator("[data-kind=invalid] dd")).to_have_text("1")
    with page.expect_download() as download:
        tool(page, "report").click()
    rows = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert rows[1].startswith("20002,bad,left out,not_a_number,")
    assert len(rows) == 2
    assert Contact.objects.count() == ROWS
    assert ContactList.objects.get(name="Spring").contacts.count() == ROWS
    assert faults == []


def checked() -> ContactImport:
    Contact.objects.create(phone="+12125550102", name="Ben", attributes={"city": "Rom"})
    OptOut.objects.create(phone="+12125550103")
    content = (
        "Phone,Name,City,A rather long heading of a column that nobody needs,\n"
        "+12125550101,Ann,Oslo,x,y\n+12125550102,Benjamin,Rome,,\n"
        "+12125550103,أحمد,جدة,,\n+12125550101,Anna,,,\n12,Short,,,\n"
    )
    stream = io.BytesIO(content.encode())
    job = jobs.upload(stream, name="people of the spring fair 2026.csv")
    columns = match(content.splitlines()[0].split(","))
    chosen = ContactList.objects.create(name="Spring")
    token = jobs.begin_check(job.pk, Choice(columns, "US", lists=[chosen]))
    running.run_once(job.pk, str(token))
    return ContactImport.objects.get(pk=job.pk)


def test_narrow_phones_need_no_sideways_scrolling(
    boss: User,
    transactional_db: None,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    job = checked()
    for language in ("en", "ar"):
        page = signed_in(boss, language)
        page.set_viewport_size({"width": 390, "height": 800})
        for address in (
            pages.adding("contactimport"),
            url(job, "columns"),
            url(job, "change"),
        ):
            page.goto(strict_site.url + address)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, address
    assert faults == []


def test_without_javascript_and_with_the_keyboard(
    boss: User, transactional_db: None, browser: Browser, strict_site: LiveServer
) -> None:
    job = checked()
    context = browser.new_context(java_script_enabled=False)
    client = Client()
    client.force_login(boss)
    session = client.cookies["sessionid"].value
    context.add_cookies(
        [{"name": "sessionid", "value": session, "url": strict_site.url}]
    )
    page = context.new_page()
    page.goto(strict_site.url + url(job, "change"))
    tool(page, "confirm").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-figure=step]")).to_have_text("Waiting for a worker")
    fresh = ContactImport.objects.get(pk=job.pk)
    running.run_once(job.pk, str(fresh.token))
    page.get_by_role("link", name="Reload").click()
    expect(tool(page, "report")).to_be_visible()
    context.close()
