"""Each setting: what is right, and the words for it. A value is never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from csms_campaigns.conf import shapes
from csms_campaigns.conf.constants import SHORTEST_TOKEN

RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "API_KEY": (
        lambda v: isinstance(v, str) and v.strip() != "" and v.isprintable(),
        "the account's key as text in one line, best read from the environment",
    ),
    "API_URL": (
        shapes.is_url,
        "an address that begins with https:// (http:// only on this machine)",
    ),
    "BATCH_SIZE": (
        lambda v: shapes.is_count(v, 10_000),
        "a whole number from 1 to 10000, such as 100",
    ),
    "CONCURRENCY": (
        lambda v: shapes.is_count(v, 100),
        "a whole number from 1 to 100, such as 4",
    ),
    "TIMEOUT": (
        shapes.is_timeout,
        "two numbers of seconds (connect, read), such as (2.5, 60)",
    ),
    "RATE_LIMITS": (
        shapes.is_limits,
        "a list of (requests, seconds), such as [(100, 60), (5000, 3600)]",
    ),
    "MIN_GAP": (
        lambda v: v is None or shapes.is_seconds(v) or (v == 0 and v is not False),
        "a number of seconds, or None",
    ),
}

TOP_RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "METRICS_TOKEN": (
        lambda v: v is None or shapes.is_token(v),
        f"a secret of at least {SHORTEST_TOKEN} letters and digits, or None",
    ),
    "LOG_NUMBERS": (lambda v: isinstance(v, bool), "True or False"),
    "QUIET_HOURS_PRESETS": (
        lambda v: v is None or shapes.is_presets(v),
        'a dict such as {"Office": ("09:00", "18:00", "60123")}, or None; Monday is 0',
    ),
    "SECOND_PAIR_OF_EYES": (lambda v: isinstance(v, bool), "True or False"),
    "IMPORT_MAX_BYTES": (
        lambda v: shapes.is_count(v, 2**40),
        "a whole number of bytes, such as 104857600",
    ),
    "IMPORT_MAX_ROWS": (
        lambda v: shapes.is_count(v, 10**9),
        "a whole number of rows, such as 2000000",
    ),
    "PUBLIC_URL": (
        lambda v: v is None or shapes.is_base(v),
        "the https:// address at which people reach the site, without a query, or None",
    ),
    "OPT_OUT_LIMITS": (
        shapes.is_opt_out_limits,
        'a dict such as {"address": (30, 60), "link": (600, 60)}: (requests, seconds)',
    ),
    "CLIENT_ADDRESS_HEADER": (
        lambda v: v is None or shapes.is_header(v),
        "the name of a header that your proxy sets, such as 'X-Real-IP', or None",
    ),
    "RETENTION": (
        shapes.is_retention,
        'a dict of days, such as {"ANONYMISE_AFTER": 90, "DELETE_AFTER": 365}',
    ),
    "WITNESS_URL": (
        lambda v: v in (None, "") or shapes.is_redis(v),
        "an address that begins with redis://, rediss:// or unix://, or None",
    ),
}

ACCOUNT_KEYS: Final = frozenset(RULES)
# Those with an inside of their own have sentences of their own.
TOP_KEYS: Final = frozenset({"ACCOUNTS", "DEFAULT_REGION", "AUDIENCES", *TOP_RULES})
