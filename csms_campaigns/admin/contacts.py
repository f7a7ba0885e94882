"""People, lists and opt-outs: the rows that staff edit by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.attributes import AttributesField
from csms_campaigns.admin.contact_filters import ContactChangeList
from csms_campaigns.admin.invalid_pages import InvalidPages
from csms_campaigns.admin.list_widgets import lists_widget
from csms_campaigns.admin.listing import CAP, CappedCount, LargeTableAdmin, capped
from csms_campaigns.admin.opt_out_pages import OptOutPages
from csms_campaigns.admin.person_pages import PersonPages
from csms_campaigns.admin.phones import PhoneField, looks_like_number, numbers_like
from csms_campaigns.admin.selection_pages import SelectionPages
from csms_campaigns.admin.words import isolated
from csms_campaigns.engine import opting_out
from csms_campaigns.models import Contact, ContactList, OptOut
from csms_campaigns.models.fields import e164
from csms_campaigns.states import OptOutSource

MEMBERSHIP = Contact.lists.through


class ContactForm(forms.ModelForm):
    phone = PhoneField(
        label=_("Phone"),
        help_text=_("With the country code, such as +12125551234."),
    )
    attributes = AttributesField(
        label=_("Attributes"),
        required=False,
        help_text=_(
            "One “name: value” on each line, such as city: Paris. Messages use them as "
            "placeholders."
        ),
    )

    class Meta:
        model = Contact
        fields = ["phone", "name", "lists", "attributes"]


@admin.register(Contact)
class ContactAdmin(InvalidPages, PersonPages, SelectionPages, LargeTableAdmin):
    change_form_template = "admin/csms_campaigns/contact/change_form.html"
    change_list_template = "admin/csms_campaigns/contact/change_list.html"
    form = ContactForm
    list_display = ["phone_text", "name", "attributes_text", "created_at"]
    list_display_links = ["phone_text", "name"]
    search_fields = ["phone", "name"]
    search_help_text = _("A number or its beginning, or the beginning of a name.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ContactChangeList

    def formfield_for_manytomany(
        self, db_field: Any, request: Any, **kwargs: Any
    ) -> Any:
        kwargs["widget"] = lists_widget(db_field, self.admin_site)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description=_("phone"))
    def phone_text(self, contact: Contact) -> SafeString:
        return isolated(e164(contact.phone))

    @admin.display(description=_("attributes"))
    def attributes_text(self, contact: Contact) -> str:
        shown = list(contact.attributes.items())[:3]
        text = " · ".join(f"{name}: {value}" for name, value in shown)
        return f"{text} …" if len(contact.attributes) > len(shown) else text

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(name__istartswith=term)
        if looks_like_number(term):
            found |= numbers_like(queryset, term)
        return queryset.filter(found), False


@admin.register(ContactList)
class ContactListAdmin(LargeTableAdmin):
    list_display = ["name", "people", "created_at"]
    fields = ["name"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        members = MEMBERSHIP.objects.filter(contactlist_id=OuterRef("pk"))
        people = CappedCount(members.values("pk")[: CAP + 1])
        lists: QuerySet = super().get_queryset(request).annotate(people_count=people)
        return lists

    @admin.display(description=_("people"))
    def people(self, contact_list: ContactList) -> SafeString:
        url = reverse(f"{self.admin_site.name}:csms_campaigns_contact_changelist")
        return format_html(
            '<a href="{}?list={}">{}</a>',
            url,
            contact_list.pk,
            isolated(capped(contact_list.people_count)),  # type: ignore[attr-defined]
        )

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        # The stock page would load and print each membership: a million lines.
        note = gettext("The contacts of this list stay; only the list goes.")
        return (
            [*map(str, objs), note],
            {ContactList._meta.verbose_name: len(objs)},
            set(),
            [],
        )

    def delete_model(self, request: HttpRequest, obj: ContactList) -> None:
        MEMBERSHIP.objects.filter(contactlist_id=obj.pk).delete()
        super().delete_model(request, obj)


class OptOutForm(forms.ModelForm):
    phone = PhoneField(
        label=_("Phone"),
        help_text=_("This number is never texted again, whatever list it is in."),
    )

    class Meta:
        model = OptOut
        fields = ["phone", "reason"]


@admin.register(OptOut)
class OptOutAdmin(OptOutPages, LargeTableAdmin):
    form = OptOutForm
    list_display = ["phone_text", "reason", "source_text", "created_by", "created_at"]
    list_select_related = ["created_by"]
    search_fields = ["phone"]
    search_help_text = _("A number or its beginning.")
    fields = ["phone", "reason", "source_text", "created_by", "created_at"]
    readonly_fields = ["source_text", "created_by", "created_at"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else ["phone", "reason"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("phone"))
    def phone_text(self, opt_out: OptOut) -> SafeString:
        return isolated(e164(opt_out.phone))

    @admin.display(description=_("source"))
    def source_text(self, opt_out: OptOut) -> str:
        known = dict(OptOutSource.choices)
        return str(known.get(opt_out.source, opt_out.source))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(numbers_like(queryset, search_term)), False

    def save_model(
        self, request: HttpRequest, obj: OptOut, form: Any, change: bool
    ) -> None:
        phone = e164(obj.phone)
        source, by = OptOutSource.ADMIN, request.user
        opting_out.opt_out(phone, source=source, reason=obj.reason, by=by)
        obj.pk = OptOut.objects.get(phone=phone).pk

    def delete_model(self, request: HttpRequest, obj: OptOut) -> None:
        opting_out.opt_in([e164(obj.phone)])

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        shown, counts, missing, protected = super().get_deleted_objects(objs, request)
        note = gettext("From then on campaigns may text this number again.")
        return [*shown, note], counts, missing, protected
