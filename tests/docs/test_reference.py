"""A setting, command, state or check without its entry in the docs fails here."""

from __future__ import annotations

import ast
import inspect
import re
from argparse import ArgumentParser, _SubParsersAction
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.db.models import TextChoices

from csms_campaigns import checks, conf, states
from csms_campaigns.contacts_io.importing import ImportReport
from csms_campaigns.engine.progress import Progress
from csms_campaigns.engine.promise import Promise
from tests.docs.markdown import CODE, ROOT, Document, document

pytestmark = pytest.mark.once

SETTINGS = document("docs/settings.md")
COMMANDS = document("docs/commands.md")
OPERATING = document("docs/operating.md")

ENUMS = [
    kind
    for _name, kind in inspect.getmembers(states, inspect.isclass)
    if issubclass(kind, TextChoices) and kind is not TextChoices
]
STATES = [pytest.param(kind, value, id=value) for kind in ENUMS for value in kind]


def commands_in(package: str) -> list[str]:
    folder = ROOT / package / "management" / "commands"
    return sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")


OURS = [("csms_campaigns", name) for name in commands_in("csms_campaigns")]
ALL_COMMANDS = [*OURS, *(("project", name) for name in commands_in("project"))]


# Settings


@pytest.mark.parametrize("key", sorted(conf.TOP_KEYS))
def test_every_key_of_the_dict_has_an_entry(key: str) -> None:
    assert key in SETTINGS.section("The top level").entries()


@pytest.mark.parametrize("key", sorted(conf.ACCOUNT_KEYS))
def test_every_option_of_an_account_has_an_entry(key: str) -> None:
    assert key in SETTINGS.section("One account").entries()


def test_no_entry_is_of_a_key_that_is_gone() -> None:
    assert SETTINGS.section("The top level").entries() == conf.TOP_KEYS
    assert SETTINGS.section("One account").entries() == conf.ACCOUNT_KEYS


def defaults(section: Document) -> dict[str, str]:
    rows = [row for row in section.rows() if CODE.fullmatch(row[0])]
    return {row[0].strip("`"): row[2].strip("`") for row in rows}


def test_the_documented_defaults_are_those_of_the_code() -> None:
    said = defaults(SETTINGS.section("One account"))
    assert said.pop("API_KEY") == "required"
    values = {key: ast.literal_eval(text) for key, text in said.items()}
    named = conf._read("default", {"API_KEY": "k", **values})
    assert named == conf._read("default", {"API_KEY": "k"})
    assert set(values) == conf.ACCOUNT_KEYS - {"API_KEY"}


def test_the_documented_default_region_is_that_of_the_code(settings: object) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {}}  # type: ignore[attr-defined]
    said = defaults(SETTINGS.section("The top level"))["DEFAULT_REGION"]
    assert conf.default_region() == ast.literal_eval(said)


def test_the_example_passes_the_checks() -> None:
    example = SETTINGS.blocks()[0].text
    told = {"os": type("os", (), {"environ": {"CSMS_API_KEY": "k"}})}
    names: dict[str, object] = dict(told)
    exec(example, names)  # noqa: S102 our own document
    assert isinstance(names["CSMS_CAMPAIGNS"], dict)
    accounts = names["CSMS_CAMPAIGNS"]["ACCOUNTS"]
    assert set(names["CSMS_CAMPAIGNS"]) == conf.TOP_KEYS
    assert set(accounts["default"]) == conf.ACCOUNT_KEYS
    assert list(conf.account_problems("default", accounts["default"])) == []


def environment_variables() -> set[str]:
    tree = ast.parse((ROOT / "project" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and isinstance(call.args[0], ast.Constant)
    }


def test_every_environment_variable_of_the_demo_has_an_entry() -> None:
    found = environment_variables()
    assert {"CSMS_API_KEY", "DATABASE_URL", "REDIS_URL", "SECRET_KEY"} <= found
    assert SETTINGS.section("environment variables").entries() == found


def test_every_system_check_has_an_entry() -> None:
    source = Path(checks.__file__).read_text()
    found = set(re.findall(r"csms_campaigns\.[EWIDC]\d{3}", source))
    assert len(found) >= 4
    assert SETTINGS.section("System checks").entries() == found


# Commands


@pytest.mark.parametrize(("_app", "name"), ALL_COMMANDS)
def test_every_command_has_a_heading(_app: str, name: str) -> None:
    assert f"`{name}`" in COMMANDS.headings()


def test_no_heading_is_of_a_command_that_is_gone() -> None:
    known = {f"`{name}`" for _app, name in ALL_COMMANDS}
    assert {h for h in COMMANDS.headings() if h.startswith("`")} == known


def own_options(parser: ArgumentParser) -> set[str]:
    """Without those that Django gives to every command."""
    usual = {"-h", "--help", "--version", "--verbosity", "--settings", "--pythonpath"}
    usual |= {"--traceback", "--no-color", "--force-color", "--skip-checks"}
    found: set[str] = set()
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for verb in action.choices.values():
                found |= own_options(verb)
        found |= {o for o in action.option_strings if o.startswith("--")}
    return found - usual


def documented_options(section: Document) -> set[str]:
    return {entry.split()[0] for entry in section.entries() if entry.startswith("--")}


@pytest.mark.parametrize(("app", "name"), ALL_COMMANDS)
def test_every_option_of_a_command_has_an_entry(app: str, name: str) -> None:
    parser = load_command_class(app, name).create_parser("manage.py", name)
    section = COMMANDS.section(f"`{name}`")
    assert documented_options(section) == own_options(parser)


def test_every_verb_of_csms_campaign_has_an_entry() -> None:
    parser = load_command_class("csms_campaigns", "csms_campaign").create_parser(
        "manage.py", "csms_campaign"
    )
    verbs = next(a for a in parser._actions if isinstance(a, _SubParsersAction))
    entries = COMMANDS.section("`csms_campaign`").entries()
    calls = [e.split() for e in entries if e.startswith("csms_campaign ")]
    assert {call[1] for call in calls} == set(verbs.choices)


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ("csms_campaign", Progress),
        ("csms_campaign", Promise),
        ("csms_import_contacts", ImportReport),
    ],
)
def test_every_key_of_the_json_is_named(command: str, shape: type) -> None:
    section = COMMANDS.section(f"`{command}`")
    named = set(CODE.findall(section.prose))
    assert {field.name for field in fields(shape)} <= named


# States


@pytest.mark.parametrize(("kind", "value"), STATES)
def test_every_state_has_an_entry_under_its_own_heading(
    kind: type[TextChoices], value: str
) -> None:
    section = OPERATING.section(f"`{kind.__name__}`") if heads(kind) else OPERATING
    said = section.entries() | set(CODE.findall(section.prose))
    assert str(value) in (section.entries() if heads(kind) else said)


def heads(kind: type[TextChoices]) -> bool:
    """Two small ones share a paragraph with the states that they belong to."""
    return kind not in {states.CampaignKind, states.Resolution} and (
        kind is not states.AttemptOutcome
    )


@pytest.mark.parametrize("kind", ENUMS)
def test_every_kind_of_state_is_named(kind: type[TextChoices]) -> None:
    assert kind.__name__ in CODE.findall(OPERATING.prose)


@pytest.mark.parametrize("outcome", states.AttemptOutcome.values)
def test_every_outcome_of_a_request_has_an_entry(outcome: str) -> None:
    assert outcome in OPERATING.section("`AttemptOutcome`").entries()


@pytest.mark.parametrize("kind", [k for k in ENUMS if heads(k)])
def test_no_entry_is_of_a_state_that_is_gone(kind: type[TextChoices]) -> None:
    section = OPERATING.section(f"`{kind.__name__}`")
    kinds = [k for k in ENUMS if k.__name__ in CODE.findall(section.prose)]
    known = {str(value) for k in kinds for value in k} | {k.__name__ for k in kinds}
    assert section.entries() <= known
