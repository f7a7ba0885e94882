"""What a value of a setting must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from csms_campaigns.conf.constants import (
    LONGEST,
    LONGEST_RETENTION,
    OPT_OUT_LIMITS,
    RETENTION_KEYS,
    SHORTEST_TOKEN,
)


def is_count(value: Any, most: int = 10**9) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and 1 <= value <= most


def is_seconds(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= LONGEST


def is_timeout(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(is_seconds(v) for v in value)
    )


def is_limits(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(v, list | tuple)
        and len(v) == 2
        and is_count(v[0])
        and is_seconds(v[1])
        for v in value
    )


def is_url(value: Any) -> bool:
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
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_base(value: Any) -> bool:
    return is_url(value) and not re.search("[?#]", value)


def is_opt_out_limits(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) <= set(OPT_OUT_LIMITS)
        and is_limits(list(value.values()))
    )


def is_header(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[A-Za-z0-9-]+", value))


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_token(value: Any) -> bool:
    is_text = isinstance(value, str) and value.isascii() and value.isprintable()
    return is_text and len(value) >= SHORTEST_TOKEN and " " not in value


def is_redis(value: Any) -> bool:
    known = ("redis://", "rediss://", "unix://")
    return isinstance(value, str) and value.startswith(known)


def is_presets(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and name.strip() and is_preset(each)
        for name, each in value.items()
    )


def is_preset(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return False
    since, until, days = value
    if not all(isinstance(part, str) for part in value):
        return False
    clock = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|")
    whole = clock.fullmatch(since) and clock.fullmatch(until)
    return bool(whole) and re.fullmatch(r"[0-6]{0,7}", days) is not None


def is_retention(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in RETENTION_KEYS and (days is None or is_count(days, LONGEST_RETENTION))
        for name, days in value.items()
    )
