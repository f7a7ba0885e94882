from __future__ import annotations

import pytest
from tests.admin import pages


@pytest.mark.parametrize("model", ["contact", "contactlist", "optout", "campaign", "batch", "attempt", "sendresult", "gatewayaccount"])
def test_lists(office, sending, model):
    r = office.get(pages.listing(model)); assert r.status_code == 200

def test_pages(office, draft):
    from csms_campaigns.engine import audience, lifecycle
    assert office.get(pages.adding("campaign")).status_code == 200
    for p in ("change","review"):
        assert office.get(pages.of(draft,p)).status_code == 200
    audience.review(draft.pk)
    r = office.get(pages.of(draft,"review")); assert r.status_code==200
    r = office.post(pages.of(draft,"launch")); assert r.status_code==200
    import re
    v = re.search(r'name="confirmed" value="([^"]+)"', pages.text(r))[1]
    r = office.post(pages.of(draft,"launch"), {"confirmed": v}, follow=True); assert r.status_code==200
    print(pages.said(r)); print(pages.text(r))
    r = office.get(pages.of(draft,"progress_json")); print(r.json())
