from __future__ import annotations

import pytest

from csms_campaigns.models import Batch, Campaign


@pytest.fixture
def batch(db: None) -> Batch:
    """A batch that attempts may belong to."""
    campaign = Campaign.objects.create(name="Spring", message="Hello")
    return Batch.objects.create(
        campaign=campaign, number=1, message="Hello", segments=1
    )
