"""A day on somebody else's site, in a process with its settings: `python -m tests.sites.visit`.

A person uploads contacts, composes, reviews, launches and schedules in the site's own admin; the
messages for workers are taken from the broker and done here, one after the other.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import django
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
from django.utils import timezone

PASSWORD = "correct horse"
NUMBERS = ["+12125550101", "+12125550102", "+12125550103"]
LINK = re.compile(r'(?:href|src)="(/static/csms_campaigns/[^"]+)"')
WAITS = 10


class Visit:
    """`client` is signed in to the admin named `office`."""

    def __init__(self) -> None:
        from csms_campaigns import tasks

        self.client = Client()
        self.seen: list[str] = []
        self._watch(tasks)

    def _watch(self, tasks: Any) -> None:
        """A message that leaves before the commit would wake a worker for nothing."""
        from csms_campaigns.engine import database

        publish = tasks._publish

        def watched(name: str, args: list[Any]) -> bool:
            assert not connections[database.alias()].in_atomic_block, name
            return bool(publish(name, args))

        tasks._publish = watched

    def sign_in(self) -> None:
        users: Any = get_user_model()
        name = {users.USERNAME_FIELD: "boss@example.com"}
        if users.USERNAME_FIELD != "email":
            name["email"] = "boss@example.com"
        users.objects.create_superuser(password=PASSWORD, **name)
        words = {"username": "boss@example.com", "password": PASSWORD}
        answer = self.client.post("/office/login/?next=/office/", words)
        assert answer.status_code == 302, answer.content.decode()

    def get(self, url: str, status: int = 200) -> str:
        answer: Any = self.client.get(url)
        body = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code == status, (url, answer.status_code, body[:500])
        text = str(body.decode())
        for path in LINK.findall(text):
            self._is_there(path)
        self.seen.append(url)
        return text

    def _is_there(self, path: str) -> None:
        name = path.removeprefix(settings.STATIC_URL)
        if settings.STATIC_ROOT:
            assert re.search(r"\.[0-9a-f]{12}\.", name), f"{name} has no digest"
            assert Path(settings.STATIC_ROOT, name).is_file(), name
        else:
            assert finders.find(name), name

    def post(self, url: str, **data: Any) -> str:
        """Where it leads to."""
        answer: Any = self.client.post(url, data)
        shown = answer.content.decode()[:20_000]
        assert answer.status_code == 302, (url, answer.status_code, shown)
        return str(answer["Location"])

    def work(self) -> list[str]:
        """What a worker does with what waits in the broker; the names of the tasks."""
        from csms_campaigns.diagnosis import wiring

        done: list[str] = []
        [name] = wiring.our_queues()
        with current_app.connection_for_read() as broker:
            queue = broker.SimpleQueue(name)
            while len(done) < 100:
                try:
                    message = queue.get(block=False)
                except queue.Empty:
                    return done
                args, kwargs, _options = message.payload
                name = message.headers["task"]
                message.ack()
                current_app.tasks[name](*args, **kwargs)
                done.append(name)
        return done


def of(row: Any, page: str) -> str:
    name = f"office:csms_campaigns_{row._meta.model_name}_{page}"
    return reverse(name, args=[row.pk])


def import_people(visit: Visit) -> Any:
    from csms_campaigns.models import ContactImport, ContactList

    text = "phone,name\n" + "".join(f"{n},Ann {n[-1]}\n" for n in NUMBERS)
    file = SimpleUploadedFile("people.csv", text.encode())
    url = reverse("office:csms_campaigns_contactimport_add")
    visit.post(url, file=file)
    job = ContactImport.objects.get()
    visit.get(of(job, "change"))
    answer: Any = visit.client.get(of(job, "change"))
    form = answer.context["form"]
    chosen = {name: form[name].value() for name in form.fields} | {"new_list": "All"}
    visit.post(of(job, "columns"), **{k: v for k, v in chosen.items() if v is not None})
    visit.work()
    visit.get(of(job, "change"))
    visit.post(of(job, "confirm"))
    visit.work()
    job.refresh_from_db()
    assert job.stage == "done", (job.stage, visit.get(of(job, "change")))
    visit.get(of(job, "change"))
    visit.get(of(job, "report") + "?all")
    return ContactList.objects.get(name="All")


def compose(visit: Visit, chosen: Any) -> Any:
    from csms_campaigns.models import Campaign

    url = reverse("office:csms_campaigns_campaign_add")
    # In some themes the buttons stand outside of the form.
    assert 'type="submit" form="campaign_form"' in visit.get(url)
    visit.post(
        url,
        name="Spring",
        account="default",
        lists=[chosen.pk],
        message="Hello {{ name }}",
        send_days=["0", "1", "2", "3", "4", "5", "6"],
        _review="1",
    )
    campaign = Campaign.objects.get(name="Spring")
    visit.work()
    campaign.refresh_from_db()
    assert campaign.status == "ready", campaign.status
    assert campaign.created_by == get_user_model()._default_manager.get()
    return campaign


def confirmed(visit: Visit, campaign: Any, verb: str, **data: str) -> None:
    """The question with its numbers, and the answer to it."""
    question: Any = visit.client.post(of(campaign, verb), data)
    assert question.status_code == 200, (verb, question.get("Location"))
    version = question.context["version"]
    visit.post(of(campaign, verb), confirmed=version, anyway="1", **data)
    campaign.refresh_from_db()


def schedule(visit: Visit, campaign: Any) -> None:
    from csms_campaigns.engine import timetable

    words = {"at": "2090-01-31T14:30", "zone": "Asia/Riyadh"}
    confirmed(visit, campaign, "schedule", **words)
    assert campaign.status == "scheduled"
    at = timetable.aware(campaign.send_at)
    assert at.isoformat() == "2090-01-31T11:30:00+00:00"
    shown = at.astimezone(timezone.get_default_timezone()).strftime("%-I:%M")
    assert f"2090, {shown} " in visit.get(of(campaign, "review"))
    visit.get(of(campaign, "hours"))
    visit.get("/office/csms_campaigns/")
    visit.post(of(campaign, "unschedule"))
    visit.get(of(campaign, "test"))


def launch(visit: Visit, campaign: Any, gateway: Any) -> None:
    visit.get(of(campaign, "review"))
    confirmed(visit, campaign, "launch")
    assert campaign.status == "sending"
    visit.get(of(campaign, "progress"))
    for _try in range(WAITS):
        visit.work()
        campaign.refresh_from_db()
        if campaign.status == "finished":
            break
    assert campaign.status == "finished", campaign.status_reason
    assert {row["phone"] for row in gateway.deliveries} == set(NUMBERS)


def look_around(visit: Visit, campaign: Any) -> None:
    """Every list, every row, and each page that is read."""
    from django.contrib.admin import ModelAdmin

    from csms_campaigns.admin.result_filters import SPANS
    from tests.sites.urls import office

    visit.get("/office/")
    visit.get("/office/csms_campaigns/")
    found: dict[type, ModelAdmin] = dict(office._registry)
    for model in found:
        name = f"office:csms_campaigns_{model._meta.model_name}"
        visit.get(reverse(f"{name}_changelist"))
        row: Any = model._default_manager.order_by("pk").last()
        if row is not None:
            visit.get(reverse(f"{name}_change", args=[row.pk]))
    for page in ("progress", "progress_json", "course_json", "unknown", "retry"):
        visit.get(of(campaign, page))
    visit.get(of(campaign, "history"))
    results = reverse("office:csms_campaigns_sendresult_changelist")
    for span in SPANS:
        visit.get(f"{results}?time={span}")
    visit.get(f"{reverse('office:csms_campaigns_contact_invalid')}?before=2090-01-01")
    export = reverse("office:csms_campaigns_sendresult_export")
    for kind in ("csv", "xlsx"):
        exported: Any = visit.client.post(export, {"format": kind})
        assert exported.streaming, exported.status_code
        assert b"".join(exported)
    visit.get(reverse("office:csms_campaigns_campaign_overview_json"))
    visit.get("/sms/health?check=database")
    visit.get("/admin/")


def run(site: str) -> None:
    from csms_campaigns import api
    from csms_campaigns.sandbox.server import Sandbox

    for alias in connections:
        call_command("migrate", run_syncdb=True, database=alias, verbosity=0)
    call_command("makemigrations", "csms_campaigns", check=True, verbosity=0)
    call_command("check", fail_level="WARNING")
    if settings.STATIC_ROOT:
        call_command("collectstatic", interactive=False, verbosity=0)
    visit = Visit()
    visit.sign_in()
    with Sandbox(
        api_key=settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_KEY"]
    ) as g:
        settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_URL"] = g.url
        campaign = compose(visit, import_people(visit))
        schedule(visit, campaign)
        launch(visit, campaign, g)
        look_around(visit, campaign)
        assert api.opt_out(NUMBERS[0])
        call_command("csms_tick")
        call_command(
            "csms_campaign", "export", str(campaign.pk), "--output", os.devnull
        )
    assert apps.get_app_config("csms_campaigns")
    print(f"{site}: {len(visit.seen)} pages")  # noqa: T201


def main() -> None:
    # Before the settings are read: they choose the addresses of the tests' servers.
    from tests.sites import shop_celery

    shop_celery.app.set_default()
    django.setup()
    setup_test_environment()
    run(settings.SITE)


if __name__ == "__main__":
    sys.exit(main())
