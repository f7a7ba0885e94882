"""The public page: opened by bots and people, pressed by people alone, telling nobody anything."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings

from csms_campaigns.engine import opt_out_links
from csms_campaigns.engine.opt_out_links import SAMPLE
from csms_campaigns.models import Campaign, OptOut
from csms_campaigns.views import limiting
from tests import factories

pytestmark = pytest.mark.django_db

HOME = "https://example.com"
PERSON, STRANGER = factories.number(1), "+12125550199"
EVERYWHERE = "9.9.9.7"
DUMMY = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
BROKEN = {"default": {"BACKEND": f"{__name__}.Away"}}


class Away:
    """A cache whose server does not answer."""

    def __init__(self, *_args: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        message = "Connection refused"
        raise ConnectionError(message)

    def close(self, **_kwargs: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    cache.clear()
    limiting._OWN.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def options(settings: Any) -> Callable[..., None]:
    def change(**values: Any) -> None:
        changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
        settings.CSMS_CAMPAIGNS = {**changed, **values}

    change(PUBLIC_URL=HOME)
    return change


@pytest.fixture
def campaign() -> Campaign:
    return factories.ready(3)


@pytest.fixture
def reader() -> Client:
    """Somebody without a cookie, who would be refused where a token is asked for."""
    return Client(enforce_csrf_checks=True, REMOTE_ADDR=EVERYWHERE)


def path(link: str) -> str:
    return link.removeprefix(HOME)


def common(campaign: Campaign) -> str:
    return path(opt_out_links.of_campaign(campaign.pk))


def personal(phone: str = PERSON) -> str:
    return path(opt_out_links.maker()(phone))


def samples() -> list[str]:
    return [path(opt_out_links.of_campaign(SAMPLE)), personal("+0")]


def text(response: HttpResponse) -> str:
    return response.content.decode()


def phones() -> list[str]:
    return [str(phone) for phone in OptOut.objects.values_list("phone", flat=True)]


# A campaign's link


def test_who_types_their_number_is_opted_out(
    reader: Client, campaign: Campaign
) -> None:
    assert 'name="phone"' in text(reader.get(common(campaign)))
    answer = reader.post(common(campaign), {"phone": "(212) 010-0019"})
    assert answer.status_code == 200
    assert PERSON in text(answer)
    found = OptOut.objects.get()
    assert (found.phone, found.source, found.created_by) == (PERSON, "link", None)
    assert found.reason == campaign.name


def test_digits_of_any_script(reader: Client, campaign: Campaign) -> None:
    reader.post(common(campaign), {"phone": "+١٢١٢٠١٠٠٠١٩"})
    assert phones() == [PERSON]


def test_nobody_is_told_whether_a_number_is_known(
    reader: Client, campaign: Campaign
) -> None:
    factories.opt_out([factories.number(2)])
    numbers = [PERSON, PERSON, factories.number(2), STRANGER]
    answers = [reader.post(common(campaign), {"phone": n}) for n in numbers]
    read = {text(a).replace(n, "") for a, n in zip(answers, numbers, strict=True)}
    assert len(read) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert {tuple(sorted(a.headers)) for a in answers} == {
        tuple(sorted(answers[0].headers))
    }
    assert STRANGER not in phones()


@pytest.mark.parametrize(
    "written", ["", "call me", "123", "1" * 5000, "\0", "<b>", "+0"]
)
def test_no_number_is_one_sentence(
    reader: Client, campaign: Campaign, written: str
) -> None:
    answer = reader.post(common(campaign), {"phone": written})
    assert answer.status_code == 200
    assert "This is no phone number" in text(answer)
    assert "<b>" not in text(answer).replace("<bdi", "")
    assert phones() == []


def test_a_form_without_the_field(reader: Client, campaign: Campaign) -> None:
    assert "no phone number" in text(reader.post(common(campaign)))


# A personal link


def test_a_press_opts_out_the_one_person(reader: Client) -> None:
    page = text(reader.get(personal()))
    assert re.search(r"<bdi[^>]*>19</bdi>", page)
    assert PERSON[:-2] not in page
    answer = reader.post(personal())
    assert PERSON not in text(answer)
    assert [(o.phone, o.source) for o in OptOut.objects.all()] == [
        (PERSON, "personal link")
    ]
    assert text(reader.post(personal())) == text(answer)
    assert OptOut.objects.count() == 1


def test_it_works_for_people_without_a_contact(reader: Client) -> None:
    reader.post(personal("+966501234567"))
    assert phones() == ["+966501234567"]


# Nobody presses


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("agent", ["WhatsApp/2.23.20.0", "facebookexternalhit/1.1", ""])
def test_a_preview_of_the_link_opts_nobody_out(
    reader: Client, campaign: Campaign, method: str, agent: str
) -> None:
    for link in (personal(), common(campaign)):
        for query in ("", "?phone=%2B12120100019", "?_method=POST"):
            answer = getattr(reader, method)(
                link + query, headers={"user-agent": agent}
            )
            assert answer.status_code == 200
    assert phones() == []


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(reader: Client, method: str) -> None:
    assert getattr(reader, method)(personal()).status_code == 405
    assert phones() == []


def test_a_sample_records_nothing(reader: Client) -> None:
    for link in samples():
        assert "nothing is recorded" in text(reader.get(link))
        answer = reader.post(link, {"phone": PERSON})
        assert "nothing is recorded" in text(answer)
    assert phones() == []


def test_a_real_link_is_not_called_a_sample(reader: Client, campaign: Campaign) -> None:
    for link in (personal(), common(campaign)):
        assert "nothing is recorded" not in text(reader.get(link))


# Links that are none


def test_every_wrong_link_gets_the_same_page(
    reader: Client, campaign: Campaign
) -> None:
    code = common(campaign).rpartition("/")[2]
    wrong = [
        code[:-1],
        code + "0",
        code.swapcase(),
        "0" * 14,
        "0" * 17,
        "x",
        "%00",
        "é",
    ]
    answers = [reader.get(f"/sms/o/{each}") for each in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({text(answer) for answer in answers}) == 1
    posted = reader.post(f"/sms/o/{wrong[0]}", {"phone": PERSON})
    assert (posted.status_code, text(posted)) == (404, text(answers[0]))
    assert phones() == []


def test_of_a_campaign_that_is_gone(reader: Client) -> None:
    answer = reader.post(path(opt_out_links.of_campaign(10**6)), {"phone": PERSON})
    assert answer.status_code == 200
    assert phones() == [PERSON]


# What is sent along


@pytest.mark.parametrize("wrong", [False, True])
def test_it_is_kept_out_of_caches_frames_and_search_engines(
    reader: Client, campaign: Campaign, wrong: bool
) -> None:
    answer = reader.get("/sms/o/x" if wrong else common(campaign))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["X-Frame-Options"] == "DENY"
    assert not answer.cookies
    page = text(answer)
    assert "<script" not in page
    assert "style=" not in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == [
        "/static/csms_campaigns/opt_out.css"
    ]


def test_styles_of_another_host_are_let_through(reader: Client, settings: Any) -> None:
    settings.STATIC_URL = "https://files.example.net/static/"
    policy = reader.get(personal())["Content-Security-Policy"]
    assert "style-src 'self' https://files.example.net;" in policy


def test_a_site_that_asks_everybody_to_log_in(
    campaign: Campaign, settings: Any
) -> None:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, login]):
        assert Client().get(common(campaign)).status_code == 200


def test_staff_who_are_logged_in_are_strangers_here(campaign: Campaign) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    client.post(personal())
    assert OptOut.objects.get().created_by is None


# Languages


@pytest.mark.parametrize("with_middleware", [True, False])
@pytest.mark.parametrize(
    ("asked", "language", "direction"),
    [
        ("ar-SA,ar;q=0.9,en;q=0.5", "ar", "rtl"),
        ("en-GB", "en", "ltr"),
        ("xx", "en", "ltr"),
        ("", "en", "ltr"),
    ],
)
def test_the_page_is_in_the_readers_language(
    settings: Any, asked: str, language: str, direction: str, with_middleware: bool
) -> None:
    left_out = "" if with_middleware else "django.middleware.locale.LocaleMiddleware"
    kept = [name for name in settings.MIDDLEWARE if name != left_out]
    with override_settings(MIDDLEWARE=kept):
        answer = Client().get(personal(), headers={"accept-language": asked})
    assert f'<html lang="{language}" dir="{direction}">' in text(answer)
    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]


# Limits


def test_one_address_may_ask_so_often(
    reader: Client, campaign: Campaign, options: Any
) -> None:
    options(OPT_OUT_LIMITS={"address": (3, 3600)})
    for _each in range(3):
        assert reader.post(common(campaign), {"phone": STRANGER}).status_code == 200
    late = reader.post(common(campaign), {"phone": PERSON})
    assert (late.status_code, late["Retry-After"]) == (429, "3600")
    assert "try again" in text(late)
    assert phones() == []
    other = Client(REMOTE_ADDR="9.9.9.8")
    assert other.post(common(campaign), {"phone": PERSON}).status_code == 200
    assert phones() == [PERSON]


def test_guessing_is_bounded_and_then_right_and_wrong_look_alike(
    reader: Client, campaign: Campaign, options: Any
) -> None:
    options(OPT_OUT_LIMITS={"address": (5, 3600)})
    assert {reader.get(f"/sms/o/{i}").status_code for i in range(5)} == {404}
    links = ["/sms/o/x", common(campaign), personal()]
    assert {reader.get(link).status_code for link in links} == {429}
    assert len({text(reader.get(link)) for link in links}) == 1


def test_opening_a_link_costs_nothing(
    reader: Client, campaign: Campaign, options: Any
) -> None:
    options(OPT_OUT_LIMITS={"address": (2, 3600)})
    assert {reader.get(common(campaign)).status_code for _each in range(9)} == {200}


def test_one_link_may_be_used_so_often_from_wherever(
    campaign: Campaign, options: Any
) -> None:
    options(OPT_OUT_LIMITS={"link": (3, 3600)})
    found = [
        Client(REMOTE_ADDR=f"9.9.9.{i}")
        .post(common(campaign), {"phone": STRANGER})
        .status_code
        for i in range(5)
    ]
    assert found == [200, 200, 200, 429, 429]
    assert Client().post(personal()).status_code == 200


@pytest.mark.parametrize("caches", [DUMMY, BROKEN])
def test_without_a_cache_the_process_counts_itself(
    campaign: Campaign, options: Any, reader: Client, caches: Any
) -> None:
    options(OPT_OUT_LIMITS={"address": (3, 3600)})
    with override_settings(CACHES=caches):
        found = [reader.post(personal()).status_code for _each in range(5)]
    assert found == [200, 200, 200, 429, 429]
    assert phones() == [PERSON]


@pytest.mark.parametrize(
    ("header", "sent", "expected"),
    [
        (None, {"REMOTE_ADDR": EVERYWHERE}, EVERYWHERE),
        (None, {"REMOTE_ADDR": "127.0.0.1"}, ""),
        (None, {"REMOTE_ADDR": "10.1.2.3"}, ""),
        (None, {"REMOTE_ADDR": ""}, ""),
        (None, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": EVERYWHERE}, ""),
        ("X-Real-IP", {"HTTP_X_REAL_IP": EVERYWHERE}, EVERYWHERE),
        ("X-Real-IP", {"HTTP_X_REAL_IP": "no address"}, ""),
        ("X-Real-IP", {"HTTP_X_REAL_IP": f"::ffff:{EVERYWHERE}"}, EVERYWHERE),
        (None, {"REMOTE_ADDR": f"::ffff:{EVERYWHERE}"}, EVERYWHERE),
        (None, {"REMOTE_ADDR": "::ffff:10.1.2.3"}, ""),
        (
            "X-Forwarded-For",
            {"HTTP_X_FORWARDED_FOR": f"1.2.3.4, {EVERYWHERE}"},
            EVERYWHERE,
        ),
        (None, {"REMOTE_ADDR": "2a01:4f8:1:2:3:4:5:6"}, "2a01:4f8:1:2::/64"),
    ],
)
def test_who_asks(
    rf: Any, options: Any, header: str | None, sent: dict[str, str], expected: str
) -> None:
    options(CLIENT_ADDRESS_HEADER=header)
    assert limiting.address(rf.get("/", **sent)) == expected


def test_addresses_are_not_written_down(reader: Client, options: Any) -> None:
    reader.get("/sms/o/x")
    kept = list(cache._cache)
    assert kept
    assert not any(EVERYWHERE in key for key in kept)
