"""What of an address is saved: what is chosen on a page that knows it; and whose it is."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages import conversations, insights, requests, search, usage
from dashboard.pages.queries import MAX_VALUE as PAGES_READ
from dashboard.pages.queries import read_query
from dashboard.savable import MAX_VALUE, PARAMETERS, as_known, kept_by, saved_answer, view_of, view_to_save
from domain.saved_filters import PAGES, SavedFilter, SavedFilters, UnfitFilterError, View
from domain.viewers import OWNER, NotAllowedError, Viewer
from tests.fake_sources import FakeLog
from tests.read_rows import START

KNOWN = {
    conversations.PATH: (*conversations.FILTERS, "sort", "order"),
    requests.PATH: (*requests.FILTERS, "sort", "order"),
    search.PATH: search.FILTERS,
    usage.PATH: usage.STATE,
    insights.PATH: insights.STATE,
}
OF_THE_BROWSER = {"tz"}
COUNTER = Viewer(name="bob", role="usage", accounts=None, person_id="bob00000")
WORDS = st.sampled_from([*{name for names in KNOWN.values() for name in names}, "cursor", "trail", "as_of", "x"])
SEARCHES = st.lists(st.tuples(WORDS, st.text(max_size=12))).map(lambda pairs: f"?{urlencode(pairs, errors='replace')}")


@pytest.mark.parametrize("path", PAGES)
def test_of_every_page_all_that_it_knows_is_kept(path: str) -> None:
    assert set(PARAMETERS[path]) == set(KNOWN[path]) - OF_THE_BROWSER
    assert set(PARAMETERS) == set(PAGES)
    assert MAX_VALUE == PAGES_READ


@given(st.sampled_from(PAGES), SEARCHES)
def test_a_view_asks_its_page_for_the_same(path: str, search: str) -> None:
    """Oracle: how the page itself reads the address, on its first page."""
    names = KNOWN[path]
    chosen = {name: value for name, value in read_query(path, search, names).filters.items() if name != "tz"}
    view = view_of(path, search)
    if view is None:
        assert chosen == {}
        return
    assert read_query(path, f"?{view.query}", names).filters == chosen
    assert as_known(view) == view == view_of(path, view.query)
    assert not {name for name, _ in parse_qsl(view.query)} & {"cursor", "trail", "as_of", "tz", "x"}


@given(SEARCHES)
def test_a_page_whose_filters_are_not_saved_has_no_view(search: str) -> None:
    assert view_of("/overview", search) is None


def test_what_is_chosen_twice_in_another_order_is_one_view() -> None:
    one = view_of("/requests", "?model=opus&class=main&cursor=abc&trail=a~b")
    assert one == view_of("/requests", "class=main&model=+opus+") == View("/requests", "class=main&model=opus")


def test_what_cannot_be_saved_is_refused_with_its_reason() -> None:
    assert view_to_save(OWNER, "/search", "?q=x") == View("/search", "q=x")
    with pytest.raises(UnfitFilterError, match="choose a filter first"):
        view_to_save(OWNER, "/requests", "?cursor=x")
    for path in ("/overview", "/limits", "", "/requests/", "//evil.example"):
        with pytest.raises(UnfitFilterError, match="not saved"):
            view_to_save(OWNER, path, "?model=x")
    with pytest.raises(NotAllowedError):
        view_to_save(COUNTER, "/search", "?q=x")


def log_of(*shelves: SavedFilters) -> FakeLog:
    return FakeLog([event for shelf in shelves for event in shelf.collect_events()])


async def test_everybody_is_told_his_own_and_of_pages_he_is_shown() -> None:
    mine, theirs = SavedFilters.begin("", at=START), SavedFilters.begin(COUNTER.person_id or "", at=START)
    mine.save("mine", View("/search", "q=x"), who="owner", at=START)
    for path in ("/search", "/usage"):
        theirs.save(f"theirs {path}", View(path, "model=x"), who="bob", at=START)
    log = log_of(mine, theirs)
    assert [one.name for one in await kept_by(log, OWNER)] == ["mine"]
    assert [one.name for one in await kept_by(log, COUNTER)] == ["theirs /usage"]
    assert await kept_by(log, Viewer(name="owner", role="admin", accounts=None)) == ()
    assert await kept_by(log, Viewer(name="bob", role="usage", accounts=None, person_id="bob00001")) == []


def test_the_answer_leaves_out_what_no_page_knows_any_more() -> None:
    at = START + timedelta(hours=1)
    kept = [
        SavedFilter("bad", View("/requests", "gone=1&status=500"), at),
        SavedFilter("gone", View("/requests", "gone=1"), at),
    ]
    (item,) = saved_answer(kept).items
    assert item.model_dump() == {
        "name": "bad",
        "page": "/requests",
        "query": "status=500",
        "url": "/requests?status=500",
        "saved_at": at,
    }
