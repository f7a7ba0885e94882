"""How to talk to the customersms.pro API. Knows `requests`, knows no Django."""

from __future__ import annotations
