"""The verbs: the only writers of a status. See `dispatch` for the story of a send."""

from __future__ import annotations
