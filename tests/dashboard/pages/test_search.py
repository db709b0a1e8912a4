"""The page of a search shows hits with their words, a beginning, and what is wrong; nothing from the wire runs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dashboard.pages.page import Surroundings
from dashboard.pages.search import ROWS, SearchPage, search_page
from dashboard.searching import SearchQuery
from domain.search_hits import SearchFilter
from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece
from tests.fake_data import FakeDataStore
from tests.hostile_text import HOSTILE
from tests.read_rows import START
from tests.schemas.test_search_api import HIT
from tests.shown_html import attributes, texts

NOW = START + timedelta(hours=1)


def answer(*hits: dict[str, Any], total: int = 1, **more: Any) -> SearchAnswer:
    linked = {"conversation_id": UUID(int=2), "branch_id": UUID(int=3), "title": "A talk"}
    items = [SearchHit.model_validate(HIT | linked | hit) for hit in hits]
    return SearchAnswer(items=items, total=total, **{"at_least": False, "next_cursor": None} | more)


async def shown(search: str, found: SearchAnswer | None = None) -> tuple[SearchPage, FakeDataStore]:
    store = FakeDataStore()
    if found is not None:
        store.hits = found
    page = SearchPage(Surroundings(store, lambda: NOW, ()))
    await page.load(search)
    return page, store


async def test_without_words_it_says_how_to_search() -> None:
    page, store = await shown("")
    assert "Everything that was said can be found" in page.regions()["list"]
    assert (page.title, store.asked) == ("Search · Nexus", [])
    assert dict(page.figures()) == {}


async def test_hits_are_shown_with_what_was_found() -> None:
    hit = {"snippet": [SnippetPiece(text="no ", found=False), SnippetPiece(text="such", found=True)]}
    page, store = await shown("?q=such", answer(hit, hit | {"entry": "other"}, total=2))
    html = page.regions()["list"]
    assert texts(html, "mark") == ["such", "such"]
    assert "2 places" in html
    link = f"/conversations/{UUID(int=2)}?tab=read&branch={UUID(int=3)}&message={UUID(int=1)}.q3"
    assert link in attributes(html, "a", "href")
    assert page.title == "such · Search · Nexus"
    assert store.wanted == [SearchQuery("such", limit=ROWS)]
    await page.follow()
    await page.act("any", "")
    assert store.asked == ["search"]


async def test_filters_stand_in_the_address() -> None:
    query = (
        f"?q=x&kind=answer&tool=Bash&error=yes&since=2026-11-22&until=2026-11-23&model=m&project=p&account=a&session=s"
        f"&conversation={UUID(int=2)}&class=main&order=newest&cursor=20"
    )
    page, store = await shown(query, answer({}))
    (asked,) = store.wanted
    assert isinstance(asked, SearchQuery)
    assert (asked.order, asked.cursor, asked.limit) == ("newest", "20", ROWS)
    midnight = START.replace(hour=0, minute=0)
    assert asked.wanted == SearchFilter(
        kind="answer", is_error=True, tool="Bash", since=midnight, until=midnight + timedelta(days=1), model="m",
        project="p", account="a", session="s", conversation=UUID(int=2), request_class="main",
    )  # fmt: skip
    filters = page.regions()["filters"]
    assert {"x", "Bash", "2026-11-22", "2026-11-23", "m", "p", "a", "s"} <= set(attributes(filters, "input", "value"))
    assert 'value="answer" selected' in filters


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?q=-x", "Name a word that is to be found"),
        ("?q=x&since=yesterday", "is no time"),
        ("?q=x&conversation=1", "conversation='1' is no id"),
        ("?q=x&kind=gossip", "kind='gossip' is unknown; give one of prompt, answer"),
        ("?q=x&class=upper", "class='upper' is unknown; give one of main"),
        ("?q=x&cursor=there", "is none of this list"),
    ],
)
async def test_what_cannot_be_asked_is_said(query: str, words: str) -> None:
    page, _ = await shown(query)
    assert words in str(page.regions()["list"]).replace("&#39;", "'")


async def test_nothing_found_and_no_more() -> None:
    nothing = SearchAnswer(items=[], total=0, at_least=False, next_cursor=None)
    page, _ = await shown("?q=x&tool=Bash", nothing)
    assert "Nobody said that" in page.regions()["list"]
    assert "/search?q=x" in attributes(page.regions()["list"], "a", "href")
    page, _ = await shown("?q=x&cursor=20", nothing)
    assert "There are no more hits" in page.regions()["list"]


async def test_more_than_can_be_counted() -> None:
    page, _ = await shown("?q=x", answer({}, total=2_000, at_least=True, next_cursor="20"))
    html = page.regions()["list"]
    assert "The newest 2,000 places; there are older ones" in html
    assert any("cursor=20" in link for link in attributes(html, "a", "href"))


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_stays_text(text: str) -> None:
    hit = {
        "title": text,
        "tool": text,
        "project": text,
        "account": text,
        "snippet": [SnippetPiece(text=text, found=True)],
    }
    page, _ = await shown("?q=x", answer(hit))
    html = page.regions()["list"]
    assert set(attributes(html, "script", "src")) == set()
    assert text not in html or text.isalnum() or "<" not in text


def test_it_is_made_for_a_path_without_a_parameter() -> None:
    assert isinstance(search_page(Surroundings(FakeDataStore(), lambda: NOW, ()), ""), SearchPage)
