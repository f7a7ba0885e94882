"""How often strangers may ask: counters in the site's cache, in windows of fixed length.

Where the cache does not count (it is away, or a dummy), each process counts for itself: an
opt-out is never refused because of a cache.
"""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from csms_campaigns import conf

_OWN: Final = LocMemCache("csms-campaigns-limits", {})
IPV6_SITE: Final = 64
"""Bits; one household has all addresses behind them."""


def is_over(kind: str, who: str) -> bool:
    """Whether this one has used up the window; does not count."""
    return _count(kind, who, 0) >= conf.opt_out_limit(kind)[0]


def hit(kind: str, who: str) -> bool:
    """Count one; True if it is one too many."""
    return _count(kind, who, 1) > conf.opt_out_limit(kind)[0]


def seconds(kind: str) -> int:
    return max(int(conf.opt_out_limit(kind)[1]), 1)


def address(request: HttpRequest) -> str:
    """Of who asks; empty where that cannot be told from the proxy's own."""
    header = conf.client_address_header()
    if header:
        # What the nearest proxy has added is last; the rest is whatever the client wrote.
        found = _parsed(request.headers.get(header, "").rpartition(",")[2])
        return _network(found) if found else ""
    found = _parsed(request.META.get("REMOTE_ADDR", ""))
    return _network(found) if found and not found.is_private else ""


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    # A server that listens on both writes ::ffff:1.2.3.4: all of them are one IPv6 site.
    return getattr(found, "ipv4_mapped", None) or found


def _network(found: IPv4Address | IPv6Address) -> str:
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((found, IPV6_SITE), strict=False))


def _count(kind: str, who: str, step: int) -> int:
    """In this window, with `step`; nobody to tell apart counts nothing."""
    if not who:
        return 0
    length = seconds(kind)
    window = int(time.time() // length)
    # Addresses are not written down as they are.
    digest = salted_hmac("csms_campaigns.limits", who).hexdigest()[:32]
    key = f"csms-campaigns:{kind}:{window}:{digest}"
    try:
        return _counted(cache, key, step, length)
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return _counted(_OWN, key, step, length)


def _counted(where: Any, key: str, step: int, length: int) -> int:
    where.add(key, 0, timeout=2 * length)
    if step:
        return int(where.incr(key, step))
    found = where.get(key)
    if found is None:
        message = "The cache keeps nothing."
        raise ValueError(message)
    return int(found)
