"""The metrics, the alerts and their documents name the same things."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from csms_campaigns.diagnosis import exposition, metrics
from tests.docs.markdown import ROOT, document

ALERTS = document("docs/alerts.md")
RULES = yaml.safe_load((ROOT / "docs/examples/alerts.yml").read_text())
FOUND: list[dict[str, Any]] = [r for g in RULES["groups"] for r in g["rules"]]
METRIC = re.compile(r"\bcsms_[a-z_]+\b(?=[{\s\[)]|$)")


@pytest.fixture
def families(db: None, redis_url: str) -> set[str]:
    text = exposition.written(metrics.collect())
    names = set()
    for family in text_string_to_metric_families(text):
        names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names


def documented(heading: str) -> set[str]:
    return ALERTS.section(heading).entries()


def test_every_metric_has_an_entry(families: set[str]) -> None:
    entries = {entry for entry in documented("Metrics") if entry.startswith("csms_")}
    assert entries == families


@pytest.mark.once
def test_every_alert_has_an_entry() -> None:
    assert {rule["alert"] for rule in FOUND} == documented("Alerts") - {
        "docs/examples/alerts.yml"
    }


@pytest.mark.parametrize("rule", FOUND, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_are_there(
    rule: dict[str, Any], families: set[str]
) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    named = set(METRIC.findall(rule["expr"].replace('job="csms_campaigns"', "")))
    assert named <= families
    assert named or rule["alert"] == "CsmsDown"
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert rule["expr"].count("{") == rule["expr"].count("}")


@pytest.mark.once
def test_reasons_in_alerts_are_reasons() -> None:
    from csms_campaigns.states import AttemptOutcome, BlockReason

    text = " ".join(rule["expr"] for rule in FOUND)
    for said in re.findall(r'reason[=!]~"([^"]+)"', text):
        assert set(said.split("|")) <= set(BlockReason.values)
    outcomes = set(re.findall(r'outcome="(\w+)"', text))
    assert outcomes <= set(AttemptOutcome.values)


@pytest.mark.once
def test_the_example_of_a_scrape_is_yaml() -> None:
    [block] = [b for b in ALERTS.blocks() if b.language == "yaml"]
    [job] = yaml.safe_load(block.text)["scrape_configs"]
    assert job["job_name"] == "csms_campaigns"
    assert job["metrics_path"] == "/sms/metrics"
