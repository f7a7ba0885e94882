"""What a text message is: segments, phone numbers, placeholders. Imports nothing of ours, and no Django."""

from __future__ import annotations
