"""Can the gateway be reached from here? Connects, speaks TLS, hangs up: never sends a byte of HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import certifi
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.diagnosis.findings import Finding, fine, problem
from csms_campaigns.diagnosis.patience import NoAnswer, within

PATIENCE: Final = 4.0


def examine() -> Iterator[Finding]:
    """Each address once, however many accounts have it."""
    for url in sorted({conf.account(alias).api_url for alias in conf.aliases()}):
        host = urlsplit(url).hostname or ""
        try:
            within(PATIENCE, lambda url=url: _connect(url))  # type: ignore[misc]
        except (OSError, NoAnswer) as error:
            yield _unreachable(host, error)
        else:
            text = _("The gateway at %(host)s can be reached from here.")
            yield fine("gateway", text % {"host": host}, host)


def _connect(url: str) -> None:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    with socket.create_connection((host, port), PATIENCE) as wire:
        if secure:
            context = ssl.create_default_context(cafile=certifi.where())
            with context.wrap_socket(wire, server_hostname=host):
                pass


def _unreachable(host: str, error: Exception) -> Finding:
    words = {"host": host, "error": _words(error)}
    text = _("The gateway at %(host)s cannot be reached from here: %(error)s.")
    advice = _("Look at DNS, firewall and certificates, and at API_URL.")
    return problem("gateway.unreachable", text % words, advice, host)


def _words(error: Exception) -> str:
    if isinstance(error, NoAnswer):
        return _("no answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return getattr(error, "strerror", None) or type(error).__name__
