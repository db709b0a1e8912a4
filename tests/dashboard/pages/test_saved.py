"""Saved filters beside a page: whose they are, what is in force, what can be saved; the page itself stays as it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.page import Page, Surroundings
from dashboard.pages.requests import RequestsPage, requests_page
from dashboard.pages.routes import ROUTES
from dashboard.pages.saved import TITLES, Entry, Group, groups_of, with_saved
from dashboard.savable import PARAMETERS
from domain.errors import StoreUnavailableError
from domain.saved_filters import PAGES, SavedFilter, View
from domain.viewers import OWNER, Viewer
from tests.fake_data import FakeDataStore
from tests.read_rows import START, request_item
from tests.shown_html import attributes, found, parsed

BAD = SavedFilter("Bad ones", View("/requests", "outcome=client"), START)
SLOW = SavedFilter("slow", View("/requests", "model=opus"), START)
MONEY = SavedFilter("money", View("/usage", "by=model"), START)


def store_of(*kept: SavedFilter, viewer: Viewer = OWNER) -> FakeDataStore:
    store = FakeDataStore(items=[request_item(1)], viewer=viewer)
    store.kept = {viewer.person_id or "": kept, "somebody": [SavedFilter("theirs", BAD.view, START)]}
    return store


def page_over(store: FakeDataStore, path: str = "/requests") -> Page:
    return ROUTES[path](Surroundings(store, lambda: START, ()), "")


async def saved(store: FakeDataStore, search: str = "", path: str = "/requests") -> str:
    page = page_over(store, path)
    await page.load(search)
    return str(page.regions()["saved"])


@given(
    st.sampled_from(PAGES), st.lists(st.sampled_from([BAD, SLOW, MONEY]), unique=True), st.none() | st.just(BAD.view)
)
def test_this_pages_come_first_each_once_and_what_is_in_force_is_told(
    path: str, kept: list[SavedFilter], shown: View | None
) -> None:
    groups = groups_of(kept, path, shown)
    entries = [entry for group in groups for entry in group.entries]
    assert sorted(entry.name for entry in entries) == sorted(one.name for one in kept)
    assert all(group.entries for group in groups)
    titles = [group.title for group in groups]
    assert titles == sorted(titles, key=lambda title: (title != TITLES[path], list(TITLES.values()).index(title)))
    assert all(entry.is_here == entry.address.startswith(path + "?") for entry in entries)
    assert [entry.name for entry in entries if entry.is_shown] == [one.name for one in kept if one.view == shown]


def test_what_no_page_knows_any_more_is_left_out_and_of_the_rest_what_it_knows() -> None:
    kept = [
        SavedFilter("gone", View("/requests", "gone=1"), START),
        SavedFilter("half", View("/requests", "gone=1&model=opus&class=main"), START),
    ]
    shown = View("/requests", "class=main&model=opus")
    entry = Entry("half", "/requests?class=main&model=opus", is_here=True, is_shown=True)
    assert groups_of(kept, "/requests", shown) == [Group("Requests", [entry])]


async def test_of_his_own_there_is_a_link_to_each_and_the_one_in_force_is_marked() -> None:
    html = await saved(store_of(BAD, MONEY, SLOW), "?outcome=client&cursor=older&trail=x")
    links = [one for one in parsed(html).all() if one.name == "a"]
    assert [one.attributes["href"] for one in links] == [
        "/requests?outcome=client",
        "/requests?model=opus",
        "/usage?by=model",
    ]
    assert [one.attributes.get("aria-current") for one in links] == ["true", None, None]
    assert ["data-soft" in one.attributes for one in links] == [True, True, False]  # another page is loaded
    assert attributes(html, "button", "data-remove-filter") == ["Bad ones", "slow", "money"]
    assert "theirs" not in html
    assert found(html, "form") == []


@pytest.mark.parametrize(
    ("search", "query"),
    [
        ("", None),
        ("?cursor=x&trail=y", None),
        ("?outcome=client", None),
        ("?outcome=client&model=opus", "outcome=client&model=opus"),
        ("?model=a+b%26&unknown=1", "model=a+b%26"),
    ],
)
async def test_what_is_chosen_and_not_saved_yet_can_be(search: str, query: str | None) -> None:
    html = await saved(store_of(BAD), search)
    forms = attributes(html, "form", "data-save-filters")
    assert len(forms) == (query is not None)
    if query is not None:
        hidden = {
            one.attributes["name"]: one.attributes["value"]
            for one in parsed(html).all()
            if one.attributes.get("type") == "hidden"
        }
        assert hidden == {"path": "/requests", "query": query}


async def test_the_browsers_own_time_zone_is_no_filter() -> None:
    assert found(await saved(store_of(), "?tz=Europe%2FParis", "/usage"), "form") == []
    html = await saved(store_of(MONEY), "?tz=Europe%2FParis&by=model", "/usage")
    assert attributes(html, "a", "aria-current") == ["true"]


async def test_who_has_nothing_yet_is_told_how_and_who_can_have_nothing_is_offered_nothing() -> None:
    assert "Nothing is saved yet" in await saved(store_of())
    nobody = Viewer(name="anybody", role="reader", accounts=None)
    assert await saved(store_of(BAD, viewer=nobody), "?outcome=client") == ""


async def test_it_looks_again_with_the_page_and_when_the_browser_has_written() -> None:
    store = store_of()
    page = page_over(store)
    await page.load("?outcome=client")
    store.kept[""] = [BAD]
    await page.follow()
    assert "Bad ones" in page.regions()["saved"]
    store.kept[""] = []
    store.asked.clear()
    await page.act("saved", "")
    assert store.asked == ["saved_filters"]  # nothing else of the page
    assert "Bad ones" not in page.regions()["saved"]
    store.away = True
    for asked in (page.load(""), page.follow(), page.act("saved", "")):
        with pytest.raises(StoreUnavailableError):
            await asked


class Told(RequestsPage):
    """Notes what it is told."""

    acts: tuple[str, ...] = ()

    async def act(self, name: str, value: str) -> None:
        self.acts += (f"{name} {value}",)


async def test_all_else_is_the_pages_own() -> None:
    store = store_of(BAD)
    surroundings = Surroundings(store, lambda: START, ())
    plain = requests_page(surroundings, "")
    told = Told(surroundings)
    page = with_saved("/requests", lambda *_: told)(surroundings, "")
    await plain.load("?model=x")
    await page.load("?model=x")
    await page.act("open", "1")
    assert told.acts == ("open 1",)
    of_page: dict[str, Any] = {name: html for name, html in page.regions().items() if name != "saved"}
    assert of_page == plain.regions()
    assert page.region_names == (*plain.region_names, "saved")
    assert (page.name, page.section, page.title) == (plain.name, plain.section, plain.title)
    assert page.figures() == plain.figures()


@pytest.mark.parametrize("path", sorted(PARAMETERS))
async def test_every_page_that_can_be_filtered_has_them(path: str) -> None:
    name = PARAMETERS[path][0]
    html = await saved(store_of(SavedFilter("this", View(path, f"{name}=x"), START)), f"?{name}=x", path)
    assert attributes(html, "a", "aria-current") == ["true"]
    page = page_over(store_of(), path)
    await page.load("")
    page.paint()
    assert set(page.regions()) == set(page.region_names)
    assert page.section == path[1:]
