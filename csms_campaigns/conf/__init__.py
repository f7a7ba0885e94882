"""The settings: `settings.CSMS_CAMPAIGNS`, read late so that tests and sites may change it.

The API key lives here and nowhere else; no `repr` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from csms_campaigns.conf.constants import (
    DEFAULT_API_URL,
    EXAMPLE_KEY,
    OPT_OUT_LIMITS,
    RETENTION_KEYS,
    SETTING,
)
from csms_campaigns.conf.rules import ACCOUNT_KEYS, RULES, TOP_KEYS
from csms_campaigns.conf.sentences import account_problems, setting_problems

__all__ = [
    "ACCOUNT_KEYS",
    "DEFAULT_API_URL",
    "EXAMPLE_KEY",
    "RULES",
    "SETTING",
    "TOP_KEYS",
    "Account",
    "UnknownAccount",
    "Window",
    "account",
    "account_problems",
    "aliases",
    "audiences",
    "client_address_header",
    "default_gap",
    "default_region",
    "import_max_bytes",
    "import_max_rows",
    "log_numbers",
    "metrics_token",
    "opt_out_limit",
    "problems",
    "public_url",
    "quiet_hours_presets",
    "raw",
    "retention",
    "second_pair_of_eyes",
    "witness_url",
]


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


def problems() -> Iterator[str]:
    """One sentence for each wrong or missing setting, for the system checks."""
    try:
        value = raw()
    except ImproperlyConfigured as error:
        yield str(error)
        return
    yield from setting_problems(value)
