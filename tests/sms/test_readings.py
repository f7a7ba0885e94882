from __future__ import annotations

from csms_campaigns.sms import readings as module
from csms_campaigns.sms.links import TouchedLink
from csms_campaigns.sms.placeholders import compile_message
from csms_campaigns.sms.readings import Readings, read

PEOPLE = [
    {"name": "Ann", "city": "Paris"},
    {"name": "نورة", "city": "الرياض"},
    {"name": "Maximilian von Habsburg", "city": ""},
]


def of(text: str, people: list[dict[str, str]] = PEOPLE, **options: bool) -> Readings:
    return read(compile_message(text), people, **options)


def test_each_person_has_a_reading_of_their_own() -> None:
    found = of("Hi {{ name }}").found
    assert [(r.place, r.text, r.filled) for r in found] == [
        (0, "Hi Ann", 1),
        (1, "Hi نورة", 1),
        (2, "Hi Maximilian von Habsburg", 1),
    ]


def test_least_and_most_segments() -> None:
    found = of("a" * 150 + " {{ name }}")
    assert (found.least, found.most) == (1, 3)
    assert [r.place for r in found.in_ucs_2] == [1]


def test_the_longest_costs_the_most_and_not_the_most_letters() -> None:
    longest = of("a" * 66 + " {{ name }}").longest
    assert longest is not None
    assert longest.place == 1


def test_the_emptiest_has_the_fewest_values_of_their_own() -> None:
    emptiest = of('{{ name }} of {{ city|default:"an unknown place" }}').emptiest
    assert emptiest is not None
    assert (emptiest.place, emptiest.filled) == (2, 1)


def test_who_has_no_value_is_counted_and_has_no_reading() -> None:
    found = of("{{ city }}")
    assert (found.read, len(found.found)) == (3, 2)
    assert found.missing == {"city": 1}
    assert found.missing_places == {"city": 2}


def test_a_broken_link_names_the_first_for_whom_it_is() -> None:
    found = of("https://x.com/{{ city }}/{{ name }}", PEOPLE[:2])
    assert found.broken == {
        TouchedLink("city", "https://x.com/", is_glued=False): 1,
        TouchedLink("name", "https://x.com/{{ city }}/", is_glued=False): 1,
    }
    assert of("https://x.com/{{ city }}", PEOPLE[:1]).broken == {}


def test_smart_encoding_is_read_as_it_is_sent() -> None:
    text = "“" + "a" * 90 + "” {{ name }}"
    assert of(text, PEOPLE[:1]).most == 2
    assert of(text, PEOPLE[:1], smart=True).most == 1


def test_nobody_at_all() -> None:
    found = of("Hello", [])
    assert (found.least, found.most, found.read) == (0, 0, 0)
    assert found.longest is None
    assert found.emptiest is None


def test_a_long_text_is_read_for_fewer_people() -> None:
    text = "a" * (module.MAX_CHARACTERS // 4)
    found = of(text, [{"name": "x"}] * 100)
    assert 4 <= found.read <= 6
