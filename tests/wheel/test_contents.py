"""What is in the package, and what is not."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.docs.markdown import ROOT

pytestmark = pytest.mark.once

PACKAGE = ROOT / "csms_campaigns"
KINDS = {
    "templates": "templates/**/*.html",
    "pages outside of the admin": "templates/csms_campaigns/opt_out/*.html",
    "static files": "static/**/*",
    "licences of what others wrote": "static/**/vendor/*/LICENSE",
    "tags of templates": "templatetags/*.py",
    "translations": "locale/**/*.mo",
    "migrations": "migrations/*.py",
    "commands": "management/commands/*.py",
    "the mark of typed packages": "py.typed",
    "modules": "**/*.py",
}


@pytest.fixture
def archive(wheel: Path) -> Iterator[ZipFile]:
    with ZipFile(wheel) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_the_app_needs_is_there(archive: ZipFile, kind: str) -> None:
    found = [path for path in PACKAGE.glob(KINDS[kind]) if path.is_file()]
    wanted = {str(path.relative_to(ROOT)) for path in found}
    assert wanted
    assert wanted <= set(archive.namelist())


def test_nothing_else_is_there(archive: ZipFile) -> None:
    tops = {name.split("/", 1)[0] for name in archive.namelist()}
    [info] = tops - {"csms_campaigns"}
    assert info.startswith("django_csms_campaigns-")
    assert info.endswith(".dist-info")
    assert [n for n in archive.namelist() if "bench" in n or "demo" in n] == []
    ends = (".pyc", ".sqlite3", ".log", ".pot", ".orig")
    assert [name for name in archive.namelist() if name.endswith(ends)] == []


def test_the_arabic_in_it_translates(archive: ZipFile) -> None:
    with archive.open("csms_campaigns/locale/ar/LC_MESSAGES/django.mo") as file:
        catalogue = gettext.GNUTranslations(file)  # type: ignore[arg-type]
    assert catalogue.gettext("SMS campaigns") != "SMS campaigns"


def test_it_says_what_it_is_and_needs(archive: ZipFile) -> None:
    [name] = [n for n in archive.namelist() if n.endswith("/METADATA")]
    about = Parser().parsestr(archive.read(name).decode())
    assert about["Name"] == "django-csms-campaigns"
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert "What it promises" in about.get_payload()
    needed = {
        line.split(">")[0].split("[")[0].lower()
        for line in about.get_all("Requires-Dist", [])
        if "extra ==" not in line
    }
    wanted = "django celery redis requests django-phonenumber-field"
    assert needed == set(wanted.split())


def test_the_licence_is_in_it(archive: ZipFile) -> None:
    licences = [n for n in archive.namelist() if n.endswith("/licenses/LICENSE")]
    assert len(licences) == 1
