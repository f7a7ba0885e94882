"""`csms_import_contacts`, as a person, a script and a pipe use it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from csms_campaigns.models import Contact, ContactList, OptOut
from tests.contacts_io.conftest import FileMaker
from tests.contacts_io.sheets import workbook

pytestmark = pytest.mark.django_db

TEXT = "phone,name\n+12125550101,Ann\n+12125550102,Ben\n+12125550101,Ann\nbad,x\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def run(folder: Path) -> Callable[..., str]:
    """`run(file, "--list", "VIP")` is what the command prints on standard output."""

    def command(*arguments: Any, **options: Any) -> str:
        out = io.StringIO()
        call_command(
            "csms_import_contacts", *map(str, arguments), stdout=out, **options
        )
        return out.getvalue()

    return command


Run = Callable[..., str]


def test_json_is_one_object_with_what_was_done(
    run: Run, csv_file: FileMaker, folder: Path
) -> None:
    out = run(csv_file(TEXT), "--list", "VIP", "--json")
    assert json.loads(out) == {
        "rows": 4,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "invalid": 1,
        "duplicates": 1,
        "opted_out": 0,
        "errors_file": "people.errors.csv",
        "list": "VIP",
        "dry_run": False,
    }
    assert (folder / "people.errors.csv").read_text().splitlines()[1].startswith("5,")
    assert ContactList.objects.get(name="VIP").contacts.count() == 2


def test_without_a_problem_there_is_no_errors_file(
    run: Run, csv_file: FileMaker, folder: Path
) -> None:
    out = run(csv_file("phone\n+12125550101\n"), "--json")
    assert json.loads(out)["errors_file"] is None
    assert json.loads(out)["list"] is None
    assert list(folder.iterdir()) == []


def test_the_errors_file_may_be_named(
    run: Run, csv_file: FileMaker, tmp_path: Path
) -> None:
    path = tmp_path / "left out.csv"
    out = run(csv_file(TEXT), "--errors", path, "--json")
    assert json.loads(out)["errors_file"] == str(path)
    assert path.exists()


def test_people_read_sentences(run: Run, csv_file: FileMaker) -> None:
    OptOut.objects.create(phone="+12125550102")
    assert run(csv_file(TEXT), "--list", "VIP").splitlines() == [
        "4 rows read.",
        "2 new contacts.",
        "0 contacts changed.",
        "0 contacts unchanged.",
        "1 row repeats a number of another row.",
        "1 row has a problem and is left out.",
        "1 person has opted out and will not be texted.",
        "Rows with a problem are listed in people.errors.csv.",
        "All valid numbers are in the list “VIP”.",
    ]


def test_a_dry_run_says_so_and_changes_nothing(run: Run, csv_file: FileMaker) -> None:
    lines = run(csv_file(TEXT), "--list", "VIP", "--dry-run").splitlines()
    assert lines[0] == "A dry run: no contact is changed."
    assert "2 new contacts." in lines
    assert not any("VIP" in line for line in lines)
    assert not Contact.objects.exists()


def test_the_region_of_local_numbers(run: Run, csv_file: FileMaker) -> None:
    run(csv_file("phone\n0501234567\n"), "--region", "sa")
    assert str(Contact.objects.get().phone) == "+966501234567"


def test_a_replaced_list_loses_who_is_not_in_the_file(
    run: Run, csv_file: FileMaker
) -> None:
    vip = ContactList.objects.create(name="VIP")
    vip.contacts.add(Contact.objects.create(phone="+12125550199"))
    arguments = (csv_file(TEXT), "--list", "VIP", "--replace")
    planned = json.loads(run(*arguments, "--dry-run", "--json"))
    assert (planned["removed"], vip.contacts.count()) == (1, 1)
    lines = run(*arguments).splitlines()
    assert "1 member is not in the file and leaves the list." in lines
    phones = {str(contact.phone) for contact in vip.contacts.all()}
    assert phones == {"+12125550101", "+12125550102"}


def test_replacing_needs_a_list(run: Run, csv_file: FileMaker) -> None:
    with pytest.raises(CommandError, match="--replace needs the --list"):
        run(csv_file(TEXT), "--replace")


def test_a_list_is_not_emptied_by_a_file_of_errors(
    run: Run, csv_file: FileMaker
) -> None:
    vip = ContactList.objects.create(name="VIP")
    vip.contacts.add(Contact.objects.create(phone="+12125550199"))
    with pytest.raises(CommandError, match="would empty the list"):
        run(csv_file("phone\nbad\n"), "--list", "VIP", "--replace")
    assert vip.contacts.count() == 1


def test_columns_may_be_named(run: Run, csv_file: FileMaker) -> None:
    path = csv_file("Kontakt;Wer;phone\n+12125550101;Ann;none\n")
    run(path, "--phone-column", "kontakt", "--name-column", "Wer")
    contact = Contact.objects.get()
    assert (str(contact.phone), contact.name) == ("+12125550101", "Ann")
    assert contact.attributes == {"phone": "none"}
    with pytest.raises(CommandError, match="one column “Nummer” .found: Kontakt, Wer"):
        run(path, "--phone-column", "Nummer")


def test_an_excel_file(run: Run, csv_file: FileMaker) -> None:
    path = csv_file(workbook([["Mobile"], [12125550101]]), name="people.xlsx")
    assert json.loads(run(path, "--json"))["created"] == 1


def test_a_refused_file_is_one_sentence(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file") as refusal:
        run(tmp_path / "missing.csv")
    assert refusal.value.returncode == 1


def test_a_refused_file_is_json_too(csv_file: FileMaker, folder: Path) -> None:
    out = io.StringIO()
    path = csv_file("city\nOslo\n")
    with pytest.raises(CommandError) as refusal:
        call_command("csms_import_contacts", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"error": str(refusal.value)}
    assert "found: city" in str(refusal.value)


def test_a_terminal_shows_a_bar_and_a_log_does_not(
    csv_file: FileMaker, folder: Path
) -> None:
    path, terminal, log = str(csv_file(TEXT)), Terminal(), io.StringIO()
    for stderr in (terminal, log):
        call_command("csms_import_contacts", path, stdout=io.StringIO(), stderr=stderr)
    assert "Reading [" in terminal.getvalue()
    assert terminal.getvalue().endswith(f"Writing [{'#' * 30}] 100%\n")
    assert log.getvalue() == ""


@pytest.mark.django_db(transaction=True)
def test_a_pipe_into_the_real_program(folder: Path) -> None:
    code = (
        "import sys, django; from django.conf import settings; "
        "settings.DATABASES['default']['NAME'] = sys.argv.pop(1); django.setup(); "
        "from django.core.management import execute_from_command_line as run; run()"
    )
    name = str(connection.settings_dict["NAME"])
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, name, "csms_import_contacts", "-", "--json"],
        input=TEXT.encode("utf-16"),
        capture_output=True,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": str(root),
        },
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["created"] == 2
    assert json.loads(done.stdout)["errors_file"] == "import.errors.csv"
    assert done.stderr == b""
    assert Contact.objects.count() == 2
