"""For the site's own code: what the admin does, with the same rules and the same wake-ups."""

from __future__ import annotations
