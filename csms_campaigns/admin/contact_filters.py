"""The contact list by conditions: a form above it, pages of bounded work, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.listing import AFTER, LargeChangeList
from csms_campaigns.admin.phones import looks_like_number, prefixes
from csms_campaigns.admin.tools import may
from csms_campaigns.admin.words import number
from csms_campaigns.contacts_io import selecting
from csms_campaigns.contacts_io.selecting import MOST_DAYS, NEVER, Conditions
from csms_campaigns.models import ContactList

LISTS: Final = 200
"""Offered; any other is reached by a link that names it."""
NO_LIST: Final = -1
"""What no list has: an address is typed by anybody."""

OUTCOMES: Final = [
    ("", gettext_lazy("Any")),
    ("sent", gettext_lazy("Sent")),
    ("failed", gettext_lazy("Failed")),
    ("unknown", pgettext_lazy("outcome", "Unknown")),
    (NEVER, gettext_lazy("Never texted")),
]
OPTED_OUT: Final = [
    ("", gettext_lazy("Any")),
    ("no", gettext_lazy("Not opted out")),
    ("yes", gettext_lazy("Opted out")),
]


class ListField(forms.ChoiceField):
    """A list by its id, as links have it; one that is none has no members."""

    def set_lists(self, chosen: int) -> None:
        self.choices = [("", _("Any")), *lists_to_choose(chosen)]

    def validate(self, value: Any) -> None:
        pass

    def clean(self, value: Any) -> int:
        text = str(value or "").strip()
        return (as_id(text) or NO_LIST) if text else 0


def lists_to_choose(chosen: int = 0) -> list[tuple[str, str]]:
    found = list(ContactList.objects.order_by("name")[:LISTS])
    if chosen > 0 and all(one.pk != chosen for one in found):
        found += ContactList.objects.filter(pk=chosen)
    return [(str(one.pk), one.name) for one in found]


class ConditionsForm(forms.Form):
    attribute = forms.CharField(
        label=gettext_lazy("Attribute"), required=False, max_length=100
    )
    value = forms.CharField(
        label=gettext_lazy("Its value"), required=False, max_length=200
    )
    list = ListField(label=gettext_lazy("In the list"), required=False)
    not_list = ListField(label=gettext_lazy("Not in the list"), required=False)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Last text"), required=False, choices=OUTCOMES
    )
    days = forms.IntegerField(
        label=gettext_lazy("Not texted in so many days"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
    )
    country = forms.TypedChoiceField(
        label=gettext_lazy("Country of the number"),
        required=False,
        coerce=int,
        empty_value=None,
    )
    opted_out = forms.ChoiceField(
        label=gettext_lazy("Opt-out"), required=False, choices=OPTED_OUT
    )

    def __init__(self, given: QueryDict, *, may_read_texts: bool) -> None:
        super().__init__(given, auto_id="csms-filter-%s")
        if not may_read_texts:
            for name in OF_TEXTS:
                del self.fields[name]
        for name in ("list", "not_list"):
            self.fields[name].set_lists(as_id(given.get(name)))  # type: ignore[attr-defined]
        self.fields["country"].choices = [  # type: ignore[attr-defined]
            ("", _("Any")),
            *((str(code), f"+{code} {who}") for code, who in selecting.countries()),
        ]

    def conditions(self, term: str = "") -> Conditions | None:
        """None if the form says what is wrong. `term` is what the person searches for."""
        if not self.is_valid():
            return None
        found = self.cleaned_data
        by_number = looks_like_number(term)
        return Conditions(
            attribute=found["attribute"].strip(),
            value=found["value"].strip() if found["attribute"].strip() else "",
            in_list=found["list"],
            not_in_list=found["not_list"],
            outcome=found.get("outcome", ""),
            not_texted_days=found.get("days") or 0,
            calling_code=found["country"] or 0,
            opted_out=found["opted_out"],
            name="" if by_number else term,
            prefixes=tuple(prefixes(term) or ["?"]) if by_number else (),
        )


NAMES: Final = tuple(ConditionsForm.base_fields)
OF_TEXTS: Final = ("outcome", "days")


def conditions_form(request: HttpRequest) -> ConditionsForm:
    """What became of texts is asked only by who may see it."""
    may_read_texts = may(request, "recipients")
    return ConditionsForm(request.GET, may_read_texts=may_read_texts)


class ContactChangeList(LargeChangeList):
    """Forwards only, where nothing leads to the rows: each page looks at so many contacts."""

    is_partial = False

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self._request, self._given = request, request.GET
        super().__init__(request, *args, **kwargs)

    @cached_property
    def filter_form(self) -> ConditionsForm:
        return conditions_form(self._request)

    @cached_property
    def conditions(self) -> Conditions | None:
        return self.filter_form.conditions(self.query.strip())

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        for name in NAMES:
            # No lookups, but kept in the links of pages.
            self.filter_params.pop(name, None)
        return super().get_queryset(request, *args, **kwargs)

    def get_query_string(
        self, new_params: Any = None, remove: Iterable[str] | None = None
    ) -> str:
        kept = {name: self._given[name] for name in NAMES if self._given.get(name)}
        return super().get_query_string({**kept, **(new_params or {})}, remove)

    def _rows(self, request: HttpRequest) -> tuple[list[Any], bool, bool]:
        wanted = self.conditions
        if wanted is None:
            return [], False, False
        if not wanted:
            return super()._rows(request)
        after = self._place(request, AFTER)
        size = self.list_per_page
        found = selecting.page(wanted, timezone.now(), after=after, size=size)
        self.is_partial, self._next = found.is_partial, found.next_after
        return found.contacts, bool(after), found.next_after is not None

    def _link(self, rows: list[Any], has_previous: bool, has_next: bool) -> None:
        if not self.conditions:
            super()._link(rows, has_previous, has_next)
            return
        if has_previous:
            self.first_link = self.get_query_string(remove=[AFTER])
        if has_next:
            self.next_link = self.get_query_string({AFTER: self._next})

    def _count(self, rows: list[Any], has_more: bool) -> tuple[int, str]:
        if not self.conditions:
            return super()._count(rows, has_more)
        more = "+" if self.next_link else ""
        return len(rows), f"{number(len(rows))}{more}"


def in_words(wanted: Conditions) -> list[str]:
    """One line for each, to read before something is done with whoever matches."""
    return [text for text in (*_of_people(wanted), *_of_texts(wanted)) if text]


def _of_people(wanted: Conditions) -> list[str]:
    found = []
    if wanted.name:
        found.append(_("Name begins with: %s") % wanted.name)
    if wanted.prefixes:
        found.append(_("Number begins with: %s") % ", ".join(wanted.prefixes))
    if wanted.attribute:
        found.append(
            _("%(name)s is: %(value)s")
            % {"name": wanted.attribute, "value": wanted.value or _("any")}
        )
    if wanted.in_list:
        found.append(_("In the list: %s") % _list_name(wanted.in_list))
    if wanted.not_in_list:
        found.append(_("Not in the list: %s") % _list_name(wanted.not_in_list))
    if wanted.calling_code:
        found.append(_("Number begins with: %s") % f"+{wanted.calling_code}")
    return [*found, str(dict(OPTED_OUT)[wanted.opted_out]) if wanted.opted_out else ""]


def _of_texts(wanted: Conditions) -> list[str]:
    found = []
    if wanted.outcome:
        found.append(_("Last text: %s") % dict(OUTCOMES)[wanted.outcome])
    if days := wanted.not_texted_days:
        sentence = ngettext(
            "Not texted in %(count)s day", "Not texted in %(count)s days", days
        )
        found.append(sentence % {"count": number(days)})
    return found


def _list_name(list_id: int) -> str:
    return str(ContactList.objects.filter(pk=list_id).first() or "–")
