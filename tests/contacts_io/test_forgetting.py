"""Whoever is erased is in no report of an import either, however the number was written."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from csms_campaigns.contacts_io import report, running
from csms_campaigns.contacts_io.forgetting import forget
from csms_campaigns.models import Contact, ContactImport, ImportChunk
from csms_campaigns.states import ChunkKind
from tests.contacts_io.test_running import confirmed, fresh, uploaded

pytestmark = pytest.mark.django_db

ANN = "+12125551007"
LONG = "x" * 201
TEXT = (
    "phone,name\n"
    "+12125551001,Bob\n"
    f"{ANN},Ann\n"
    f'"(212) 555-1007",{LONG}\n'
    "٢١٢٥٥٥١٠٠٧ x12,Ann\n"
    "212555100,Zoe\n"
    f"{ANN},Ann\n"
    "call me,Jim\n"
)
THEIRS = {"3", "4", "5", "7"}


@pytest.fixture
def done() -> ContactImport:
    job = confirmed(TEXT)
    running.run_once(job.pk, str(job.token))
    return fresh(job)


def reported(job: ContactImport) -> list[list[str]]:
    text = "".join(report.lines(job.pk)).removeprefix("\ufeff")
    return list(csv.reader(text.splitlines()))[1:]


def test_their_rows_of_a_report_keep_the_line_and_lose_the_number(
    done: ContactImport,
) -> None:
    before = reported(done)
    assert forget(ANN) == len(THEIRS)
    after = reported(done)
    assert [
        [row[0], "" if row[0] in THEIRS else row[1], *row[2:]] for row in before
    ] == after
    assert forget(ANN) == 0


def test_examples_of_them_go_and_those_of_others_stay(done: ContactImport) -> None:
    assert ANN in str(done.planned)
    assert len(done.planned["examples"]["invalid"]) == 4
    forget(ANN)
    examples = fresh(done).planned["examples"]
    assert [one["phone"] for one in examples["created"]] == ["+12125551001"]
    assert [one["line"] for one in examples["invalid"]] == [6, 8]
    assert (examples["duplicates"], fresh(done).planned["counts"]) == (
        [],
        done.planned["counts"],
    )


def test_only_pieces_with_them_are_written_anew(
    done: ContactImport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "ROWS_OF_A_PIECE", 2)
    many = "".join(f"+1212555{2000 + i},P\n" for i in range(6))
    job = confirmed(f"phone,name\n{many}{ANN},Ann\n")
    running.run_once(job.pk, str(job.token))
    pieces = ImportChunk.objects.filter(contact_import=job, kind=ChunkKind.REPORT)
    before = dict(pieces.values_list("number", "data"))
    assert forget(ANN) == len(THEIRS) + 1
    after = dict(pieces.values_list("number", "data"))
    assert [n for n in before if bytes(before[n]) != bytes(after[n])] == [3]


def test_a_file_that_waits_is_left_as_it_is(done: ContactImport) -> None:
    waiting = uploaded(TEXT)
    forget(ANN)
    assert ImportChunk.objects.filter(contact_import=waiting).count() == 1


def test_the_button_reaches_reports(done: ContactImport, admin_client: Client) -> None:
    ann = Contact.objects.get(phone=ANN)
    url = reverse("admin:csms_campaigns_contact_erase", args=[ann.pk])
    answer: Any = admin_client.post(url, {"confirmed": "1"})
    assert answer.status_code == 302
    assert [row[0] for row in reported(done) if not row[1]] == sorted(THEIRS)
