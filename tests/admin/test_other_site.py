"""The pages work under any admin site, and link within it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.test import Client, override_settings
from django.urls import path, reverse

from csms_campaigns import admin
from csms_campaigns.models import Campaign, Contact, ContactList, SendResult

site = django_admin.AdminSite(name="backoffice")
site.register(Campaign, admin.CampaignAdmin)
site.register(Contact, admin.ContactAdmin)
site.register(ContactList, admin.ContactListAdmin)
site.register(SendResult, admin.SendResultAdmin)
urlpatterns = [path("office/", site.urls)]


@pytest.mark.parametrize("page", ["change", "review", "progress"])
def test_pages_stay_within_their_site(
    office: Client, sending: Campaign, page: str
) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        Campaign.objects.update(status="ready" if page == "review" else "sending")
        name = f"backoffice:csms_campaigns_campaign_{page}"
        answer: Any = office.get(reverse(name, args=[sending.pk]))
        assert answer.status_code == 200
        text = answer.content.decode()
        assert 'href="/office/csms_campaigns/sendresult/' in text
        assert "/admin/csms_campaigns/" not in text


def test_buttons_lead_back_to_their_site(office: Client, sending: Campaign) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        name = "backoffice:csms_campaigns_campaign_pause"
        answer = office.post(reverse(name, args=[sending.pk]))
        assert answer["Location"].startswith("/office/csms_campaigns/campaign/")
