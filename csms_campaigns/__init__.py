"""Bulk SMS campaigns in Django admin, sent through customersms.pro."""

from __future__ import annotations

__version__ = "0.1.0"
