"""No reader is sent to a place that is not there."""

from __future__ import annotations

import pytest

from tests.docs.markdown import ROOT, Document, document, documents, slug

pytestmark = pytest.mark.once

OUTSIDE = ("https://", "http://", "mailto:")
RELATIVE = [
    pytest.param(found, link, id=f"{found.name}→{link}")
    for found in documents()
    for link in found.links()
    if not link.startswith(OUTSIDE)
]


@pytest.mark.parametrize(("found", "link"), RELATIVE)
def test_what_a_link_names_is_there(found: Document, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (found.path.parent / name).resolve() if name else found.path
    assert target.is_file(), f"{link} leads nowhere"
    assert target.is_relative_to(ROOT)
    if anchor:
        assert anchor in document(str(target.relative_to(ROOT))).anchors()


def test_there_are_links_to_test() -> None:
    assert len(RELATIVE) > 30


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("The limiter", "the-limiter"),
        ("`csms_tick`", "csms_tick"),
        ("Campaign states (`CampaignStatus`)", "campaign-states-campaignstatus"),
        ("Why does it not send?", "why-does-it-not-send"),
    ],
)
def test_anchors_are_those_that_github_makes(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_every_document_can_be_reached_from_the_readme() -> None:
    linked = set(document("README.md").links())
    docs = {found.name for found in documents() if found.name != "README.md"}
    assert docs <= linked


def test_the_readme_is_short_and_begins_with_what_it_is() -> None:
    readme = document("README.md")
    assert len(readme.text.splitlines()) <= 150
    assert "docs/images/progress-en.png" in readme.links()
    commands = [b.text for b in readme.blocks() if b.language == "console"]
    assert commands == ["$ make demo\n$ make test\n"]


def test_what_the_readme_and_contributors_are_told_to_make_can_be_made() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in ("demo", "demo-reset", "test", "lint", "wheel", "messages"):
        assert f"\n{name}:" in makefile
