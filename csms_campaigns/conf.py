"""The settings: `settings.CSMS_CAMPAIGNS`, read late so that tests and sites may change it.

The API key lives here and nowhere else; no `repr` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from phonenumbers import SUPPORTED_REGIONS

SETTING: Final = "CSMS_CAMPAIGNS"
DEFAULT_API_URL: Final = "https://customersms.pro/sms_system/api.php"
MAX_ALIAS: Final = 50
LONGEST: Final = 10_000_000.0
"""Seconds: longer than any window, short enough for every clock."""
EXAMPLE_KEY: Final = "cspro_your_secret_key_here"

ACCOUNT_KEYS: Final = frozenset(
    {
        "API_KEY",
        "API_URL",
        "BATCH_SIZE",
        "CONCURRENCY",
        "TIMEOUT",
        "RATE_LIMITS",
        "MIN_GAP",
    }
)
TOP_KEYS: Final = frozenset(
    {
        "ACCOUNTS",
        "DEFAULT_REGION",
        "AUDIENCES",
        "METRICS_TOKEN",
        "LOG_NUMBERS",
        "QUIET_HOURS_PRESETS",
        "SECOND_PAIR_OF_EYES",
        "WITNESS_URL",
        "IMPORT_MAX_BYTES",
        "IMPORT_MAX_ROWS",
        "RETENTION",
        "PUBLIC_URL",
        "OPT_OUT_LIMITS",
        "CLIENT_ADDRESS_HEADER",
    }
)
SHORTEST_TOKEN: Final = 16
RETENTION_KEYS: Final = ("ANONYMISE_AFTER", "DELETE_AFTER")
LONGEST_RETENTION: Final = 36_500
"""Days."""
OPT_OUT_LIMITS: Final = {"address": (30, 60), "link": (600, 60)}
"""(requests, seconds) of the public page."""


@dataclass(frozen=True, order=True)
class Window:
    """At most `limit` requests in any `seconds` seconds."""

    seconds: float
    limit: int


@dataclass(frozen=True)
class Account:
    """One API key and how it may be used. Times are in seconds."""

    alias: str
    api_key: str = field(repr=False)
    api_url: str = DEFAULT_API_URL
    batch_size: int = 100
    concurrency: int = 4
    timeout: tuple[float, float] = (2.5, 60.0)
    rate_limits: tuple[Window, ...] = (
        Window(60, 100),
        Window(3600, 5000),
        Window(86400, 50000),
    )
    min_gap: float = 0.3

    @property
    def longest_request(self) -> float:
        """After so many seconds a request of this account is over, whatever happens."""
        return sum(self.timeout)


class UnknownAccount(ImproperlyConfigured):
    """The alias does not stand in `ACCOUNTS`."""


def raw() -> Mapping[str, Any]:
    value = getattr(settings, SETTING, None)
    if not isinstance(value, Mapping):
        message = f"Add a dict named {SETTING} to the settings of the site."
        raise ImproperlyConfigured(message)
    return value


def aliases() -> list[str]:
    accounts = raw().get("ACCOUNTS")
    return list(accounts) if isinstance(accounts, Mapping) else []


def account(alias: str) -> Account:
    """The options of one account; `UnknownAccount` or `ImproperlyConfigured` says what to mend."""
    # Nothing is raised where a local holds the options: error pages show the frames' locals.
    found = _found(alias)
    if isinstance(found, Account):
        return found
    raise (UnknownAccount if alias not in aliases() else ImproperlyConfigured)(found)


def _found(alias: str) -> Account | str:
    """The account, or the sentence that says what is wrong with it."""
    accounts = raw().get("ACCOUNTS")
    if not isinstance(accounts, Mapping):
        accounts = {}
    if alias in accounts:
        problem = next(account_problems(alias, accounts[alias]), None)
        return problem or _read(alias, accounts[alias])
    known = ", ".join(sorted(accounts)) or "none"
    return f"There is no account “{alias}” in {SETTING}['ACCOUNTS'] (there: {known})."


def import_max_bytes() -> int:
    """Of a file of contacts that is uploaded in the admin."""
    return int(raw().get("IMPORT_MAX_BYTES", 100 * 1024 * 1024))


def import_max_rows() -> int:
    return int(raw().get("IMPORT_MAX_ROWS", 2_000_000))


def retention() -> dict[str, int | None]:
    """Days after which recipients of a campaign that has ended are anonymised, or deleted."""
    found = raw().get("RETENTION") or {}
    return {name: found.get(name) for name in RETENTION_KEYS}


def quiet_hours_presets() -> dict[str, tuple[str, str, str]] | None:
    """Label → not before, not after, days ("0" is Monday); None: those that we suggest."""
    found = raw().get("QUIET_HOURS_PRESETS")
    return (
        None if found is None else {name: tuple(each) for name, each in found.items()}
    )


def second_pair_of_eyes() -> bool:
    """Must somebody launch who has not written the text?"""
    return bool(raw().get("SECOND_PAIR_OF_EYES", False))


def default_region() -> str | None:
    return raw().get("DEFAULT_REGION", "US") or None


def witness_url() -> str | None:
    """None: where the broker is, if that is Redis; empty: no witness."""
    value = raw().get("WITNESS_URL")
    return value if value is None else str(value)


def metrics_token() -> str | None:
    """What a scraper sends as `Authorization: Bearer …`; None: staff only."""
    return raw().get("METRICS_TOKEN") or None


def public_url() -> str:
    """Where people reach the site, without the last slash; empty: links cannot be made."""
    return str(raw().get("PUBLIC_URL") or "").rstrip("/")


def opt_out_limit(kind: str) -> tuple[int, float]:
    """Of the public page: so many in so many seconds, of one `address` or `link`."""
    limits = raw().get("OPT_OUT_LIMITS") or {}
    limit, seconds = limits.get(kind, OPT_OUT_LIMITS[kind])
    return limit, seconds


def client_address_header() -> str | None:
    """Where the proxy before the site writes who asks; None: there is no proxy."""
    return raw().get("CLIENT_ADDRESS_HEADER") or None


def log_numbers() -> bool:
    """May logs hold full phone numbers? Never raises: it is asked while something is logged."""
    value = getattr(settings, SETTING, None)
    return isinstance(value, Mapping) and value.get("LOG_NUMBERS") is True


def audiences() -> dict[str, str]:
    """Dotted paths of the site's own audiences, by name."""
    found = raw().get("AUDIENCES")
    return dict(found) if isinstance(found, Mapping) else {}


def _read(alias: str, options: Mapping[str, Any]) -> Account:
    windows = tuple(sorted(Window(s, n) for n, s in _limits(options)))
    gap = options.get("MIN_GAP")
    return Account(
        alias=alias,
        api_key=options["API_KEY"],
        api_url=options.get("API_URL", DEFAULT_API_URL),
        batch_size=options.get("BATCH_SIZE", 100),
        concurrency=options.get("CONCURRENCY", 4),
        timeout=_pair(options.get("TIMEOUT", (2.5, 60))),
        rate_limits=windows,
        min_gap=float(gap) if gap is not None else default_gap(windows),
    )


def default_gap(windows: tuple[Window, ...]) -> float:
    """Half of the shortest window divided by its limit: 0.3 s for 100 a minute."""
    return windows[0].seconds / windows[0].limit / 2 if windows else 0.0


def _limits(options: Mapping[str, Any]) -> list[tuple[int, float]]:
    limits = options.get("RATE_LIMITS", [(100, 60), (5000, 3600), (50000, 86400)])
    return [(limit, seconds) for limit, seconds in limits]


def _pair(value: Any) -> tuple[float, float]:
    connect, read = value
    return float(connect), float(read)


def _is_count(value: Any, most: int = 10**9) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and 1 <= value <= most


def _is_seconds(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= LONGEST


def _is_timeout(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(_is_seconds(v) for v in value)
    )


def _is_limits(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(v, list | tuple)
        and len(v) == 2
        and _is_count(v[0])
        and _is_seconds(v[1])
        for v in value
    )


def _is_url(value: Any) -> bool:
    """https, or plain http to this machine: the key travels in the body."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except (TypeError, ValueError, AttributeError):
        return False
    if (
        not host
        or parts.username is not None
        or not value.isprintable()
        or " " in value
    ):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_base(value: Any) -> bool:
    return _is_url(value) and not re.search("[?#]", value)


def _is_opt_out_limits(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) <= set(OPT_OUT_LIMITS)
        and _is_limits(list(value.values()))
    )


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[A-Za-z0-9-]+", value))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "API_KEY": (
        lambda v: isinstance(v, str) and v.strip() != "" and v.isprintable(),
        "the account's key as text in one line, best read from the environment",
    ),
    "API_URL": (
        _is_url,
        "an address that begins with https:// (http:// only on this machine)",
    ),
    "BATCH_SIZE": (
        lambda v: _is_count(v, 10_000),
        "a whole number from 1 to 10000, such as 100",
    ),
    "CONCURRENCY": (
        lambda v: _is_count(v, 100),
        "a whole number from 1 to 100, such as 4",
    ),
    "TIMEOUT": (
        _is_timeout,
        "two numbers of seconds (connect, read), such as (2.5, 60)",
    ),
    "RATE_LIMITS": (
        _is_limits,
        "a list of (requests, seconds), such as [(100, 60), (5000, 3600)]",
    ),
    "MIN_GAP": (
        lambda v: v is None or _is_seconds(v) or (v == 0 and v is not False),
        "a number of seconds, or None",
    ),
}


def _is_token(value: Any) -> bool:
    is_text = isinstance(value, str) and value.isascii() and value.isprintable()
    return is_text and len(value) >= SHORTEST_TOKEN and " " not in value


def _is_redis(value: Any) -> bool:
    known = ("redis://", "rediss://", "unix://")
    return isinstance(value, str) and value.startswith(known)


def _is_presets(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and name.strip() and _is_preset(each)
        for name, each in value.items()
    )


def _is_preset(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return False
    since, until, days = value
    if not all(isinstance(part, str) for part in value):
        return False
    clock = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|")
    whole = clock.fullmatch(since) and clock.fullmatch(until)
    return bool(whole) and re.fullmatch(r"[0-6]{0,7}", days) is not None


def _is_retention(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in RETENTION_KEYS and (days is None or _is_count(days, LONGEST_RETENTION))
        for name, days in value.items()
    )


TOP_RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "METRICS_TOKEN": (
        lambda v: v is None or _is_token(v),
        f"a secret of at least {SHORTEST_TOKEN} letters and digits, or None",
    ),
    "LOG_NUMBERS": (lambda v: isinstance(v, bool), "True or False"),
    "QUIET_HOURS_PRESETS": (
        lambda v: v is None or _is_presets(v),
        'a dict such as {"Office": ("09:00", "18:00", "60123")}, or None; Monday is 0',
    ),
    "SECOND_PAIR_OF_EYES": (lambda v: isinstance(v, bool), "True or False"),
    "IMPORT_MAX_BYTES": (
        lambda v: _is_count(v, 2**40),
        "a whole number of bytes, such as 104857600",
    ),
    "IMPORT_MAX_ROWS": (
        lambda v: _is_count(v, 10**9),
        "a whole number of rows, such as 2000000",
    ),
    "PUBLIC_URL": (
        lambda v: v is None or _is_base(v),
        "the https:// address at which people reach the site, without a query, or None",
    ),
    "OPT_OUT_LIMITS": (
        _is_opt_out_limits,
        'a dict such as {"address": (30, 60), "link": (600, 60)}: (requests, seconds)',
    ),
    "CLIENT_ADDRESS_HEADER": (
        lambda v: v is None or _is_header(v),
        "the name of a header that your proxy sets, such as 'X-Real-IP', or None",
    ),
    "RETENTION": (
        _is_retention,
        'a dict of days, such as {"ANONYMISE_AFTER": 90, "DELETE_AFTER": 365}',
    ),
    "WITNESS_URL": (
        lambda v: v in (None, "") or _is_redis(v),
        "an address that begins with redis://, rediss:// or unix://, or None",
    ),
}


def account_problems(alias: str, options: Any) -> Iterator[str]:
    """One sentence for each wrong option of an account; a value is never shown."""
    place = f"{SETTING}['ACCOUNTS']['{alias}']"
    if not isinstance(options, Mapping):
        yield f"{place} must be a dict with at least an API_KEY."
        return
    for key in sorted(set(options) - ACCOUNT_KEYS):
        yield f"{place} has an unknown key '{key}'. Known: {', '.join(sorted(ACCOUNT_KEYS))}."
    if "API_KEY" not in options:
        yield f"{place}['API_KEY'] is missing: set it to {RULES['API_KEY'][1]}."
    for key, (is_right, wanted) in RULES.items():
        if key in options and not is_right(options[key]):
            yield f"{place}['{key}'] is wrong: set it to {wanted}."


def problems() -> Iterator[str]:
    """One sentence for each wrong or missing setting, for the system checks."""
    try:
        value = raw()
    except ImproperlyConfigured as error:
        yield str(error)
        return
    for key in sorted(set(value) - TOP_KEYS):
        yield f"{SETTING} has an unknown key '{key}'. Known: {', '.join(sorted(TOP_KEYS))}."
    for key, (is_right, wanted) in TOP_RULES.items():
        if key in value and not is_right(value[key]):
            yield f"{SETTING}['{key}'] is wrong: set it to {wanted}."
    accounts = value.get("ACCOUNTS")
    if not isinstance(accounts, Mapping) or not accounts:
        yield f"{SETTING}['ACCOUNTS'] must name at least one account, such as 'default'."
        return
    region = value.get("DEFAULT_REGION") or "US"
    if not isinstance(region, str) or region not in SUPPORTED_REGIONS:
        yield f"{SETTING}['DEFAULT_REGION'] is wrong: set it to a country, such as 'US'."
    for alias, options in accounts.items():
        if not isinstance(alias, str) or not 1 <= len(alias) <= MAX_ALIAS:
            yield f"{SETTING}['ACCOUNTS']: an alias has 1 to {MAX_ALIAS} characters."
        yield from account_problems(alias, options)
    yield from _shared_keys(accounts)
    yield from audience_problems(value.get("AUDIENCES", {}))


def audience_problems(named: Any) -> Iterator[str]:
    """One sentence for each audience that could not be read."""
    place = f"{SETTING}['AUDIENCES']"
    if not isinstance(named, Mapping):
        yield f"{place} must be a dict: a name → the dotted path of a callable."
        return
    for name, path in named.items():
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_ALIAS:
            yield f"{place}: a name has 1 to {MAX_ALIAS} characters."
        elif problem := _audience_problem(path):
            yield f"{place}['{name}'] {problem}"


def _audience_problem(path: Any) -> str:
    if not isinstance(path, str) or "." not in path:
        return "is wrong: set it to a dotted path, such as 'shop.sms.customers'."
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - whatever the site's module does when imported
        return f"names '{path}', which cannot be imported ({error})."
    # Managers and querysets are not called.
    if callable(found) or hasattr(found, "iterator"):
        return ""
    return f"names '{path}', which is neither a callable nor a queryset."


def _shared_keys(accounts: Mapping[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for alias, options in accounts.items():
        key = options.get("API_KEY") if isinstance(options, Mapping) else None
        if not isinstance(key, str):
            continue
        if key in seen:
            yield (
                f"{SETTING}['ACCOUNTS']: '{alias}' and '{seen[key]}' have the same API_KEY; "
                "one key must have one alias, or its limits would be counted twice."
            )
        seen[key] = alias
