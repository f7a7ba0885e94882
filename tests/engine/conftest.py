from __future__ import annotations

from collections.abc import Iterator

import pytest

from csms_campaigns.engine import witness
from csms_campaigns.models import Batch, Campaign


@pytest.fixture
def batch(db: None) -> Batch:
    """A batch that attempts may belong to."""
    campaign = Campaign.objects.create(name="Spring", message="Hello")
    return Batch.objects.create(
        campaign=campaign, number=1, message="Hello", segments=1
    )


@pytest.fixture
def patient_witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A busy machine is no silent witness."""
    monkeypatch.setattr(witness, "PATIENCE", 10.0)
    monkeypatch.setattr(witness._memory, "rests_until", 0.0)
    witness._server.cache_clear()
    yield
    witness._server.cache_clear()
