"""Tags of our templates, for pages that Django itself renders."""

from __future__ import annotations
