"""What is said about a text while it is written."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns.admin.outlook import SHOWN, Composition, look
from csms_campaigns.engine.selection import Selection
from csms_campaigns.models import Contact, ContactList
from tests import factories

pytestmark = pytest.mark.django_db

PLAIN = "Your order is ready at our shop. " * 4


@pytest.fixture
def crowd() -> ContactList:
    """Three people: one writes Arabic, one has no city and a long name."""
    chosen = factories.people(1, "Crowd", city="Paris")
    for index, (name, city) in enumerate(
        [("نورة", "الرياض"), ("Maximilian von Habsburg", "")], start=1
    ):
        contact = Contact.objects.create(
            phone=factories.number(index), name=name, attributes={"city": city}
        )
        chosen.contacts.add(contact)
    return chosen


def of(text: str, *lists: ContactList, smart: bool = False) -> dict[str, Any]:
    chosen = Selection(tuple(row.pk for row in lists))
    return look(Composition(text, chosen, smart))


# How long


def test_a_text_for_nobody_is_counted_as_it_stands() -> None:
    found = of("Hello")
    assert found["length"] == {
        "segments": "1 segment",
        "left": "155 characters left in this segment",
        "encoding": "GSM-7",
    }
    assert found["audience"] is None
    (example,) = found["examples"]
    assert example["text"] == "Hello"
    assert example["name"] == "Choose whom it is for, to see it as they will."


def test_a_message_template_has_no_audience_to_choose() -> None:
    (example,) = look(Composition("Hello", has_audience=False))["examples"]
    assert example["name"] == "As it is written"


def test_nothing_is_said_about_nothing() -> None:
    found = of(" \n")
    assert found["length"] is None
    assert not found.get("warnings")


def test_least_and_most_over_the_sample(crowd: ContactList) -> None:
    length = of("a" * 150 + " {{ name }}", crowd)["length"]
    assert length["range"] == "From 1 to 3 segments for each, in a sample of 3 people."
    assert (length["of"], length["segments"]) == ("The longest:", "3 segments")
    length = of("Hi {{ name }}", crowd)["length"]
    assert length["range"] == "1 segment for each, in a sample of 3 people."


def test_without_placeholders_all_get_the_same(crowd: ContactList) -> None:
    assert "range" not in of("Hello", crowd)["length"]
    assert len(of("Hello", crowd)["examples"]) == 3
    assert of("Hello", crowd)["jumps"] == []


# Why


def said(found: dict[str, Any]) -> list[str]:
    return [culprit["words"] for culprit in found["why"]["culprits"]]


def test_each_character_that_makes_it_dear_is_named_with_its_place() -> None:
    found = of("It’s “on”\u00a0now – it’s ç 😀")
    assert found["why"]["words"].startswith("These characters are not in GSM-7")
    assert said(found) == [
        "at character 3 and 1 more place: write <kbd><bdi>&#x27;</bdi></kbd> instead",
        "at character 6: write <kbd><bdi>&quot;</bdi></kbd> instead",
        "at character 9: write <kbd><bdi>&quot;</bdi></kbd> instead",
        "NO-BREAK SPACE, at character 10: write a plain space instead",
        "at character 15: write <kbd><bdi>-</bdi></kbd> instead",
        "at character 22: write <kbd><bdi>c</bdi></kbd> instead",
    ]
    assert [c["position"] for c in found["why"]["culprits"]][:2] == [2, 5]


def test_an_emoji_can_only_be_left_out() -> None:
    found = of("Hello 😀")
    assert said(found) == ["at character 7: leave it out"]
    assert found["why"]["words"].startswith("This character is not in GSM-7")
    assert found["smart"] is None


def test_another_script_is_explained_and_not_scolded() -> None:
    found = of("مرحبا – “أهلا”")
    assert "culprits" not in found["why"]
    assert "Letters such as “م”" in found["why"]["words"]
    assert "70 characters fit a segment instead of 160" in found["why"]["words"]


def test_a_placeholder_of_another_script_is_no_culprit(crowd: ContactList) -> None:
    Contact.objects.filter(name="نورة").delete()
    Contact.objects.update(attributes={"المدينة": "Paris"})
    found = of("Hello {{ المدينة }}", crowd)
    assert found["why"] is None
    assert found["warnings"] == []


def test_values_may_force_ucs_2(crowd: ContactList) -> None:
    words = of("Hello {{ name }}", crowd)["why"]["words"]
    assert words.startswith("Your own words fit GSM-7. A value such as “نورة” makes it")
    assert "for 1 person" in words
    # Of the values, those that stand in the text.
    words = of('{{ city|default:"x" }}', crowd)["why"]["words"]
    assert "“الرياض”" in words


def test_gsm_7_needs_no_reason(crowd: ContactList) -> None:
    assert of("Hello", crowd)["why"] is None
    assert of("Hello €")["why"] is None


# Smart encoding


def test_smart_encoding_is_offered_where_it_saves() -> None:
    smart = of(PLAIN + "It’s – {{ name }}")["smart"]
    assert smart["words"] == "Plain signs instead of typographic ones save 2 segments:"
    assert smart["text"] == PLAIN + "It's - {{ name }}"
    changed = [(c["old"], c["new"]) for c in smart["changes"] if c["old"] != c["new"]]
    assert changed == [("’", "'"), ("–", "-")]


def test_it_is_not_offered_where_nothing_is_saved(crowd: ContactList) -> None:
    assert of("It’s ready")["smart"] is None
    assert of(PLAIN + "– 😀")["smart"] is None
    Contact.objects.update(name="نورة")
    assert of(PLAIN + "– {{ name }}", crowd)["smart"] is None


def test_a_campaign_that_encodes_by_itself_shows_what_it_does(
    crowd: ContactList,
) -> None:
    found = of(PLAIN + "It’s", crowd, smart=True)
    assert found["length"]["segments"] == "1 segment"
    assert found["why"] is None
    assert found["smart"]["words"] == "Smart encoding sends it so:"
    assert "text" not in found["smart"]


# Warnings


def test_a_placeholder_that_nobody_has(crowd: ContactList) -> None:
    (warning,) = of("Hi {{ nickname }}", crowd)["warnings"]
    assert warning.startswith("Nobody who was looked at has a value for {{ nickname }}")
    assert of("Hi {{ nickname }}")["warnings"] == []


def test_who_would_be_left_out(crowd: ContactList) -> None:
    (warning,) = of("Hi from {{ city }}", crowd)["warnings"]
    assert warning == (
        "1 person of those looked at has no value for {{ city }}, and would be left "
        "out: \u2068Maximilian von Habsburg\u2069. "
        'Write {{ city|default:"…" }} to reach them.'
    )
    assert of('Hi from {{ city|default:"here" }}', crowd)["warnings"] == []


def test_dear_texts(crowd: ContactList) -> None:
    for found in (of("a" * 500), of("a" * 500, crowd)):
        (warning,) = found["warnings"]
        assert warning.startswith("A text of 4 segments is dear")
    assert of("a" * 450)["warnings"] == []


def test_broken_links(crowd: ContactList) -> None:
    (warning,) = of("https://x.com/{{ name }}", crowd)["warnings"]
    assert "breaks the link https://x.com/ for \u2068Person 0\u2069" in warning
    (warning,) = of("https://x.com{{ phone }}", crowd)["warnings"]
    assert "put a space between them" in warning
    assert of("https://x.com/?p={{ phone }}", crowd)["warnings"] == []


def test_a_malformed_placeholder(crowd: ContactList) -> None:
    found = of("Hi {{ name", crowd)
    (warning,) = found["warnings"]
    assert "is not closed" in warning
    assert found["length"]["segments"] == "1 segment"


# Examples


def test_longest_and_emptiest_are_marked(crowd: ContactList) -> None:
    found = of('{{ name }} of {{ city|default:"?" }} ' + "a" * 60, crowd)
    labels = {e["name"]: e["labels"] for e in found["examples"]}
    assert labels == {
        "Person 0": [],
        "نورة": ["Longest"],
        "Maximilian von Habsburg": ["Emptiest"],
    }
    jumps = {jump["label"]: jump["place"] for jump in found["jumps"]}
    assert jumps == {"Longest": 1, "Emptiest": 2}
    assert found["examples"][1]["cost"] == "2 segments · UCS-2"


def test_a_long_list_shows_some_of_its_people_and_the_extremes() -> None:
    chosen = factories.people(150)
    last = Contact.objects.order_by("pk")[113]
    last.name = "x" * 190
    last.save()
    found = of("Hi {{ name }}", chosen)
    assert SHOWN <= len(found["examples"]) <= SHOWN + 2
    assert "x" * 190 in {e["name"] for e in found["examples"]}
    phones = [e["phone"] for e in found["examples"]]
    assert len(set(phones)) == len(phones)


# Audience


def test_the_audience_in_words(crowd: ContactList) -> None:
    factories.opt_out([factories.number(1)])
    assert of("", crowd)["audience"] == {
        "people": "2 people",
        "left_out": "1 left out: they have opted out",
        "excluded": "",
        "note": "",
        "problem": "",
    }


def test_placeholders_of_the_chosen_people(crowd: ContactList) -> None:
    assert of("", crowd)["placeholders"] == [
        {"name": name, "written": f"{{{{ {name} }}}}"}
        for name in ("name", "phone", "city")
    ]
