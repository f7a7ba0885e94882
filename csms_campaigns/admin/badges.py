"""A state as a coloured word, a text as it will read. Looks come from the style sheet."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def badge(state: str, label: object) -> SafeString:
    return format_html(
        '<span class="csms-state" data-state="{}">{}</span>', state, label
    )


def bubble(text: str) -> SafeString:
    return format_html('<div class="csms-text" dir="auto">{}</div>', text)
