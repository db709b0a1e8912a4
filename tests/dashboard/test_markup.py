"""The wall: whatever the wire said, a page holds the elements its templates have, and no other."""

import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError, UndefinedError
from markupsafe import Markup

from dashboard import figures, limit_figures, usage_figures
from dashboard.markup import ASSETS, STATIC, assets_version, plain_label, render
from tests.hostile_pages import filtered_by, pages_of, titles_of
from tests.hostile_text import CORPUS, HOSTILE, disarmed
from tests.requirements import scaled
from tests.shown_html import attributes, parsed, structure

OWN = {"page.html", "login.html", "logout.html", "notice.html", "own_base.html", "export.html"}
"""Whole documents."""
ONE_TIMELINE, ONE_RHYTHM = cache(figures.timeline), cache(figures.rhythm)
ONE_LIMIT_CHART, ONE_USAGE_CHART = cache(limit_figures.limit_chart), cache(usage_figures.usage_chart)
COLOURED = {("span", ("class",))}
LIST_ELEMENTS = {
    "code",
    "dd",
    "dl",
    "dt",
    "",
    "div",
    "h2",
    "p",
    "a",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "bdi",
    "span",
    "i",
    "time",
    "nav",
    "pre",
    "button",
}
ADDRESSES = re.compile(r"/(?!/)|[#?]|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$")


@pytest.fixture(autouse=True)
def _figures_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cost most of a page and hold none of its HTML."""
    monkeypatch.setattr(figures, "timeline", ONE_TIMELINE)
    monkeypatch.setattr(figures, "rhythm", ONE_RHYTHM)
    monkeypatch.setattr(limit_figures, "limit_chart", ONE_LIMIT_CHART)
    monkeypatch.setattr(usage_figures, "usage_chart", ONE_USAGE_CHART)


@pytest.mark.parametrize("text", CORPUS if scaled(0, 1) else HOSTILE[::3])
@pytest.mark.bar(62)
async def test_hostile_text_adds_nothing_to_any_page(text: str) -> None:
    """Oracle: the same page with the same text disarmed."""
    hostile, harmless = await pages_of(text), await pages_of(disarmed(text))
    for page, regions in hostile.items():
        for name, html in regions.items():
            found, expected = structure(html), structure(harmless[page][name])
            if "```" in text:  # its code is coloured by what it says
                found, expected = sorted(set(found) - COLOURED), sorted(set(expected) - COLOURED)
            assert found == expected, f"{page}: {name}"
            check_attributes(html)


def check_attributes(html: str) -> None:
    for element in parsed(html).all():
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in {"href", "src", "action", "formaction", "srcset", "poster"}:
                assert ADDRESSES.match(value)
            if name == "style":
                assert re.fullmatch(r"(?:left: [\d.]+%; )?(?:width|height): [\d.]+%|--depth: \d+", value)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.bar(62)
async def test_hostile_filters_add_nothing_to_any_list(text: str) -> None:
    hostile, harmless = await filtered_by(text), await filtered_by(disarmed(text))
    for page, regions in hostile.items():
        for name, html in regions.items():
            check_attributes(html)
            if name == "list":
                assert {element.name for element in parsed(html).all()} <= LIST_ELEMENTS
            else:
                assert structure(html) == structure(harmless[page][name]), f"{page}: {name}"


@pytest.mark.bar(62)
def test_the_corpus_is_large_and_nothing_in_it_is_there_twice() -> None:
    assert len(set(CORPUS)) == len(CORPUS) >= 200


async def test_titles_are_one_line_that_can_be_seen() -> None:
    for text in HOSTILE:
        assert all(title.isprintable() for title in await titles_of(text))


@given(st.text(), st.integers(8, 60))
@pytest.mark.bar(62)
def test_labels_are_never_read_as_tex(text: str, limit: int) -> None:
    label = plain_label(text, limit)
    assert not {"$", "\\"} & set(label)
    assert len(label) <= limit
    assert label.isprintable()


@pytest.mark.parametrize("template", sorted(path.name for path in ASSETS.glob("*.html")))
@pytest.mark.bar(62)
def test_no_template_lets_a_value_through_unescaped(template: str) -> None:
    source = (ASSETS / template).read_text()
    trusted = re.findall(r"\{\{[^}]*\|\s*safe[^}]*\}\}", source)
    assert trusted == (
        ["{{ bokeh_css|safe }}", "{{ bokeh_js|safe }}", "{{ plot_script|safe }}"] if template == "page.html" else []
    )
    assert "autoescape" not in source
    assert not re.search(r"""\son\w+\s*=""", source), "behaviour is in the scripts"
    assert not re.search(r"\s[a-z-]+=\{\{", source), "attributes with values stand in quotes"


@pytest.mark.parametrize("template", sorted({path.name for path in ASSETS.glob("*.html")} - OWN))
def test_fragments_have_no_script_and_no_style_of_their_own(template: str) -> None:
    assert not re.search(r"<(?:script|style|link|iframe|object|embed)\b", (ASSETS / template).read_text())


def test_nothing_is_asked_from_another_host() -> None:
    for path in [*ASSETS.glob("*.*"), *STATIC.glob("*.*")]:
        hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", path.read_text()))
        assert hosts <= {"http://www.w3.org"}, path.name


def test_values_are_escaped_and_missing_ones_refused() -> None:
    html = render("page_state.html", condition="away")
    assert isinstance(html, Markup)
    assert attributes(html, "div", "data-state") == ["away"]
    with pytest.raises(UndefinedError):
        render("page_state.html")
    with pytest.raises(TemplateError):
        render("no-such-template.html")


def test_the_version_is_that_of_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    before = assets_version()
    assert re.fullmatch(r"[0-9a-f]{12}", before)
    assert assets_version() == before
    for path in STATIC.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("dashboard.markup.STATIC", tmp_path)
    assert assets_version() == before
    (tmp_path / "app.css").write_text("changed")
    assert assets_version() != before
