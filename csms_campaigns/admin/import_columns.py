"""Which column of an uploaded file becomes what, and into which lists its people go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns import conf
from csms_campaigns.admin.list_widgets import lists_widget
from csms_campaigns.contacts_io import headers
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import LONGEST_LIST_NAME, known_region
from csms_campaigns.contacts_io.jobs import Choice
from csms_campaigns.models import ContactImport, ContactList
from csms_campaigns.sms.placeholders import normalise_name
from csms_campaigns.states import ListAction

PHONE, NAME, ATTRIBUTE, IGNORE = "phone", "name", "attribute", ""
KINDS: Final = [
    (PHONE, gettext_lazy("Phone")),
    (NAME, gettext_lazy("Name")),
    (ATTRIBUTE, gettext_lazy("Attribute")),
    (IGNORE, gettext_lazy("Leave out")),
]


class ColumnsForm(forms.Form):
    region = forms.CharField(
        label=gettext_lazy("Country of numbers without a country code"),
        max_length=2,
        required=False,
        help_text=gettext_lazy("Two letters, such as US or SA."),
    )
    lists = forms.ModelMultipleChoiceField(
        ContactList.objects.all(), label=gettext_lazy("Lists"), required=False
    )
    new_list = forms.CharField(
        label=gettext_lazy("New list"),
        max_length=LONGEST_LIST_NAME,
        required=False,
        help_text=gettext_lazy("Made when the import begins. May stay empty."),
    )
    list_action = forms.ChoiceField(
        label=gettext_lazy("What happens to the lists"),
        choices=ListAction.choices,
        initial=ListAction.ADD,
        widget=forms.RadioSelect,
    )

    def __init__(
        self, *args: Any, job: ContactImport, site: Any, user: Any, **kwargs: Any
    ) -> None:
        kwargs["label_suffix"] = ""
        super().__init__(*args, **kwargs)
        self._job = job
        self.problem = ""
        self._add_columns(self._guess())
        self.fields["region"].initial = job.region or conf.default_region() or ""
        self.fields["lists"].initial = [chosen.pk for chosen in job.lists.all()]
        self.fields["list_action"].initial = job.list_action
        self.fields["new_list"].initial = job.new_list
        self._choose_widget(site)
        self._allow_only_permitted(user)

    def _guess(self) -> headers.Columns | None:
        if self._job.columns:
            return headers.Columns.from_json(self._job.columns)
        try:
            return headers.match([column["title"] for column in self._job.header])
        except ImportFailed as error:
            self.problem = str(error)
            return None

    def _add_columns(self, guess: headers.Columns | None) -> None:
        attributes = dict(guess.attributes) if guess else {}
        for i, column in enumerate(self._job.header):
            title = normalise_name(column["title"])
            known = title and guess is None
            kind = ATTRIBUTE if i in attributes or known else IGNORE
            if guess and i == guess.phone:
                kind = PHONE
            elif guess and i == guess.name:
                kind = NAME
            label = column["title"] or letters(i)
            self.fields[f"kind_{i}"] = forms.ChoiceField(
                choices=KINDS, initial=kind, required=False, label=label
            )
            self.fields[f"attribute_{i}"] = forms.CharField(
                initial=attributes.get(i, title),
                required=False,
                max_length=headers.LONGEST_ATTRIBUTE_NAME,
                label=_("Attribute of the column %(column)s") % {"column": label},
            )

    def _choose_widget(self, site: Any) -> None:
        field = self.fields["lists"]
        choices = field.choices  # type: ignore[attr-defined]
        field.widget = lists_widget(ContactImport._meta.get_field("lists"), site)
        field.widget.choices = choices

    def _allow_only_permitted(self, user: Any) -> None:
        if not user.has_perm("csms_campaigns.add_contactlist"):
            del self.fields["new_list"]
        if not user.has_perm("csms_campaigns.change_contactlist"):
            self.fields["list_action"].choices = [  # type: ignore[attr-defined]
                (ListAction.ADD.value, ListAction.ADD.label)
            ]

    def columns(self) -> Iterator[dict[str, Any]]:
        """For the page: each column of the file with its two fields."""
        for i, column in enumerate(self._job.header):
            yield {
                "title": column["title"],
                "letters": letters(i),
                "samples": [sample for sample in column["samples"] if sample],
                "kind": self[f"kind_{i}"],
                "attribute": self[f"attribute_{i}"],
            }

    def clean_region(self) -> str:
        try:
            return known_region(self.cleaned_data["region"]) or ""
        except ImportFailed as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        kinds = [found.get(f"kind_{i}", IGNORE) for i in range(len(self._job.header))]
        if kinds.count(PHONE) != 1:
            self.add_error(None, _("Choose one column that holds the phone numbers."))
        if kinds.count(NAME) > 1:
            self.add_error(None, _("Only one column can be the name."))
        found["attributes"] = list(self._attributes(found, kinds))
        if (
            found.get("list_action") == ListAction.REPLACE
            and not found.get("lists")
            and not found.get("new_list")
        ):
            self.add_error("lists", _("Choose the list whose members are replaced."))
        return found

    def _attributes(
        self, found: dict[str, Any], kinds: list[str]
    ) -> Iterator[tuple[int, str]]:
        seen: set[str] = set()
        for i, kind in enumerate(kinds):
            if kind != ATTRIBUTE:
                continue
            name = normalise_name(found.get(f"attribute_{i}") or "")
            if not name:
                self.add_error(f"attribute_{i}", _("Give the attribute a name."))
            elif name in seen:
                message = _("Two columns are named “%(name)s”. Rename or remove one.")
                self.add_error(f"attribute_{i}", message % {"name": name})
            seen.add(name)
            yield i, name

    def choice(self) -> Choice:
        """Of a valid form."""
        found = self.cleaned_data
        kinds = [found[f"kind_{i}"] for i in range(len(self._job.header))]
        columns = headers.Columns(
            width=len(kinds),
            phone=kinds.index(PHONE),
            name=kinds.index(NAME) if NAME in kinds else None,
            attributes=tuple(found["attributes"]),
        )
        return Choice(
            columns,
            region=found["region"],
            list_action=found["list_action"],
            lists=list(found["lists"]),
            new_list=found.get("new_list", ""),
        )


def letters(position: int) -> str:
    """As a spreadsheet names its columns: A, B, … AA."""
    text, number = "", position + 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text
