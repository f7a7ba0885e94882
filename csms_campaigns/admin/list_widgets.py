"""How lists of contacts are chosen: a few by boxes to tick, many by a search field."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib.admin.widgets import AutocompleteSelectMultiple

from csms_campaigns.models import ContactList

FEW: Final = 40


def lists_widget(relation: Any, site: Any) -> forms.Widget:
    """`relation`: the field of the model that names the lists."""
    found = list(ContactList.objects.values_list("pk")[: FEW + 1])
    if len(found) <= FEW:
        return forms.CheckboxSelectMultiple()
    widget: forms.Widget = AutocompleteSelectMultiple(relation, site)
    return widget
