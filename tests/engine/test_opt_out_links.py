"""Links in texts: what they cost in length and requests, and what they need."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings
from django.urls import path, set_script_prefix

from csms_campaigns import api
from csms_campaigns.engine import audience, opt_out_links, testing
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.opt_out_links import OF_CAMPAIGN, OF_PERSON
from csms_campaigns.engine.promise import promise
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.sms.placeholders import compile_message
from csms_campaigns.sms.segments import count_segments
from tests import factories

pytestmark = pytest.mark.django_db

HOME = "https://example.com"
urlpatterns = [path("nothing", lambda _request: None, name="nothing")]  # type: ignore[misc,arg-type,return-value]


@pytest.fixture
def home(settings: Any) -> Callable[[str | None], None]:
    def change(url: str | None) -> None:
        changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
        settings.CSMS_CAMPAIGNS = {**changed, "PUBLIC_URL": url}

    change(HOME)
    return change


def code(link: str) -> str:
    return link.rpartition("/")[2]


def texts(campaign: Campaign) -> list[str]:
    found = Batch.objects.filter(campaign=campaign).order_by("number")
    return list(found.values_list("message", flat=True))


# Links


def test_a_link_of_a_campaign(home: Any) -> None:
    link = opt_out_links.of_campaign(7)
    assert link.startswith("https://example.com/sms/o/")
    found = opt_out_links.read(code(link))
    assert found is not None
    assert (found.kind, found.campaign_id, found.is_sample) == (OF_CAMPAIGN, 7, False)


def test_a_link_of_a_person_hides_the_number(home: Any) -> None:
    link = opt_out_links.maker()("+966501234567")
    found = opt_out_links.read(code(link))
    assert found is not None
    assert (found.kind, found.phone, found.is_sample) == (
        OF_PERSON,
        "+966501234567",
        False,
    )
    assert "501234567" not in link


def test_a_link_outlives_a_rotation_of_the_key(home: Any, settings: Any) -> None:
    links = [opt_out_links.of_campaign(7), opt_out_links.maker()("+12125550100")]
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "a new one"
    assert [opt_out_links.read(code(link)) for link in links] == [None, None]
    settings.SECRET_KEY_FALLBACKS = [old]
    assert all(opt_out_links.read(code(link)) for link in links)


def test_the_address_is_that_of_the_settings(home: Any) -> None:
    home("https://example.com/below/")
    assert opt_out_links.base() == "https://example.com/below/sms/o/"
    # A worker knows no prefix, the server of the site may.
    set_script_prefix("/below/")
    try:
        assert opt_out_links.base() == "https://example.com/below/sms/o/"
    finally:
        set_script_prefix("/")


# What they need


@pytest.mark.parametrize("name", [OF_CAMPAIGN, OF_PERSON])
def test_without_an_address_the_text_is_refused(home: Any, name: str) -> None:
    home(None)
    with pytest.raises(CampaignError, match="PUBLIC_URL") as refused:
        factories.draft(2, f"Hello {{{{ {name} }}}}")
    assert refused.value.code == "no_public_url"


def test_an_address_that_is_taken_away_is_missed_at_the_review(home: Any) -> None:
    campaign = factories.draft(2, "Hello {{ opt_out_url }}")
    home(None)
    with pytest.raises(CampaignError, match="PUBLIC_URL"):
        audience.review(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "draft"


def test_without_the_page_the_text_is_refused(home: Any) -> None:
    with (
        override_settings(ROOT_URLCONF=__name__),
        pytest.raises(CampaignError, match="include csms_campaigns.urls"),
    ):
        factories.draft(2, "Hello {{ opt_out_url }}")


def test_other_texts_need_nothing(home: Any) -> None:
    home(None)
    assert factories.ready(2).status == "ready"


# In texts


def test_one_link_for_all_costs_no_request(home: Any) -> None:
    campaign = factories.ready(30, "Bye: {{ Opt_Out_URL }}")
    link = opt_out_links.of_campaign(campaign.pk)
    assert set(texts(campaign)) == {f"Bye: {link}"}
    found = promise(campaign)
    assert (found.batches, found.texts, found.placeholders) == (2, 1, [])


def test_a_personal_link_costs_a_request_each_and_it_is_told(home: Any) -> None:
    campaign = factories.ready(30, "Bye: {{ personal_opt_out_url }}")
    found = promise(campaign)
    assert (found.batches, found.batches_of_one_text) == (30, 2)
    assert found.placeholders == [OF_PERSON]
    assert found.eta_seconds > found.eta_seconds_of_one_text
    results = SendResult.objects.filter(campaign=campaign).select_related("batch")
    for result in results:
        assert result.batch is not None
        link = opt_out_links.read(code(result.batch.message))
        assert link is not None
        assert link.phone == result.phone


def test_links_beside_names_and_attributes(home: Any) -> None:
    message = "{{ name }} in {{ city }}: {{ opt_out_url }} {{ personal_opt_out_url }}"
    campaign = factories.ready(2, message, lists=[factories.people(2, city="Oslo")])
    first = texts(campaign)[0].split()
    assert first[:4] == ["Person", "0", "in", "Oslo:"]
    assert first[4] == opt_out_links.of_campaign(campaign.pk)
    assert first[5] == opt_out_links.maker()(factories.number(0))


def test_an_attribute_of_that_name_is_not_taken_for_the_link(home: Any) -> None:
    lists = [factories.people(1, opt_out_url="x", personal_opt_out_url="y")]
    message = "{{ opt_out_url }} {{ personal_opt_out_url }}"
    [text] = texts(factories.ready(message=message, lists=lists))
    assert all(part.startswith(HOME) for part in text.split())


def test_people_of_the_sites_own_tables_have_a_link_too(
    home: Any, settings: Any
) -> None:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    own = {"two": f"{__name__}.two_people"}
    settings.CSMS_CAMPAIGNS = {**changed, "AUDIENCES": own}
    message = "{{ personal_opt_out_url }} {{ city }}"
    campaign = api.create(name="Own", message=message, audiences=["two"])
    api.review(campaign)
    found = [opt_out_links.read(code(text.split()[0])) for text in texts(campaign)]
    assert [one.phone for one in found if one] == ["+12125550142", "+12125550143"]


def two_people() -> Any:
    from csms_campaigns.audiences import AudiencePerson

    for number in ("+12125550142", "+12125550143"):
        yield AudiencePerson(number, attributes={"city": "Oslo"})


@pytest.mark.parametrize("name", [OF_CAMPAIGN, OF_PERSON])
@pytest.mark.parametrize("fill", range(120, 136))
def test_a_sample_is_as_long_as_the_final_text(home: Any, name: str, fill: int) -> None:
    text = "x" * fill + f"{{{{ {name} }}}}"
    sample = opt_out_links.with_samples(compile_message(text)).fill({})
    campaign = factories.ready(1, text)
    [final] = texts(campaign)
    assert len(sample) == len(final)
    assert count_segments(sample) == count_segments(final)
    assert campaign.segment_count == count_segments(final)


@pytest.mark.parametrize("name", [OF_CAMPAIGN, OF_PERSON])
def test_a_test_send_has_a_sample(home: Any, name: str) -> None:
    campaign = factories.draft(2, f"Bye {{{{ {name} }}}}")
    link = opt_out_links.read(code(testing.text_for(campaign)))
    assert link is not None
    assert (link.kind, link.is_sample) == (name, True)


def test_a_test_send_without_an_address_is_refused(home: Any) -> None:
    campaign = factories.draft(2, "Bye {{ opt_out_url }}")
    home(None)
    with pytest.raises(CampaignError, match="PUBLIC_URL"):
        testing.text_for(campaign)


def test_a_preview_is_never_refused(home: Any) -> None:
    home(None)
    message = opt_out_links.with_samples(compile_message("{{ opt_out_url }}"))
    assert message.fill({}).startswith("https://example.com/o/")
