"""May this text go to these lists? Each no is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms_campaigns.engine import audience, composition, lifecycle
from csms_campaigns.engine.composition import check_parts, known_attributes
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from csms_campaigns.states import CampaignStatus
from tests import factories

pytestmark = pytest.mark.django_db


def refused(call: Callable[[], object]) -> CampaignError:
    with pytest.raises(CampaignError) as error:
        call()
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)
    return error.value


def check(message: str, *lists: ContactList, account: str = "default") -> None:
    check_parts(message=message, list_ids=[one.pk for one in lists], account=account)


@pytest.fixture
def people() -> ContactList:
    return factories.people(3, city="Riyadh")


# The text


@pytest.mark.parametrize("message", ["", " ", "\n\t \r\n", "\u00a0\u2003"])
def test_a_text_that_shows_nothing(people: ContactList, message: str) -> None:
    error = refused(lambda: check(message, people))
    assert (str(error), error.code) == ("Write a message first.", "no_message")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Hi {{ name", "is not closed"),
        ("Hi name }}", "closing braces without a placeholder"),
        ("Hi {{ }}", "is empty"),
        ("Hi {{ #if }}", "has no usable name"),
        ("Hi {{ name|upper }}", "is not understood"),
        ("Hi {% if x %}", "do not work in a text message"),
    ],
)
def test_a_malformed_placeholder_is_shown_with_its_place(
    people: ContactList, message: str, words: str
) -> None:
    error = refused(lambda: check(message, people))
    assert error.code == "bad_placeholder"
    assert words in str(error)
    assert "character" in str(error)


def test_an_unknown_placeholder_is_named(people: ContactList) -> None:
    error = refused(lambda: check("Hi {{ name }} of {{ town }}", people))
    assert error.code == "unknown_placeholder"
    assert "{{ town }}" in str(error)
    assert "import that column" in str(error)


def test_a_default_does_not_make_a_placeholder_known(people: ContactList) -> None:
    """Else a typing error would greet everybody with the default."""
    error = refused(lambda: check('Hi {{ nmae|default:"friend" }}', people))
    assert error.code == "unknown_placeholder"


@pytest.mark.parametrize("name", ["name", "phone", "city", "CITY", " City "])
def test_what_is_known_passes_in_any_case(people: ContactList, name: str) -> None:
    check(f"Hi {{{{ {name} }}}}", people)


def test_a_name_that_only_one_of_many_has_is_known(
    people: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "SAMPLE", 2)
    first = Contact.objects.order_by("pk").first()
    assert first is not None
    first.attributes = {"shoe size": "44"}
    first.save()
    assert "shoe size" not in known_attributes([people.pk])
    check("Yours: {{ shoe size }}", people)


def test_a_name_known_in_another_list_only_is_unknown(people: ContactList) -> None:
    other = factories.people(1, "Others", shoe="44")
    assert refused(lambda: check("{{ shoe }}", people)).code == "unknown_placeholder"
    check("{{ shoe }}", people, other)


def test_the_names_of_lists_are_offered_with_the_built_in_ones_first(
    people: ContactList,
) -> None:
    other = factories.people(1, "Others", **{"Shoe Size": "44", "name": "x"})
    assert known_attributes([people.pk, other.pk]) == [
        "name",
        "phone",
        "city",
        "shoe size",
    ]
    assert known_attributes([]) == ["name", "phone"]


# Lists and account


def test_no_list() -> None:
    error = refused(lambda: check("Hi"))
    assert (str(error), error.code) == ("Choose at least one contact list.", "no_list")


def test_an_account_that_is_not_there(people: ContactList) -> None:
    error = refused(lambda: check("Hi", people, account="spare"))
    assert error.code == "bad_account"
    assert "“spare”" in str(error)
    assert "default" in str(error)


def test_an_account_with_a_wrong_option(people: ContactList, configure: Any) -> None:
    configure(BATCH_SIZE="many")
    error = refused(lambda: check("Hi", people))
    assert error.code == "bad_account"
    assert "['BATCH_SIZE'] is wrong" in str(error)
    assert "many" not in str(error)


def test_a_site_without_the_setting(people: ContactList, settings: Any) -> None:
    del settings.CSMS_CAMPAIGNS
    error = refused(lambda: check("Hi", people))
    assert error.code == "bad_account"
    assert "Add a dict named CSMS_CAMPAIGNS" in str(error)


# Nobody to send to: found when it is prepared


def review(message: str, *lists: ContactList) -> CampaignError:
    campaign = lifecycle.create(name="x", message=message, lists=lists)
    error = refused(lambda: audience.review(campaign.pk))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT
    assert campaign.status_reason == str(error)
    assert (campaign.audience_count, campaign.skipped_counts) == (0, {})
    assert not Batch.objects.exists()
    assert not SendResult.objects.exists()
    return error


def test_an_empty_list() -> None:
    error = review("Hi", ContactList.objects.create(name="Empty"))
    assert str(error) == "The chosen lists are empty: add contacts to them first."


def test_everybody_opted_out(people: ContactList) -> None:
    factories.opt_out(factories.number(i) for i in range(3))
    error = review("Hi", people)
    assert str(error) == "Nobody in the chosen lists can be texted (Opted out: 3)."


def test_nobody_is_left_for_several_reasons(people: ContactList) -> None:
    factories.opt_out([factories.number(0)])
    Contact.objects.update(attributes={"city": " "})
    error = review("Hi {{ city }}", people)
    assert "No value for a placeholder: 2" in str(error)
    assert "Opted out: 1" in str(error)


def test_a_reason_is_gone_after_the_next_good_review(people: ContactList) -> None:
    campaign = lifecycle.create(name="x", message="Hi", lists=[people])
    members = list(people.contacts.all())
    people.contacts.clear()
    refused(lambda: audience.review(campaign.pk))
    people.contacts.set(members)
    assert audience.review(campaign.pk).recipients == 3
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == (CampaignStatus.READY, "")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("message", " ", "no_message"),
        ("message", "{{ nobody }}", "unknown_placeholder"),
        ("account", "spare", "bad_account"),
    ],
)
def test_a_draft_that_became_wrong_is_refused_before_anything_is_done(
    people: ContactList, field: str, value: str, code: str
) -> None:
    campaign = factories.draft(lists=[people])
    Campaign.objects.update(**{field: value})
    assert refused(lambda: audience.review(campaign.pk)).code == code
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT
    assert campaign.prepare_token is None


def test_a_draft_whose_last_list_was_deleted(people: ContactList) -> None:
    campaign = factories.draft(lists=[people])
    people.delete()
    assert refused(lambda: audience.review(campaign.pk)).code == "no_list"
