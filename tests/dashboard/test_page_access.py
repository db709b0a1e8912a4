"""Every page wants something of its viewer, whichever door leads to it; what nobody listed is shown to few."""

import re

import pytest

from dashboard import page_access
from dashboard.page_access import PAGES, needed
from dashboard.pages.routes import ROUTES
from domain.viewers import Ability, NotAllowedError, Viewer

COUNTER = Viewer(name="bob", role="usage", accounts=None)
DOORS = ("", "/", "/ws", "/metadata", "/autoload.js", "/static/app.js")


def test_every_page_is_listed_and_nothing_else() -> None:
    """A new page is shown to nobody who sees numbers only, until somebody says so here."""
    pages = {re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", path) for path in ROUTES}
    assert pages | {"/"} == set(PAGES)


@pytest.mark.parametrize(("path", "ability"), [*PAGES.items()])
def test_all_doors_of_a_page_want_the_same(path: str, ability: Ability) -> None:
    plain = path.replace("{member}", "0192f5a0-0000-7000-8000-000000000001")
    doors = DOORS if path.count("/") == 1 and path != "/" else ("", "/ws", "/metadata", "/autoload.js")
    for door in doors if path != "/" else ("",):
        assert needed(plain + door) == ability, door


def test_what_makes_a_page() -> None:
    """A session of Panel's; the script that brings a page into another site makes one too."""
    for path in ("/", "/overview", "/requests/x", "/overview/autoload.js", "/nowhere"):
        assert page_access.opens_page(path), path
    for path in ("/alive", "/static/js/bokeh.min.js", "/assets/app.css", "/favicon.ico", "/components/x"):
        assert not page_access.opens_page(path), path


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/search/x", "/conversations/a/b", "//search", "/Search", "/healthy", "/login/", "/requests/x/y/z"],
)
def test_what_is_not_listed_is_not_for_who_sees_numbers(path: str) -> None:
    assert needed(path) == "text"
    with pytest.raises(NotAllowedError):
        page_access.check(COUNTER, path)


@pytest.mark.parametrize("path", ["/", "/alive", "/favicon.ico", "/assets/app.css", "/static/js/x.js", "/overview/"])
def test_files_and_pages_of_numbers_are(path: str) -> None:
    page_access.check(COUNTER, path)
