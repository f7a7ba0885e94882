"""The settings: each mistake gets one sentence that names the key and never shows a value."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from csms_campaigns import conf
from csms_campaigns.conf import Account, UnknownAccount, Window, default_gap

pytestmark = pytest.mark.once

KEY = "cspro_needle_7351"
GOOD: dict[str, Any] = {"ACCOUNTS": {"default": {"API_KEY": KEY}}}
WRONG: list[tuple[str, Any]] = [
    *[("API_KEY", value) for value in ("", "  \n", None, 73510, b"needle", ["needle"])],
    *[
        ("API_URL", value)
        for value in (
            "",
            None,
            73510,
            "needle",
            "ftp://needle.example/",
            "http://needle.example/api.php",
            "http://127.0.0.1.needle.example/",
            "http://localhost.needle.example/",
            "http://10.0.0.7351/",
            "http://0.0.0.0/needle",
            "http://192.168.0.1/needle",
            "https:///needle",
            "https://[needle/",
            "//needle.example/",
            "file:///needle",
        )
    ],
    *[
        (key, value)
        for key in ("BATCH_SIZE", "CONCURRENCY")
        for value in (0, -7351, 73.51, "7351", None, True, [7351], float("nan"))
    ],
    *[
        ("TIMEOUT", value)
        for value in (
            None,
            7351,
            "73",
            (7351,),
            (7351, 7351, 7351),
            (0, 7351),
            (7351, -1),
            (None, 7351),
            ("7", "3"),
            (True, 7351),
            (float("nan"), 7351),
            {7351: 1, 7352: 2},
        )
    ],
    *[
        ("RATE_LIMITS", value)
        for value in (
            None,
            7351,
            "7351/60",
            (7351, 60),
            [7351, 60],
            [(7351,)],
            [(7351, 60, 1)],
            [(0, 7351)],
            [(-7351, 60)],
            [(7351, 0)],
            [(7351, -60)],
            [("7351", 60)],
            [(73.51, 60)],
            [(7351, "60")],
            [(7351, None)],
            [(True, 7351)],
            [(7351, 60), "needle"],
            {7351: 60},
        )
    ],
    *[("MIN_GAP", value) for value in (-73.51, "0.73", [73.51], True, float("nan"))],
]


def configured(settings: Any, **options: Any) -> None:
    changed = copy.deepcopy(GOOD)
    changed["ACCOUNTS"]["default"].update(options)
    settings.CSMS_CAMPAIGNS = changed


def only_problem() -> str:
    [sentence] = conf.problems()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# Mistakes


@pytest.mark.parametrize(("key", "value"), WRONG, ids=repr)
def test_a_wrong_option_gets_one_sentence_that_names_it(
    settings: Any, key: str, value: Any
) -> None:
    configured(settings, **{key: value})
    sentence = only_problem()
    assert f"CSMS_CAMPAIGNS['ACCOUNTS']['default']['{key}'] is wrong" in sentence
    for secret in ("needle", "735", "73.51", KEY):
        assert secret not in sentence
    with pytest.raises(ImproperlyConfigured) as error:
        conf.account("default")
    assert str(error.value) == sentence


@pytest.mark.parametrize("key", sorted(conf.RULES))
def test_each_sentence_says_what_to_write(settings: Any, key: str) -> None:
    configured(settings, **{key: object()})
    assert f"set it to {conf.RULES[key][1]}." in only_problem()


def test_every_key_has_a_rule() -> None:
    assert set(conf.RULES) == conf.ACCOUNT_KEYS


def test_several_mistakes_get_a_sentence_each(settings: Any) -> None:
    configured(settings, BATCH_SIZE=0, TIMEOUT=5, API_URL="needle", PORT=1)
    found = list(conf.problems())
    assert len(found) == 4
    for key in ("BATCH_SIZE", "TIMEOUT", "API_URL", "PORT"):
        assert len([s for s in found if f"'{key}'" in s.split(" Known:")[0]]) == 1


def test_a_missing_key(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"default": {}}}
    assert "['default']['API_KEY'] is missing: set it to" in only_problem()


@pytest.mark.parametrize("key", ["api_key", "APIKEY", "URL", "RATE_LIMIT", ""])
def test_an_unknown_option_is_named_with_those_that_are_known(
    settings: Any, key: str
) -> None:
    configured(settings, **{key: "needle"})
    sentence = only_problem()
    assert f"unknown key '{key}'" in sentence
    assert "API_KEY, API_URL, BATCH_SIZE" in sentence
    assert "needle" not in sentence


def test_an_unknown_setting_is_named(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**GOOD, "ACOUNTS": "needle"}
    sentence = only_problem()
    assert sentence.startswith("CSMS_CAMPAIGNS has an unknown key 'ACOUNTS'.")
    assert "needle" not in sentence


@pytest.mark.parametrize("options", [None, "needle", ["API_KEY"], 7351])
def test_an_account_that_is_no_dict(settings: Any, options: Any) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"default": options}}
    sentence = only_problem()
    assert "['default'] must be a dict with at least an API_KEY" in sentence
    with pytest.raises(ImproperlyConfigured, match="must be a dict"):
        conf.account("default")


@pytest.mark.parametrize("accounts", [None, {}, [], "needle", 7351])
def test_no_account(settings: Any, accounts: Any) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": accounts}
    assert "['ACCOUNTS'] must name at least one account" in only_problem()


@pytest.mark.parametrize("value", [None, [], "needle", 5])
def test_a_setting_that_is_no_dict(settings: Any, value: Any) -> None:
    settings.CSMS_CAMPAIGNS = value
    assert (
        only_problem() == "Add a dict named CSMS_CAMPAIGNS to the settings of the site."
    )


def test_a_missing_setting(settings: Any) -> None:
    del settings.CSMS_CAMPAIGNS
    assert (
        only_problem() == "Add a dict named CSMS_CAMPAIGNS to the settings of the site."
    )
    for read in (conf.aliases, conf.default_region, lambda: conf.account("default")):
        with pytest.raises(ImproperlyConfigured, match="Add a dict named"):
            read()


def test_one_key_with_two_aliases(settings: Any) -> None:
    options = {"API_KEY": KEY}
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"a": options, "b": options}}
    sentence = only_problem()
    assert "'b' and 'a' have the same API_KEY" in sentence
    assert KEY not in sentence


def test_each_further_alias_of_a_key_gets_its_sentence(settings: Any) -> None:
    names = "abc"
    settings.CSMS_CAMPAIGNS = {
        "ACCOUNTS": {**{n: {"API_KEY": KEY} for n in names}, "d": {"API_KEY": "other"}}
    }
    assert len(list(conf.problems())) == 2


# Audiences


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "is wrong: set it to a dotted path"),
        (7351, "is wrong: set it to a dotted path"),
        ("needle", "is wrong: set it to a dotted path"),
        ("shop.needle.customers", "cannot be imported (No module named 'shop')"),
        ("tests.test_conf.needle", "cannot be imported"),
        ("tests.test_conf.KEY", "is neither a callable nor a queryset"),
    ],
)
def test_an_audience_that_cannot_be_read(settings: Any, path: Any, words: str) -> None:
    settings.CSMS_CAMPAIGNS = {**GOOD, "AUDIENCES": {"customers": path}}
    sentence = only_problem()
    assert sentence.startswith("CSMS_CAMPAIGNS['AUDIENCES']['customers'] ")
    assert words in sentence


@pytest.mark.parametrize("name", ["", " ", 7351, None, "x" * 51])
def test_an_audience_without_a_usable_name(settings: Any, name: Any) -> None:
    audiences = {name: "tests.test_conf.only_problem"}
    settings.CSMS_CAMPAIGNS = {**GOOD, "AUDIENCES": audiences}
    assert "['AUDIENCES']: a name has 1 to 50 characters." in only_problem()


@pytest.mark.parametrize("value", [None, [], "tests.test_conf.KEY", 5])
def test_audiences_that_are_no_dict(settings: Any, value: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**GOOD, "AUDIENCES": value}
    assert "['AUDIENCES'] must be a dict" in only_problem()
    assert conf.audiences() == {}


def test_audiences_by_name(settings: Any) -> None:
    audiences = {"customers": "tests.test_conf.only_problem"}
    settings.CSMS_CAMPAIGNS = {**GOOD, "AUDIENCES": audiences}
    assert list(conf.problems()) == []
    assert conf.audiences() == audiences


# What is right


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("API_URL", "https://needle.example/api.php"),
        ("API_URL", "http://127.0.0.1:8025/sms_system/api.php"),
        ("API_URL", "http://127.1.2.3/"),
        ("API_URL", "http://localhost:8025/"),
        ("API_URL", "http://[::1]:8025/"),
        ("BATCH_SIZE", 1),
        ("CONCURRENCY", 64),
        ("TIMEOUT", [1, 2.5]),
        ("RATE_LIMITS", []),
        ("RATE_LIMITS", ((1, 0.5), [2, 60])),
        ("MIN_GAP", None),
        ("MIN_GAP", 0),
        ("MIN_GAP", 1.5),
    ],
)
def test_what_is_right_passes(settings: Any, key: str, value: Any) -> None:
    configured(settings, **{key: value})
    assert list(conf.problems()) == []
    assert isinstance(conf.account("default"), Account)


def test_the_defaults_are_the_documented_ones(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = GOOD
    found = conf.account("default")
    assert found.api_url == "https://customersms.pro/sms_system/api.php"
    assert (found.batch_size, found.concurrency) == (100, 4)
    assert found.timeout == (2.5, 60)
    assert found.rate_limits == (
        Window(60, 100),
        Window(3600, 5000),
        Window(86400, 50000),
    )
    assert found.min_gap == pytest.approx(0.3)
    assert found.longest_request == 62.5
    assert found == Account("default", KEY)


def test_options_are_read_as_written(settings: Any) -> None:
    configured(
        settings,
        RATE_LIMITS=[(50, 100), (10, 5)],
        TIMEOUT=(1, 2),
        BATCH_SIZE=7,
        CONCURRENCY=2,
        API_URL="http://127.0.0.1/",
    )
    found = conf.account("default")
    assert found.rate_limits == (Window(5, 10), Window(100, 50)), "the shortest first"
    assert found.timeout == (1.0, 2.0)
    assert (found.batch_size, found.concurrency) == (7, 2)
    assert found.min_gap == 0.25


@pytest.mark.parametrize(
    ("windows", "gap"),
    [((), 0.0), ((Window(60, 100),), 0.3), ((Window(1, 10), Window(60, 100)), 0.05)],
)
def test_the_gap_is_half_of_what_the_shortest_window_allows(
    windows: tuple[Window, ...], gap: float
) -> None:
    assert default_gap(windows) == pytest.approx(gap)


def test_a_gap_of_nothing_is_not_the_default(settings: Any) -> None:
    configured(settings, MIN_GAP=0)
    assert conf.account("default").min_gap == 0


def test_an_unknown_alias_is_told_the_known_ones(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {
        "ACCOUNTS": {"b": {"API_KEY": KEY}, "a": {"API_KEY": "other"}}
    }
    with pytest.raises(UnknownAccount, match=r"no account “c” .*\(there: a, b\)"):
        conf.account("c")
    assert conf.aliases() == ["b", "a"]


def test_settings_are_read_late(settings: Any) -> None:
    configured(settings, BATCH_SIZE=7)
    assert conf.account("default").batch_size == 7
    configured(settings, BATCH_SIZE=8)
    assert conf.account("default").batch_size == 8


@pytest.mark.parametrize(
    ("value", "region"), [("SA", "SA"), (None, None), ("", None), ("absent", "US")]
)
def test_the_region_of_local_numbers(settings: Any, value: Any, region: Any) -> None:
    more: Mapping[str, Any] = {} if value == "absent" else {"DEFAULT_REGION": value}
    settings.CSMS_CAMPAIGNS = {**GOOD, **more}
    assert conf.default_region() == region


def test_the_key_is_in_no_repr(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = GOOD
    found = conf.account("default")
    assert found.api_key == KEY
    assert KEY not in repr(found)
    assert KEY not in str(found)
    assert KEY not in f"{[found]}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("METRICS_TOKEN", value)
            for value in ("", "needle", "needle of 7351 words", "nëedle-of-seven-351")
        ],
        *[
            ("METRICS_TOKEN", value)
            for value in (7351_7351_7351_7351, ["needle"], True)
        ],
        *[("LOG_NUMBERS", value) for value in (None, "needle", 1, 0)],
        *[
            ("PUBLIC_URL", value)
            for value in (
                *(
                    "",
                    "needle",
                    7351,
                    "http://needle.example",
                    "https://needle.example?a",
                ),
                *("https://needle.example/#7351", "https://a:needle@x.example", True),
            )
        ],
        *[
            ("OPT_OUT_LIMITS", value)
            for value in (
                *(7351, [(30, 60)], {"needle": (30, 60)}, {"address": 7351}),
                *({"address": (0, 60)}, {"link": (7351, 0)}, {"link": (1.5, 60)}),
            )
        ],
        *[
            ("CLIENT_ADDRESS_HEADER", value)
            for value in ("", "needle needle", 7351, "needle:", b"needle")
        ],
    ],
)
def test_a_wrong_setting_of_the_top_level(settings: Any, key: str, value: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**GOOD, key: value}
    [sentence] = conf.problems()
    assert sentence.startswith(f"CSMS_CAMPAIGNS['{key}'] is wrong: set it to ")
    assert "needle" not in sentence
    assert "7351" not in sentence


def test_right_settings_of_the_top_level(settings: Any) -> None:
    assert conf.metrics_token() is None
    assert conf.log_numbers() is False
    token = "a-secret-of-sixteen"
    settings.CSMS_CAMPAIGNS = {**GOOD, "METRICS_TOKEN": token, "LOG_NUMBERS": True}
    assert list(conf.problems()) == []
    assert conf.metrics_token() == token
    assert conf.log_numbers() is True
    settings.CSMS_CAMPAIGNS = {**GOOD, "METRICS_TOKEN": None, "LOG_NUMBERS": False}
    assert list(conf.problems()) == []


def test_settings_of_the_public_page(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = GOOD
    assert (conf.public_url(), conf.client_address_header()) == ("", None)
    assert conf.opt_out_limit("address") == (30, 60)
    own = {
        "PUBLIC_URL": "https://example.com/shop/",
        "OPT_OUT_LIMITS": {"link": (5, 1)},
        "CLIENT_ADDRESS_HEADER": "X-Real-IP",
    }
    settings.CSMS_CAMPAIGNS = {**GOOD, **own}
    assert list(conf.problems()) == []
    assert conf.public_url() == "https://example.com/shop"
    assert conf.opt_out_limit("link") == (5, 1)
    assert conf.opt_out_limit("address") == (30, 60)
    assert conf.client_address_header() == "X-Real-IP"
    nothing = {"PUBLIC_URL": None, "CLIENT_ADDRESS_HEADER": None}
    settings.CSMS_CAMPAIGNS = {**GOOD, **nothing, "OPT_OUT_LIMITS": {}}
    assert list(conf.problems()) == []


def test_logs_may_be_written_before_the_settings_are_right(settings: Any) -> None:
    for value in (None, 7351, {}, {"LOG_NUMBERS": "yes"}):
        settings.CSMS_CAMPAIGNS = value
        assert conf.log_numbers() is False
