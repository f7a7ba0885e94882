"""The demo's shop: the worked example of docs/audiences.md, as the demo sets it up."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from project.demo import people
from tests.docs.markdown import ROOT, document

pytestmark = pytest.mark.once

SCRIPT = """
import json
import django
django.setup()
from django.core.management import call_command
call_command("check")
call_command("migrate", verbosity=0)
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.engine.audience_size import audience_size
from csms_campaigns.models import SendResult
from project.demo.prepare import add_customers
from project.shop.models import Customer
add_customers()
add_customers()
campaign = lifecycle.create(
    name="Shop",
    message='{{ city }} {{ gift|default:"-" }}',
    lists=[],
    audiences=["customers", "good customers"],
)
audience.review(campaign.pk)
campaign.refresh_from_db()
found = SendResult.objects.filter(campaign=campaign)
print(json.dumps({
    "customers": Customer.objects.count(),
    "size": audience_size([], [], ["customers"]).people,
    "audience": campaign.audience_count,
    "skipped": campaign.skipped_counts,
    "pending": found.filter(status="pending").count(),
    "raw": found.filter(phone__startswith="+1917555").count(),
}))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("shop")
    env = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "CSMS_DEMO_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/site.sqlite3",
        "CSMS_API_KEY": "not-needed-here",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_its_customers_are_counted_and_reached(shop: dict[str, Any]) -> None:
    count = len(list(people.customers()))
    assert shop["customers"] == shop["size"] == count == 300
    good = sum(points >= 500 for *_rest, points in people.customers())
    assert shop["audience"] == count + good
    assert shop["skipped"]["duplicate"] == good
    assert shop["pending"] + sum(shop["skipped"].values()) == shop["audience"]
    assert shop["raw"] > 0, "numbers as they were typed in"


def test_a_third_of_them_are_contacts_too() -> None:
    contacts = {phone for phone, _name, _city in people.rows()}
    numbers = [phone for _name, phone, _city, _points in people.customers()]
    assert sum(phone in contacts for phone in numbers) == 100
    assert len(set(numbers)) == len(numbers)


def test_the_document_shows_the_code_of_the_shop() -> None:
    tree = ast.parse((ROOT / "project" / "shop" / "sms.py").read_text())
    ours = {
        node.name: bodies(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    blocks = [
        block.text
        for block in document("docs/audiences.md").blocks()
        if block.language == "python" and "def " in block.text
    ]
    shown = {
        node.name: bodies(node)
        for block in blocks
        for node in ast.parse(block).body
        if isinstance(node, ast.FunctionDef)
    }
    assert shown == ours


def bodies(function: ast.FunctionDef) -> list[str]:
    """Its statements, without the docstring."""
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return [ast.unparse(node) for node in function.body[1 if is_text else 0 :]]


def test_nothing_of_it_is_in_the_package() -> None:
    package = Path(ROOT, "csms_campaigns")
    assert not [p for p in package.rglob("*.py") if "project.shop" in p.read_text()]
