"""Which text each one gets, and with whom they share a request."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import (
    audience,
    batching,
    composition,
    freezing,
    people,
    writing,
)
from csms_campaigns.engine.composition import check_parts
from csms_campaigns.engine.discarding import discard
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.frozen import check_frozen
from tests.engine.scenes import together

pytestmark = pytest.mark.django_db

CURLY = "“Sale” – don’t miss it… " + "x" * 60


def prepared(campaign: Campaign, **options: Any) -> list[Batch]:
    Campaign.objects.filter(pk=campaign.pk).update(**options)
    audience.review(campaign.pk)
    return check_frozen(campaign)


def with_attributes(*given: dict[str, Any]) -> ContactList:
    chosen = ContactList.objects.create(name="Given")
    for index, attributes in enumerate(given):
        contact = Contact.objects.create(
            phone=factories.number(index), name=f"P{index}", attributes=attributes
        )
        contact.lists.add(chosen)
    return chosen


# Slices


@pytest.mark.parametrize("size", [1, 3, 5, 7, 100])
@pytest.mark.parametrize("step", [1, 4, 5, 10, 1000])
def test_slices_and_requests_of_any_size(
    configure: Any, monkeypatch: pytest.MonkeyPatch, size: int, step: int
) -> None:
    configure(BATCH_SIZE=size)
    monkeypatch.setattr(people, "SLICE", step)
    chosen = factories.people(23)
    factories.opt_out([factories.number(i) for i in (0, 4, 5, 22)])
    campaign = factories.draft(lists=[chosen])
    batches = prepared(campaign)
    assert sum(b.size for b in batches) == 19
    assert batches[0].size == min(5, size)
    assert {b.size for b in batches[1:-1]} <= {size}
    for batch in batches:
        assert SendResult.objects.filter(batch=batch).count() == batch.size


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("step", [1, 2, 5, 8, 1000])
def test_texts_of_several_slices(
    configure: Any, monkeypatch: pytest.MonkeyPatch, size: int, step: int
) -> None:
    """Some stand alone, others are of requests that earlier slices have begun."""
    configure(BATCH_SIZE=size)
    monkeypatch.setattr(people, "SLICE", step)
    words = [f"alone {i}" if i % 3 else "together" for i in range(23)]
    campaign = factories.draft(
        message="Hi {{ word }}", lists=[with_attributes(*({"word": w} for w in words))]
    )
    batches = prepared(campaign)
    assert sorted(
        b.message for b in batches if b.size == 1 and "alone" in b.message
    ) == (sorted(f"Hi {w}" for w in words if w != "together"))
    shared = [b.size for b in batches if b.message == "Hi together"]
    assert sum(shared) == words.count("together")
    assert set(shared[1:-1]) <= {size}
    assert [b.number for b in batches] == list(range(1, len(batches) + 1))


def test_the_range_of_a_campaign_begins_with_its_first_recipient() -> None:
    """Not with the ids of all that were deleted before it: deleting walks over it in steps."""
    chosen = crowd(250)
    gone = factories.draft(lists=[chosen])
    audience.review(gone.pk)
    discard(gone.pk)
    campaign = factories.draft(lists=[chosen])
    prepared(campaign)
    ids = sorted(SendResult.objects.values_list("pk", flat=True))
    assert (campaign.first_result_id, campaign.last_result_id) == (ids[0], ids[-1])
    assert ids[0] > 250


def test_people_keep_their_order_in_the_requests() -> None:
    campaign = factories.draft(lists=[crowd(250)])
    prepared(campaign)
    found = SendResult.objects.order_by("batch__number", "contact")
    contacts = list(found.values_list("contact", flat=True))
    assert contacts == sorted(contacts)


def test_a_text_that_looks_like_sql_stays_a_text() -> None:
    text = "100% off: 'x' \\ %s {table}; DROP TABLE x; --"
    [batch] = prepared(factories.draft(message=text))
    assert batch.message == text


@pytest.mark.parametrize(
    "wrong",
    ["garbage", "", "+", "0501234567", "+0501234567", "+966 50123", "+12125551234 "]
    + ["+121255", "+12125551234x", " +12125551234", "+1_212_5551", "١٢١٢٥٥٥١٢٣٤"]
    + ["-12125551234", "+-2125551234", "12125551234"],
)
@pytest.mark.parametrize("message", ["Hello", "Hello {{ name }}"])
def test_what_is_no_number_is_left_out_in_each_way_of_writing(
    message: str, wrong: str
) -> None:
    chosen = factories.people(5)
    third = chosen.contacts.order_by("pk")[2]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE csms_campaigns_contact SET phone = %s WHERE id = %s",
            [wrong, third.pk],
        )
    prepared(factories.draft(message=message, lists=[chosen]))
    left_out = SendResult.objects.get(status="skipped")
    assert (left_out.skip_reason, left_out.error) == ("invalid_phone", wrong)
    assert (left_out.phone, left_out.contact_id) == (None, third.pk)


# Excluded lists


@pytest.mark.parametrize("message", ["Hello", "Hello {{ name }}"])
def test_who_is_in_an_excluded_list_is_not_in_the_audience(message: str) -> None:
    chosen = factories.people(9)
    without = ContactList.objects.create(name="Staff")
    without.contacts.add(*chosen.contacts.order_by("pk")[2:5])
    campaign = factories.draft(message=message, lists=[chosen], exclude_lists=[without])
    prepared(campaign)
    assert campaign.audience_count == 6
    reached = set(SendResult.objects.values_list("contact", flat=True))
    assert not reached & set(without.contacts.values_list("pk", flat=True))


def test_when_everybody_is_excluded_it_stays_a_draft() -> None:
    chosen = factories.people(3)
    campaign = factories.draft(lists=[chosen], exclude_lists=[chosen])
    with pytest.raises(CampaignError, match="empty"):
        audience.review(campaign.pk)


# Values


def texts() -> list[str]:
    found = SendResult.objects.filter(status="pending").order_by("contact")
    return list(found.values_list("batch__message", flat=True))


def test_values_are_found_in_any_case_and_beside_those_that_are_right() -> None:
    chosen = with_attributes(
        {"city": "Riyadh"},
        {"City": "Jeddah"},
        {"CITY ": "Abha", "other": "x"},
        {"city": "Dammam", "City": "not this"},
    )
    prepared(factories.draft(message="{{ city }}", lists=[chosen]))
    assert texts() == ["Riyadh", "Jeddah", "Abha", "Dammam"]


def test_values_that_are_no_text() -> None:
    chosen = with_attributes({"n": 44}, {"n": 1.5}, {"n": 0}, {"n": None}, {"n": ""})
    campaign = factories.draft(message="{{ n }}", lists=[chosen])
    prepared(campaign)
    assert texts() == ["44", "1.5", "0"]
    left_out = SendResult.objects.filter(skip_reason="missing_placeholder")
    assert set(left_out.values_list("error", flat=True)) == {"n"}
    assert left_out.count() == 2


@pytest.mark.parametrize(
    "name", ["shoe size", "الاسم", "50%", "a.b", "a\\b", "x$", "0", "a[0]", "a?"]
)
def test_names_of_any_letters(name: str) -> None:
    chosen = with_attributes({name: "right"}, {name.upper(): "right"}, {"x": "no"})
    prepared(factories.draft(message=f"{{{{ {name} }}}}", lists=[chosen]))
    assert texts() == ["right", "right"]


def test_attributes_that_are_no_dict_leave_out_that_one_person() -> None:
    chosen = with_attributes({"city": "Riyadh"}, {})
    Contact.objects.filter(name="P1").update(attributes=["a", "list"])
    prepared(factories.draft(message="{{ name }} {{ city }}", lists=[chosen]))
    assert texts() == ["P0 Riyadh"]


def test_a_number_of_their_own_is_stronger_than_the_one_that_is_texted() -> None:
    chosen = with_attributes({"phone": "ext. 7"}, {})
    prepared(factories.draft(message="{{ phone }}", lists=[chosen]))
    assert texts() == ["ext. 7", factories.number(1)]


def test_a_name_in_capitals_beyond_the_sample_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(composition, "SAMPLE", 1)
    chosen = with_attributes({"Shoe  SIZE": "44"}, {}, {"other": "x"})
    check_parts(message="{{ shoe size }}", list_ids=[chosen.pk], account="default")
    with pytest.raises(CampaignError, match="{{ shoe }}"):
        check_parts(message="{{ shoe }}", list_ids=[chosen.pk], account="default")


def test_attributes_that_are_no_dict_do_not_stop_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(composition, "SAMPLE", 1)
    chosen = with_attributes({"Size": "44"}, {}, {}, {})
    Contact.objects.filter(name="P1").update(attributes=["a"])
    Contact.objects.filter(name="P2").update(attributes=7)
    assert "size" in composition.all_attributes([chosen.pk])


# Smart encoding


def test_what_saves_a_segment_is_written_in_plain_letters() -> None:
    campaign = factories.draft(message=CURLY)
    [batch] = prepared(campaign, smart_encoding=True)
    assert batch.message.startswith('"Sale" - don\'t miss it...')
    assert batch.segments == 1
    [batch] = prepared(campaign, smart_encoding=False)
    assert batch.message == CURLY
    assert batch.segments == 2


def test_what_saves_nothing_stays_as_it_was_written() -> None:
    campaign = factories.draft(message="“Sale” – today…")
    assert prepared(campaign, smart_encoding=True)[0].message == "“Sale” – today…"


def test_arabic_is_never_touched() -> None:
    text = "خصم “كبير” – اليوم… " + "س" * 80
    campaign = factories.draft(message=text)
    assert prepared(campaign, smart_encoding=True)[0].message == text


def test_each_final_text_is_decided_by_itself() -> None:
    chosen = with_attributes(
        {"x": "’" + "a" * 75}, {"x": "'" + "a" * 75}, {"x": "’"}, {"x": "ع’" + "a" * 75}
    )
    campaign = factories.draft(message="{{ x }}", lists=[chosen])
    batches = prepared(campaign, smart_encoding=True)
    assert [(b.message[:2], b.size, b.segments) for b in batches] == [
        ("'a", 2, 1),
        ("’", 1, 1),
        ("ع’", 1, 2),
    ]


# Slices that are made while those before are written


@contextmanager
def _ahead(*_given: Any) -> Iterator[freezing.Begin]:
    """The next slice is made before this one is written: what a thread may do, always."""

    def begin(do: freezing.Answer) -> freezing.Answer:
        with ThreadPoolExecutor(1) as thread:
            try:
                found = thread.submit(do).result()
            finally:
                thread.submit(lambda: connection.close()).result()
        return lambda: found

    yield begin


@pytest.mark.parametrize("size", [3, 100])
@pytest.mark.django_db(transaction=True)
def test_after_each_slice_the_batches_are_as_large_as_their_recipients_are_many(
    configure: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Also where the next slice has been made already, and put more people into them."""
    configure(BATCH_SIZE=size)
    monkeypatch.setattr(people, "SLICE", 5)
    monkeypatch.setattr(freezing, "_beside", _ahead)
    seen = []

    def write_figures(*given: Any) -> None:
        planned = Batch.objects.aggregate(n=Sum("size"))["n"]
        assert planned == SendResult.objects.exclude(batch=None).count()
        seen.append(planned)
        real(*given)

    real = writing.write_figures
    monkeypatch.setattr(writing, "write_figures", write_figures)
    prepared(factories.draft(message="Hi {{ name }}", lists=[factories.people(23)]))
    assert seen == [5, 10, 15, 20, 23]


@pytest.mark.django_db(transaction=True)
def test_others_may_write_between_the_reading_and_the_writing_of_a_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def assign(self: batching.Batcher, found: Any) -> Any:
        answer = real(self, found)
        together(lambda: factories.people(1, "Others"), 1)
        return answer

    real = batching.Batcher.assign
    monkeypatch.setattr(batching.Batcher, "assign", assign)
    monkeypatch.setattr(people, "SLICE", 5)
    chosen = factories.people(23)
    campaign = factories.draft(message="Hi {{ name }}", lists=[chosen])
    assert sum(b.size for b in prepared(campaign)) == 23


@pytest.mark.django_db(transaction=True)
def test_a_fault_in_the_making_is_told_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(people, "SLICE", 5)
    fill = batching.Batcher.row

    def row(self: batching.Batcher, person: people.Person) -> batching.Row:
        if person.phone == factories.number(17):
            message = "Too much"
            raise RuntimeError(message)
        return fill(self, person)

    monkeypatch.setattr(batching.Batcher, "row", row)
    campaign = factories.draft(lists=[factories.people(23)])
    with pytest.raises(CampaignError, match="could not be prepared"):
        audience.review(campaign.pk)
    assert "Too much" in caplog.text
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT
    assert not SendResult.objects.exists()
    assert not Batch.objects.exists()


# A connection of its own for the reading, where there can be one


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The thread of each reading of a slice, and the rows are in slices of five."""
    found: list[str] = []

    def read(*given: Any) -> Any:
        found.append(current_thread().name.partition("_")[0])
        return real(*given)

    real = people.read
    monkeypatch.setattr(people, "read", read)
    monkeypatch.setattr(people, "SLICE", 5)
    return found


@contextmanager
def each_new_connection(do: Callable[[Any], None]) -> Iterator[None]:
    """`do(connection)` in whatever thread of the preparing opens one."""

    def made(connection: Any, **_given: Any) -> None:
        if current_thread() is not main_thread():
            do(connection)

    connection_created.connect(made)
    try:
        yield
    finally:
        connection_created.disconnect(made)


@pytest.mark.django_db(transaction=True)
def test_people_are_read_beside_the_writing(readers: list[str]) -> None:
    with CaptureQueriesContext(connection) as ours:
        prepared(factories.draft(lists=[factories.people(23)]))
    if connection.vendor == "postgresql":
        assert set(readers) == {"csms-people"}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND query LIKE %s",
                ["%contactlist_id%LIMIT 5%"],
            )
            assert cursor.fetchone() == (0,), "its connection is still open"
        assert not [one for one in ours if "LIMIT 5" in one["sql"]]
    else:
        assert set(readers) == {main_thread().name}
    assert len(readers) == 6


@pytest.mark.django_db(transaction=True)
def test_where_no_second_connection_is_to_be_had_one_is_enough(
    readers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_connection: Any) -> None:
        message = "sorry, too many clients already"
        raise OperationalError(message)

    with each_new_connection(refuse):
        prepared(factories.draft(lists=[factories.people(23)]))
    assert set(readers) == {main_thread().name}
    told = "one connection" in caplog.text
    assert told == (connection.vendor == "postgresql")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_cut_while_it_reads_leaves_all_to_the_next_process(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*given: Any) -> Any:
        if len(readers) == 2 and connection.vendor == "postgresql":
            _cut()
        return real(*given)

    real = people.read
    monkeypatch.setattr(people, "read", read)
    campaign = factories.draft(message="Hi {{ name }}", lists=[factories.people(23)])
    if connection.vendor == "postgresql":
        with pytest.raises(OperationalError):
            audience.review(campaign.pk)
        campaign.refresh_from_db()
        assert (campaign.status, campaign.audience_count) == ("preparing", 10)
        Campaign.objects.update(prepare_lease_until=campaign.created_at)
        audience.prepare_once(campaign.pk, "")
    else:
        audience.review(campaign.pk)
    assert sum(b.size for b in check_frozen(campaign)) == 23


def _cut() -> None:
    """The server ends this thread's connection, as an administrator or a failover does."""
    with connection.cursor() as cursor, suppress(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_reaches_the_rows_of_others_is_not_read_from(
    readers: list[str],
) -> None:
    """As where a site chooses the schema of a tenant for the connection of its request."""
    campaign = factories.draft(lists=[factories.people(23)])
    with _others(), each_new_connection(_in_others):
        prepared(campaign)
    reached = set(SendResult.objects.values_list("phone", flat=True))
    assert reached == {factories.number(index) for index in range(23)}
    assert set(readers) == {main_thread().name}


@contextmanager
def _others() -> Iterator[None]:
    """The same tables once more, with contacts of the same ids and other numbers. In SQLite
    there is no such thing, and no second connection."""
    if connection.vendor != "postgresql":
        yield
        return
    contacts = Contact._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA others")
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"CREATE TABLE others.{name} (LIKE {name} INCLUDING ALL)")
        cursor.execute(f"INSERT INTO others.{contacts} SELECT * FROM {contacts}")  # noqa: S608 our own
        cursor.execute(f"UPDATE others.{contacts} SET phone = '+' || id")  # noqa: S608 our own
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA others CASCADE")


def _in_others(found: Any) -> None:
    with found.cursor() as cursor:
        cursor.execute("SET search_path TO others")


# The collector of cycles


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was_found(
    enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = factories.draft(message="Hello {{ name }}")
    (gc.enable if enabled else gc.disable)()
    try:
        audience.review(campaign.pk)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
