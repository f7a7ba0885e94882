"""Fills the demo's database as far as it is not yet: run as a program, again and again.

The last line that it prints is JSON for the supervisor.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django

if TYPE_CHECKING:
    from csms_campaigns.models import Campaign

NAME: Final = "Summer sale"
TEXT: Final = "{{ city }}: 20% off until Sunday. خصم ٢٠٪ حتى الأحد."
LOGIN: Final = ("admin", "admin")


def main() -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    add_superuser()
    add_customers()
    campaign = ready_campaign()
    result = {"campaign": campaign.pk, "status": campaign.status}
    sys.stdout.write(json.dumps(result) + "\n")


def add_superuser() -> None:
    from django.contrib.auth.models import User

    name, password = LOGIN
    if not User.objects.filter(username=name).exists():
        User.objects.create_superuser(name, "", password)


def add_customers() -> None:
    """Of the shop, whose tables are an audience; some are contacts too."""
    from project.demo import people
    from project.shop.models import Customer

    if not Customer.objects.exists():
        Customer.objects.bulk_create(
            Customer(name=name, mobile=phone, city=city, points=points)
            for name, phone, city, points in people.customers()
        )


def ready_campaign() -> Campaign:
    """The demo's campaign, made and reviewed where it is not; a later state is left alone."""
    from csms_campaigns.engine import audience
    from csms_campaigns.models import Campaign
    from csms_campaigns.states import CampaignStatus

    campaign = Campaign.objects.filter(name=NAME).first() or new_campaign()
    if campaign.status == CampaignStatus.DRAFT:
        audience.review(campaign.pk)
        campaign.refresh_from_db()
    return campaign


def new_campaign() -> Campaign:
    from django.contrib.auth.models import User

    from csms_campaigns.engine import lifecycle
    from csms_campaigns.models import ContactList
    from project.demo import people

    import_people()
    add_opt_outs()
    return lifecycle.create(
        name=NAME,
        message=TEXT,
        lists=ContactList.objects.filter(name=people.LIST),
        by=User.objects.get(username=LOGIN[0]),
    )


def import_people() -> None:
    """By the command that a person would use. Doing it twice changes nothing."""
    from django.conf import settings
    from django.core.management import call_command

    from project.demo import people

    path = Path(settings.DATA_DIR, "contacts.csv")
    people.write(path)
    options = {"list": people.LIST, "json": True}
    call_command("csms_import_contacts", str(path), stdout=io.StringIO(), **options)


def add_opt_outs() -> None:
    from csms_campaigns.models import OptOut
    from project.demo import people

    said = "Replied STOP"
    rows = [OptOut(phone=p, reason=said, source="demo") for p in people.OPTED_OUT]
    OptOut.objects.bulk_create(rows, ignore_conflicts=True)


if __name__ == "__main__":
    main()
