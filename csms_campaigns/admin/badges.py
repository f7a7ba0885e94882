"""A state as a coloured word. The colour comes from the style sheet, the meaning from the word."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def badge(state: str, label: object) -> SafeString:
    return format_html(
        '<span class="csms-state" data-state="{}">{}</span>', state, label
    )
