"""The front's own pages: what is put in is text, and nothing in them needs more than their policy allows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.own_pages import ASSETS, OwnPages
from domain.viewers import Viewer

PAGES = OwnPages("v1")
NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def every_page(text: str) -> list[str]:
    return [
        PAGES.login(csrf=text, next_path=text, problem=text),
        PAGES.login(csrf=text, next_path=text, token=text or "t"),
        PAGES.logout(csrf=text, viewer=Viewer(name=text, role="reader", accounts=frozenset({text}))),
        PAGES.notice(text, text),
        PAGES.notice(text, text, reload_s=2),
    ]


@given(st.text(max_size=40) | st.just(NASTY))
def test_no_text_becomes_markup(text: str) -> None:
    plain = [re.findall(r"<[a-z/!][^>]*?(?=[ >])", page) for page in every_page("x")]
    assert [re.findall(r"<[a-z/!][^>]*?(?=[ >])", page) for page in every_page(text or "x")] == plain


def test_what_was_said_is_there_as_text() -> None:
    page = PAGES.login(csrf="c", next_path="/a?b=<c>", problem=NASTY)
    assert NASTY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'value="/a?b=&lt;c&gt;"' in page


@pytest.mark.parametrize("page", every_page("x"))
def test_a_page_keeps_to_its_policy(page: str) -> None:
    """No inline script, no inline style, no handler in an attribute, nothing from elsewhere."""
    assert not re.search(r"<script(?![^>]*\bsrc=\"/assets/)", page)
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|https?://", page)
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', page)) <= {
        "",
        "/",
        "/login",
        "/logout",
        *(f"/assets/{name}?v=v1" for name in ("app.css", "own.css", "mark.svg", "theme.js", "login.js", "reload.js")),
    }


def test_every_file_that_a_page_names_is_there() -> None:
    names = {name for page in every_page("x") for name in re.findall(r"/assets/([\w.]+)\?", page)}
    assert names
    assert [name for name in names if not (ASSETS / "static" / name).is_file()] == []


def test_the_login_asks_for_the_key_or_uses_the_link() -> None:
    with_key, with_link = every_page("x")[:2]
    assert 'name="key"' in with_key
    assert 'type="password"' in with_key
    assert 'name="token"' not in with_key
    assert 'name="token" value="x"' in with_link
    assert 'name="key"' not in with_link
    assert "data-send-at-once" in with_link
    for page in (with_key, with_link):
        assert 'method="post" action="/login"' in page
        assert 'name="csrf" value="x"' in page
        assert 'name="next" value="x"' in page


def test_a_notice_may_reload_by_itself() -> None:
    assert all(sign in PAGES.notice("a", "b", reload_s=2) for sign in ('data-reload-s="2"', "reload.js"))
    assert "reload" not in PAGES.notice("a", "b")


def test_no_page_is_taken_away_from_its_reader_by_the_browser() -> None:
    """A refresh cannot be stopped, nor waited for by who reads slowly."""
    assert not [page for page in every_page("x") if "http-equiv" in page]


def test_pages_speak_of_the_language_they_are_in() -> None:
    assert all('<html lang="en"' in page and page.count("<h1>") == 1 for page in every_page("x"))
