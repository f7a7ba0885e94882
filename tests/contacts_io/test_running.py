"""An uploaded import whose worker dies, freezes, is doubled or told to end: no person is counted
twice, and nothing is half-told."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.utils import timezone, translation

from csms_campaigns.contacts_io import chunks, jobs, members, report, running, spool
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.headers import match
from csms_campaigns.contacts_io.jobs import Choice
from csms_campaigns.contacts_io.upsert import Writer
from csms_campaigns.models import (
    Contact,
    ContactImport,
    ContactList,
    ImportChunk,
    OptOut,
)
from csms_campaigns.states import (
    ChunkKind,
    ImportStage,
    ListAction,
)

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 10


class Killed(BaseException):
    """No handler of the worker's sees it, as none sees SIGKILL."""


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SLICE_ROWS", 3)
    monkeypatch.setattr(members, "WINDOW", 4)
    monkeypatch.setattr(report, "ROWS_OF_A_PIECE", 4)
    monkeypatch.setattr(running, "SIGN_OF_LIFE", 0.0)


def phone(index: int) -> str:
    return f"+1212555{1000 + index}"


def text(count: int = PEOPLE) -> str:
    """People, one row with a problem, and one number again."""
    rows = "".join(f"{phone(i)},Person {i}\n" for i in range(count))
    return f"phone,name\n{rows}bad,x\n{phone(0)},Other\n"


def uploaded(content: str = "", **options: Any) -> ContactImport:
    return jobs.upload(
        io.BytesIO((content or text()).encode()), name="people.csv", **options
    )


def choice(**options: Any) -> Choice:
    return Choice(match(["phone", "name"]), "US", **options)


def checked(content: str = "", **options: Any) -> ContactImport:
    job = uploaded(content)
    running.run_once(job.pk, str(jobs.begin_check(job.pk, choice(**options))))
    return fresh(job)


def confirmed(content: str = "", **options: Any) -> ContactImport:
    job = checked(content, **options)
    assert job.stage == ImportStage.CHECKED, job.reason
    jobs.confirm(job.pk)
    return fresh(job)


def fresh(job: ContactImport) -> ContactImport:
    return ContactImport.objects.get(pk=job.pk)


def lease_ends(job: ContactImport) -> None:
    """A minute passes."""
    past = timezone.now() - timedelta(seconds=1)
    ContactImport.objects.filter(pk=job.pk).update(lease_until=past)


def continued(job: ContactImport) -> ContactImport:
    """Another worker, woken by the tick."""
    lease_ends(job)
    assert jobs.stale() == [job.pk]
    running.run_once(job.pk, "")
    return fresh(job)


WHOLE = {
    "rows": PEOPLE + 2,
    "created": PEOPLE,
    "updated": 0,
    "unchanged": 0,
    "invalid": 1,
    "duplicates": 1,
    "opted_out": 0,
    "errors_file": None,
}


def outcomes(job: ContactImport) -> list[tuple[str, str]]:
    lines = "".join(report.lines(job.pk)).removeprefix("\ufeff").splitlines()
    return [(row[0], row[2]) for row in csv.reader(lines[1:])]


EXPECTED = [
    *((str(i + 2), "new") for i in range(PEOPLE)),
    (str(PEOPLE + 2), "left out"),
    (str(PEOPLE + 3), "duplicate"),
]


def strike(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, at: int, *, after: bool
) -> None:
    """The process dies at the so-manieth call of this function, before or after its work."""
    original, count = getattr(where, name), 0

    def struck(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == at and not after:
            raise Killed
        found = original(*args, **options)
        if count == at:
            raise Killed
        return found

    monkeypatch.setattr(where, name, struck)


DEATHS = [
    pytest.param(running, "fill", 1, False, id="before reading"),
    pytest.param(running, "fill", 1, True, id="after reading"),
    pytest.param(Writer, "write", 1, False, id="before the first slice"),
    pytest.param(Writer, "write", 2, True, id="in the midst of the second slice"),
    pytest.param(Writer, "write", 4, True, id="in the midst of the last slice"),
    pytest.param(chunks, "write", 3, True, id="before the commit of a slice"),
    pytest.param(running, "_replace", 1, False, id="after the last slice"),
    pytest.param(running, "_end", 1, False, id="before the report"),
    pytest.param(chunks, "write", 6, True, id="in the midst of the report"),
    pytest.param(jobs, "end", 1, False, id="before the end"),
    pytest.param(jobs, "end", 1, True, id="before the commit of the end"),
]


@pytest.mark.parametrize(("where", "name", "at", "after"), DEATHS)
def test_wherever_a_worker_dies_the_next_one_ends_it_with_true_figures(
    where: Any, name: str, at: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring = ContactList.objects.create(name="Spring")
    job = confirmed(lists=[spring])
    with monkeypatch.context() as accident:
        strike(accident, where, name, at, after=after)
        with pytest.raises(Killed):
            running.run_once(job.pk, str(job.token))
    told = fresh(job)
    assert told.stage == ImportStage.IMPORTING
    # What is told is what is there.
    assert told.counts.get("created", 0) == Contact.objects.count()
    assert spring.contacts.count() == Contact.objects.count()
    job = continued(job)
    assert (job.stage, job.counts) == (ImportStage.DONE, WHOLE)
    assert outcomes(job) == EXPECTED
    assert spring.contacts.count() == Contact.objects.count() == PEOPLE
    assert not ImportChunk.objects.exclude(kind=ChunkKind.REPORT).exists()


def test_workers_that_die_again_and_again_come_to_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = confirmed()
    for _death in range(4):
        lease_ends(job)
        with monkeypatch.context() as accident:
            strike(accident, chunks, "write", 1, after=False)
            strike(accident, Writer, "write", 2, after=False)
            with pytest.raises(Killed):
                running.run_once(job.pk, "")
        with monkeypatch.context() as accident:
            strike(accident, Writer, "write", 2, after=False)
            lease_ends(job)
            try:
                running.run_once(job.pk, "")
            except Killed:
                continue
            break
    job = fresh(job)
    assert (job.stage, job.counts) == (ImportStage.DONE, WHOLE)


def test_a_dry_run_that_died_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job = uploaded()
    token = jobs.begin_check(job.pk, choice())
    with monkeypatch.context() as accident:
        strike(accident, Writer, "write", 2, after=True)
        with pytest.raises(Killed):
            running.run_once(job.pk, str(token))
    job = continued(job)
    assert job.stage == ImportStage.CHECKED
    assert job.planned["counts"] == WHOLE | {"removed": 0}
    assert not Contact.objects.exists()


def test_a_doubled_message_finds_nothing_to_do() -> None:
    job = confirmed()
    running.run_once(job.pk, str(job.token))
    before = list(Contact.objects.values())
    done = fresh(job)
    running.run_once(job.pk, str(job.token))
    running.run_once(job.pk, "")
    assert fresh(job).finished_at == done.finished_at
    assert list(Contact.objects.values()) == before


def test_nobody_takes_over_while_the_lease_holds() -> None:
    job = confirmed()
    assert jobs.take_over(job.pk, str(job.token)) is not None
    assert jobs.stale() == []
    assert jobs.take_over(job.pk, "") is None
    assert jobs.take_over(job.pk, str(job.token)) is None


def test_a_worker_that_froze_writes_nothing_after_another_took_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = confirmed()
    original, seen = running.fill, []

    def freeze(*args: Any) -> None:
        original(*args)
        if not seen:
            seen.append(True)
            # While it sleeps here another worker does all of it.
            assert continued(job).stage == ImportStage.DONE

    monkeypatch.setattr(running, "fill", freeze)
    running.run_once(job.pk, str(job.token))
    assert seen
    assert fresh(job).counts == WHOLE
    assert outcomes(job) == EXPECTED


def test_a_worker_that_is_told_to_end_gives_the_rest_back() -> None:
    job = confirmed()
    slices = iter([False] * 2)
    running.run_once(job.pk, str(job.token), should_stop=lambda: next(slices, True))
    told = fresh(job)
    assert told.stage == ImportStage.IMPORTING
    assert 0 < told.counts["created"] < PEOPLE
    assert jobs.stale() == [job.pk]
    running.run_once(job.pk, "")
    assert fresh(job).counts == WHOLE


def test_a_lost_connection_leaves_it_to_the_next_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = confirmed()

    def lose(*_args: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as accident:
        accident.setattr(Writer, "write", lose)
        with pytest.raises(OperationalError):
            running.run_once(job.pk, str(job.token))
    assert fresh(job).stage == ImportStage.IMPORTING
    assert continued(job).counts == WHOLE


def test_a_value_that_no_worker_can_store_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = confirmed()

    def refuse(*_args: Any) -> None:
        raise DataError

    monkeypatch.setattr(Writer, "write", refuse)
    running.run_once(job.pk, str(job.token))
    assert fresh(job).stage == ImportStage.FAILED
    assert jobs.stale() == []


def test_what_nobody_foresaw_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = confirmed()

    def fail(*_args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Writer, "write", fail)
    running.run_once(job.pk, str(job.token))
    job = fresh(job)
    assert job.stage == ImportStage.FAILED
    assert job.reason == "It could not be done; the log of the worker says why."
    assert "ZeroDivisionError" in caplog.text
    assert not ImportChunk.objects.exists()


# Cancelling


def test_a_cancelled_import_tells_what_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = confirmed()
    original, count = Writer.write, 0

    def write(self: Writer, people: Any) -> Any:
        nonlocal count
        count += 1
        return original(self, people)

    monkeypatch.setattr(Writer, "write", write)
    told: list[bool] = []

    def after_a_slice() -> bool:
        if count == 2 and not told:
            told.append(True)
            jobs.cancel(job.pk, by="Ann")
        return False

    running.run_once(job.pk, str(job.token), should_stop=after_a_slice)
    job = fresh(job)
    assert (job.stage, job.reason) == (ImportStage.CANCELLED, "Cancelled by Ann.")
    assert job.counts["created"] == Contact.objects.count() == 6
    assert count == 2
    assert not ImportChunk.objects.exists()
    assert jobs.stale() == []


def test_an_ended_import_cannot_be_cancelled() -> None:
    job = confirmed()
    running.run_once(job.pk, str(job.token))
    with pytest.raises(ImportFailed) as refusal:
        jobs.cancel(job.pk)
    assert refusal.value.code == "is_done"
    with pytest.raises(ImportFailed) as refusal:
        jobs.cancel(job.pk + 1)
    assert refusal.value.code == "no_import"


# Lists


def replaced(content: str, people: list[Contact]) -> tuple[ContactImport, ContactList]:
    spring = ContactList.objects.create(name="Spring")
    spring.contacts.add(*people)
    job = confirmed(content, lists=[spring], list_action=ListAction.REPLACE)
    return job, spring


def members_of(chosen: ContactList) -> set[str]:
    return {str(contact.phone) for contact in chosen.contacts.all()}


def old_members(count: int = 9) -> list[Contact]:
    return Contact.objects.bulk_create(
        Contact(phone=phone(i)) for i in range(5, 5 + count)
    )


def test_a_replaced_list_holds_exactly_the_file() -> None:
    job, spring = replaced(text(7), old_members())
    other = ContactList.objects.create(name="Other")
    other.contacts.add(*Contact.objects.all())
    assert job.planned["counts"]["removed"] == 7
    running.run_once(job.pk, str(job.token))
    job = fresh(job)
    assert (job.stage, job.counts["removed"]) == (ImportStage.DONE, 7)
    assert members_of(spring) == {phone(i) for i in range(7)}
    assert other.contacts.count() == 9


def test_who_joined_after_the_confirmation_stays() -> None:
    job, spring = replaced(text(3), old_members())
    late = Contact.objects.create(phone=phone(200))
    spring.contacts.add(late)
    running.run_once(job.pk, str(job.token))
    assert members_of(spring) == {phone(0), phone(1), phone(2), phone(200)}


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_members_leave_once_though_the_worker_dies(
    monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    job, spring = replaced(text(7), old_members())
    with monkeypatch.context() as accident:
        strike(accident, members, "remove", at, after=after)
        with pytest.raises(Killed):
            running.run_once(job.pk, str(job.token))
    told = fresh(job)
    assert spring.contacts.count() == 14 - told.counts.get("removed", 0)
    job = continued(job)
    assert job.counts["removed"] == 7
    assert members_of(spring) == {phone(i) for i in range(7)}


def test_a_file_without_a_number_does_not_empty_a_list() -> None:
    spring = ContactList.objects.create(name="Spring")
    spring.contacts.add(*old_members())
    job = checked("phone,name\nbad,x\n", lists=[spring], list_action=ListAction.REPLACE)
    assert job.stage == ImportStage.FAILED
    assert "would empty the list" in job.reason
    assert spring.contacts.count() == 9


def test_a_list_that_was_deleted_meanwhile_is_left_alone() -> None:
    spring = ContactList.objects.create(name="Spring")
    other = ContactList.objects.create(name="Other")
    job = confirmed(lists=[spring, other])
    original = Writer.__init__

    def init(self: Writer, list_ids: Any = (), **options: Any) -> None:
        original(self, list_ids, **options)
        spring.delete()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "__init__", init)
        running.run_once(job.pk, str(job.token))
    assert fresh(job).counts == WHOLE
    assert other.contacts.count() == PEOPLE


def test_an_opt_out_is_never_undone() -> None:
    OptOut.objects.create(phone=phone(1), reason="asked", source="admin")
    before = list(OptOut.objects.values())
    job = confirmed()
    running.run_once(job.pk, str(job.token))
    assert fresh(job).counts["opted_out"] == 1
    assert list(OptOut.objects.values()) == before


# Two at once


def test_two_people_import_at_once_into_one_list() -> None:
    spring = ContactList.objects.create(name="Spring")
    first = confirmed(text(60), lists=[spring])
    second = confirmed(
        "phone,name\n" + "".join(f"{phone(i)},Second {i}\n" for i in range(99, 29, -1)),
        lists=[spring],
    )
    errors: list[BaseException] = []

    def work(job: ContactImport) -> None:
        try:
            running.run_once(job.pk, str(job.token))
        except BaseException as error:  # noqa: BLE001 told to the test below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job]) for job in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    first, second = fresh(first), fresh(second)
    assert {first.stage, second.stage} == {ImportStage.DONE}
    assert first.counts["created"] + second.counts["created"] == 100
    assert spring.contacts.count() == Contact.objects.count() == 100


# What is kept, and how long


def test_the_file_is_kept_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", 10)
    job = uploaded()
    assert job.size == len(text())
    assert ImportChunk.objects.count() == -(-len(text()) // 10)
    with chunks.opened(job.pk) as stream:
        assert stream.read().decode() == text()


def test_an_upload_that_nobody_confirms_is_deleted() -> None:
    old, new = checked(), uploaded()
    long_ago = timezone.now() - timedelta(days=jobs.WAITING_DAYS, minutes=1)
    ContactImport.objects.filter(pk=old.pk).update(created_at=long_ago)
    jobs.tidy()
    assert fresh(old).stage == ImportStage.CANCELLED
    assert "Nobody confirmed it" in fresh(old).reason
    assert fresh(new).stage == ImportStage.UPLOADED
    assert {c.contact_import_id for c in ImportChunk.objects.all()} == {new.pk}


def test_reports_and_examples_go_after_a_month() -> None:
    job = confirmed()
    running.run_once(job.pk, str(job.token))
    jobs.tidy()
    assert ImportChunk.objects.exists()
    assert fresh(job).planned
    long_ago = timezone.now() - timedelta(days=jobs.REPORT_DAYS, minutes=1)
    ContactImport.objects.update(finished_at=long_ago)
    jobs.tidy()
    assert not ImportChunk.objects.exists()
    assert fresh(job).planned == {}
    assert fresh(job).counts == WHOLE


def test_tidying_is_two_questions_where_there_is_nothing_to_do(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    confirmed()
    with django_assert_num_queries(2):
        jobs.tidy()


def test_sentences_are_in_the_language_of_the_person() -> None:
    with translation.override("ar"):
        job = uploaded(text() + '+12125550101,"x\n' + "y\n" * 300)
        token = jobs.begin_check(job.pk, choice())
    running.run_once(job.pk, str(token))
    job = fresh(job)
    assert job.stage == ImportStage.FAILED
    assert not job.reason.isascii()


@pytest.mark.parametrize(
    "fields",
    [
        {"stage": "nonsense"},
        {"stage": ImportStage.IMPORTING, "token": None},
        {"stage": ImportStage.DONE, "finished_at": None},
    ],
)
def test_the_database_refuses_what_must_not_be(fields: dict[str, Any]) -> None:
    job = uploaded()
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactImport.objects.filter(pk=job.pk).update(**fields)
