"""The pages outside of the admin."""

from __future__ import annotations
