"""The list pages: quick at any size, and closed to whoever may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from csms_campaigns.admin import listing
from csms_campaigns.admin import sending as admin_sending
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    ContactList,
    GatewayAccount,
    MessageTemplate,
    OptOut,
    SendResult,
)
from tests.admin import pages
from tests.admin.conftest import phone

EVERY = [
    *("contact", "contactlist", "optout", "campaign"),
    *("batch", "attempt", "sendresult", "gatewayaccount"),
]
OWNED = ["batch", "attempt", "sendresult", "gatewayaccount"]


def queries_of(client: Client, address: str, **data: Any) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        assert client.get(address, data).status_code == 200
    return [query["sql"] for query in found.captured_queries]


def grow(everyone: ContactList) -> None:
    """Some hundred more of everything that a list page shows."""
    people = [Contact(phone=phone(n), name="More") for n in range(2000, 2100)]
    found = Contact.objects.bulk_create(people)
    everyone.contacts.add(*found)
    OptOut.objects.bulk_create(OptOut(phone=phone(n)) for n in range(3000, 3100))
    names = [f"List {n}" for n in range(60)]
    for one in ContactList.objects.bulk_create(ContactList(name=n) for n in names):
        one.contacts.add(found[0])
    for number in range(15):
        campaign = lifecycle.create(
            name=f"Campaign {number}",
            message="{{ name }} {{ phone }}",
            lists=[everyone],
        )
        audience.review(campaign.pk)
    account = GatewayAccount.objects.get()
    Attempt.objects.bulk_create(
        Attempt(
            account=account,
            batch=batch,
            cum=100 + batch.pk,
            stamped_at="2030-01-01T00:00Z",
        )
        for batch in Batch.objects.all()[:80]
    )


@pytest.mark.parametrize("model", EVERY)
def test_no_row_costs_a_query(
    office: Client, everyone: ContactList, sending: Campaign, model: str
) -> None:
    office.get(pages.listing(model))
    few = queries_of(office, pages.listing(model))
    grow(everyone)
    many = queries_of(office, pages.listing(model))
    # Two more ask how many there are, now that they do not fit one page.
    assert len(many) <= len(few) + 2
    assert len(many) <= 10


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing.LargeTableAdmin, "list_per_page", 2)


@pytest.mark.parametrize("model", EVERY)
def test_nothing_is_counted_beyond_the_cap(
    office: Client, sending: Campaign, short_pages: None, model: str
) -> None:
    counts = [
        sql
        for sql in queries_of(office, pages.listing(model))
        if "COUNT(" in sql and "csms_campaigns" in sql
    ]
    assert all(f"LIMIT {listing.CAP + 1}" in sql for sql in counts)


def test_a_count_beyond_the_cap_is_said_to_be_more(
    office: Client,
    everyone: ContactList,
    short_pages: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "CAP", 3)
    page = pages.text(office.get(pages.listing("contact")))
    assert "<bdi>3+</bdi> contacts" in page
    found = pages.text(office.get(pages.listing("contact"), {"q": "Person"}))
    assert "2+ results" in found


def test_what_would_cost_too_much_to_count_is_told_about(
    office: Client,
    everyone: ContactList,
    short_pages: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "CHEAP", 0)
    page = pages.text(office.get(pages.listing("contact")))
    if connection.vendor == "postgresql":
        assert "<bdi>about " in page
    else:
        # It has no planner that could be asked.
        assert "<bdi>5</bdi> contacts" in page


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (7, "about 7"),
        (123, "about 120"),
        (9_994_321, "about 10,000,000"),
        (1_260_000, "about 1,300,000"),
    ],
)
def test_an_estimate_has_two_digits_that_mean_something(count: int, words: str) -> None:
    assert listing.about(count) == words


def names(page: Any) -> list[str]:
    return [row.name for row in page.context["cl"].result_list]


def turned(office: Client, page: Any, link: str) -> Any:
    address = getattr(page.context["cl"], f"{link}_link")
    assert address, f"the page has no {link} page"
    assert f'data-page="{link}"' in pages.text(page)
    return office.get(pages.listing("contact") + address)


@pytest.mark.usefixtures("everyone", "short_pages")
def test_pages_are_turned_to_the_end_and_back(office: Client) -> None:
    first = office.get(pages.listing("contact"))
    assert names(first) == ["Person 1004", "Person 1003"]
    assert not first.context["cl"].previous_link
    second = turned(office, first, "next")
    third = turned(office, second, "next")
    assert names(second) + names(third) == ["Person 1002", "Person 1001", "Person 1000"]
    assert not third.context["cl"].next_link
    assert names(turned(office, third, "previous")) == names(second)
    assert names(turned(office, second, "previous")) == names(first)
    assert names(turned(office, third, "first")) == names(first)
    last = turned(office, first, "last")
    assert names(last) == ["Person 1001", "Person 1000"]
    assert names(turned(office, last, "previous")) == ["Person 1003", "Person 1002"]


@pytest.mark.usefixtures("everyone", "short_pages")
def test_pages_keep_the_filters_and_filters_forget_the_page(office: Client) -> None:
    page = office.get(pages.listing("contact"), {"q": "Person"})
    following = turned(office, page, "next")
    assert following.context["cl"].query == "Person"
    assert "after=" not in following.context["cl"].get_query_string({"q": "x"})


@pytest.mark.usefixtures("everyone", "short_pages")
@pytest.mark.parametrize("place", ["x", "-1", "9" * 40, "\0"])
def test_a_place_that_is_none_is_the_beginning(office: Client, place: str) -> None:
    for name in (listing.AFTER, listing.BEFORE):
        page = office.get(pages.listing("contact"), {name: place})
        assert names(page) == ["Person 1004", "Person 1003"]


@pytest.mark.usefixtures("everyone", "short_pages")
def test_a_page_behind_the_last_row_leads_back(office: Client) -> None:
    oldest = Contact.objects.earliest("pk").pk
    page = office.get(pages.listing("contact"), {listing.AFTER: oldest})
    assert names(page) == []
    assert names(turned(office, page, "previous"))


@pytest.mark.usefixtures("db", "short_pages")
def test_pages_in_the_order_of_names(office: Client) -> None:
    for name in "ecadb":
        MessageTemplate.objects.create(name=name, message="Hello")
    address, seen = pages.listing("messagetemplate"), ""
    query = ""
    for _page in range(3):
        found = office.get(address + query).context["cl"]
        seen += "".join(row.name for row in found.result_list)
        query = found.next_link
    assert seen == "abcde"
    last = office.get(address, {listing.LAST: "1"}).context["cl"]
    assert [row.name for row in last.result_list] == ["d", "e"]
    back = office.get(address + last.previous_link).context["cl"]
    assert [row.name for row in back.result_list] == ["b", "c"]


@pytest.mark.parametrize("model", EVERY)
def test_an_address_cannot_sort_by_an_unindexed_column(
    office: Client, sending: Campaign, model: str
) -> None:
    plain = office.get(pages.listing(model)).context["cl"]
    forged = office.get(pages.listing(model), {"o": "2.-3"}).context["cl"]
    assert str(forged.queryset.query.order_by) == str(plain.queryset.query.order_by)


@pytest.mark.parametrize("model", OWNED)
def test_what_the_engine_owns_is_only_looked_at(
    office: Client, sending: Campaign, model: str
) -> None:
    rows: dict[str, Any] = {
        "batch": Batch,
        "attempt": Attempt,
        "sendresult": SendResult,
        "gatewayaccount": GatewayAccount,
    }
    if model == "attempt":
        account = GatewayAccount.objects.get()
        batch = Batch.objects.earliest("pk")
        Attempt.objects.create(
            account=account, batch=batch, cum=1, stamped_at="2030-01-01T00:00Z"
        )
    row = rows[model].objects.earliest("pk")
    assert office.get(pages.change(row)).status_code == 200
    assert office.post(pages.change(row), {}).status_code == 403
    assert office.post(pages.deletion(row), {"post": "yes"}).status_code == 403
    assert office.get(pages.adding(model)).status_code == 403
    assert rows[model].objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", EVERY)
def test_lists_are_open_to_viewers_only(
    browse: Callable[..., Client], onlooker: User, sending: Campaign, model: str
) -> None:
    assert browse(onlooker).get(pages.listing(model)).status_code == 200
    stranger = User.objects.create_user("stranger", is_staff=True)
    assert browse(stranger).get(pages.listing(model)).status_code == 403
    away = browse().get(pages.listing(model))
    assert away.status_code == 302
    assert away["Location"].startswith("/admin/login/")


def test_an_account_says_in_words_why_it_does_not_send(
    office: Client, sending: Campaign
) -> None:
    GatewayAccount.objects.update(
        blocked_reason="key_refused",
        blocked_detail="Invalid <key>",
        remaining_credits=12345,
    )
    page = pages.text(office.get(pages.listing("gatewayaccount")))
    assert "The gateway refuses the API key, until somebody resumes" in page
    assert "12,345" in page
    account = GatewayAccount.objects.get()
    assert "Invalid &lt;key&gt;" in pages.text(office.get(pages.change(account)))
    GatewayAccount.objects.update(blocked_until="2099-06-01T00:00Z")
    assert "2099" in pages.text(office.get(pages.listing("gatewayaccount")))
    GatewayAccount.objects.update(blocked_until="2001-01-01T00:00Z")
    assert "May send" in pages.text(office.get(pages.listing("gatewayaccount")))


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("most", [20_000, 0])
def test_the_batches_of_one_campaign_are_turned_like_all(
    office: Client,
    sending: Campaign,
    everyone: ContactList,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """Whether they are few enough to be sorted, or not."""
    monkeypatch.setattr(admin_sending, "FEW_BATCHES", most)
    other = lifecycle.create(name="Other", message="{{ phone }}", lists=[everyone])
    audience.review(other.pk)
    own = Batch.objects.filter(campaign=sending).order_by("-pk")
    expected = list(own.values_list("pk", flat=True))
    assert len(expected) == 4
    chosen = {"campaign__id": sending.pk}
    first = office.get(pages.listing("batch"), chosen)
    changelist = first.context["cl"]
    second = office.get(pages.listing("batch") + changelist.next_link)
    last = office.get(pages.listing("batch") + changelist.last_link)
    assert rows_of(first) == expected[:2]
    assert rows_of(second) == rows_of(last) == expected[2:]


def rows_of(page: Any) -> list[int]:
    return [row.pk for row in page.context["cl"].result_list]


def test_a_campaign_that_is_only_looked_at_looks_up_nobody(
    office: Client, sending: Campaign
) -> None:
    """Its audience is sampled and counted for the box in which a text is written."""
    asked = queries_of(office, pages.change(sending))
    assert len(asked) <= 15
    assert not [
        sql for sql in asked if ContactList.contacts.through._meta.db_table in sql
    ]
