"""Copies and the archive."""

from __future__ import annotations

from datetime import time

import pytest
from django.contrib.auth.models import User

from csms_campaigns.engine import archiving, copying
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Campaign, ContactList
from csms_campaigns.states import CampaignStatus
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_copy_is_a_new_draft_of_what_was_composed() -> None:
    source = factories.sending(2, "Hello {{ name }}")
    other = ContactList.objects.create(name="Other")
    source.exclude_lists.set([other])
    Campaign.objects.filter(pk=source.pk).update(
        smart_encoding=True,
        send_from=time(9),
        send_until=time(20),
        send_days="12345",
        time_zone="Asia/Riyadh",
        audiences=["customers"],
    )
    user = User.objects.create_user("boss")
    copy = Campaign.objects.get(pk=copying.copy(source.pk, by=user).pk)
    assert copy.name == "Copy of Spring"
    assert (copy.status, copy.created_by) == (CampaignStatus.DRAFT, user)
    assert list(copy.lists.all()) == list(source.lists.all())
    assert list(copy.exclude_lists.all()) == [other]
    source.refresh_from_db()
    for name in copying.COPIED:
        assert getattr(copy, name) == getattr(source, name)
    assert copy.started_at is None
    assert copy.audience_count == 0
    assert copy.batches.count() == 0


def test_every_field_that_a_person_composes_is_copied() -> None:
    """Whatever can be edited and is no name, list or account of what happened."""
    written = {
        field.name
        for field in Campaign._meta.concrete_fields
        if field.editable and not field.auto_created
    }
    happened = {"name", "skipped_counts", "zones"}
    assert written - happened <= set(copying.COPIED)


def test_a_long_name_stays_within_its_column() -> None:
    source = factories.draft(1)
    Campaign.objects.update(name="x" * 200)
    assert len(copying.copy(source.pk).name) == 200


def test_a_follow_up_is_not_copied() -> None:
    parent = factories.draft(1)
    child = Campaign.objects.create(name="Again", parent=parent)
    with pytest.raises(CampaignError, match="copy the campaign that it follows"):
        copying.copy(child.pk)


@pytest.mark.parametrize("state", list(CampaignStatus))
def test_only_drafts_and_ended_campaigns_are_archived(state: CampaignStatus) -> None:
    campaign = factories.sending(1)
    now = campaign.started_at
    Campaign.objects.update(status=state, send_at=now, finished_at=now)
    if state in {"draft", "finished", "cancelled"}:
        archiving.archive(campaign.pk)
        campaign.refresh_from_db()
        assert campaign.archived_at is not None
    else:
        with pytest.raises(CampaignError, match="Only a draft"):
            archiving.archive(campaign.pk)
        campaign.refresh_from_db()
        assert campaign.archived_at is None
    assert campaign.status == state


def test_to_the_archive_and_back() -> None:
    campaign = factories.draft(1)
    with pytest.raises(CampaignError, match="not archived"):
        archiving.unarchive(campaign.pk)
    archiving.archive(campaign.pk)
    with pytest.raises(CampaignError, match="already archived"):
        archiving.archive(campaign.pk)
    archiving.unarchive(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.archived_at is None


def test_what_does_not_exist_is_said() -> None:
    for verb in (archiving.archive, archiving.unarchive, copying.copy):
        with pytest.raises(CampaignError, match="There is no campaign 7"):
            verb(7)
