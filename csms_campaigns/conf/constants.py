"""Names and bounds of the settings."""

from __future__ import annotations

from typing import Final

SETTING: Final = "CSMS_CAMPAIGNS"
DEFAULT_API_URL: Final = "https://customersms.pro/sms_system/api.php"
MAX_ALIAS: Final = 50
LONGEST: Final = 10_000_000.0
"""Seconds: longer than any window, short enough for every clock."""
EXAMPLE_KEY: Final = "cspro_your_secret_key_here"
SHORTEST_TOKEN: Final = 16
RETENTION_KEYS: Final = ("ANONYMISE_AFTER", "DELETE_AFTER")
LONGEST_RETENTION: Final = 36_500
"""Days."""
OPT_OUT_LIMITS: Final = {"address": (30, 60), "link": (600, 60)}
"""(requests, seconds) of the public page."""
