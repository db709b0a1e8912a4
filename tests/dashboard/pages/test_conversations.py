"""The list of conversations shows what the store has, in its order, and says plainly when there is nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboard.data import ConversationFilter
from dashboard.pages.conversations import ROWS, ConversationsPage, asked_conversations
from dashboard.pages.page import Surroundings
from dashboard.pages.queries import ListQuery
from tests.fake_data import FakeDataStore
from tests.read_rows import START, conversation_tree, request_id, tree_node
from tests.shown_html import attributes, found, texts

NOW = START + timedelta(hours=1)


def page_of(store: FakeDataStore) -> ConversationsPage:
    return ConversationsPage(Surroundings(store, lambda: NOW, ("nexus claude", "export A=1")))


def store_with(*titles: str) -> FakeDataStore:
    store = FakeDataStore()
    for number, title in enumerate(titles, 1):
        tree = conversation_tree(
            [tree_node(number)],
            conversation_id=request_id(number),
            title=title,
            last_at=START + timedelta(minutes=number),
            requests=number,
        )
        store.put_tree(tree)
    return store


async def listed(store: FakeDataStore, search: str = "") -> str:
    page = page_of(store)
    await page.load(search)
    return page.regions()["list"]


async def test_the_newest_stands_first_and_links_to_its_page() -> None:
    html = await listed(store_with("first", "second"))
    assert attributes(html, "tr", "data-conversation-id") == [str(request_id(2)), str(request_id(1))]
    assert attributes(html, "td a", "href")[:2] == [f"/conversations/{request_id(number)}" for number in (2, 1)]
    assert texts(html, "td a")[:2] == ["second", "first"]


async def test_a_row_tells_what_the_conversation_adds_up_to() -> None:
    store = FakeDataStore()
    numbers = {"requests": 1234, "branches": 3, "subtasks": 5, "failures": 7, "open_requests": 1}
    models = ["claude-opus-4-5", "claude-haiku-4-5", "llama"]
    store.put_tree(conversation_tree([tree_node()], **numbers, models=models, project="billing"))
    html = await listed(store)
    cells = texts(html, "td")
    assert cells[1] == "Running"
    assert cells[3:7] == ["1,234", "3", "5", "7"]
    assert "billing" in cells[0]
    assert cells[7].split() == ["opus", "4.5", "haiku", "4.5", "+1"]
    assert cells[8] == "511k"


async def test_what_was_not_recorded_stands_beside_the_cost_or_in_its_place() -> None:
    for cost, lost, words in ((None, 2, "not recorded"), ("1", 2, "$1.00"), ("1", 0, "$1.00")):
        store = FakeDataStore()
        store.put_tree(conversation_tree([tree_node()], cost_usd=cost, unrecorded=lost))
        html = await listed(store)
        assert texts(html, "td")[9].startswith(words)
        assert ("2 not recorded" in texts(html, "td")[9]) == (lost > 0 and cost is not None)


async def test_what_is_nothing_is_a_dash_and_idle() -> None:
    cells = texts(await listed(store_with("one")), "td")
    assert cells[1] == "Idle"
    assert cells[4:7] == ["–", "–", "–"]


async def test_without_a_prompt_there_is_still_a_link() -> None:
    assert texts(await listed(store_with("")), "td a")[0] == "Without a prompt"


async def test_filters_come_from_the_address() -> None:
    store = store_with("alpha", "beta")
    assert texts(await listed(store, "?title=ALPH"), "td a")[0] == "alpha"
    page = page_of(store)
    await page.load("?title=ALPH&project=nexus&session=s&account=a")
    filters = page.regions()["filters"]
    assert attributes(filters, "input", "value") == ["ALPH", "nexus", "a", "s"]
    await page.load("?within=7d&sort=tokens")
    filters = page.regions()["filters"]
    assert attributes(filters, "form", "data-keep") == ["sort order"]
    assert [element.text for element in found(filters, "option[selected]")] == ["last 7 days"]


@pytest.mark.parametrize(
    ("sort", "first"), [("requests", 3), ("failures", 1), ("tokens", 2), ("cost_usd", 2), ("started_at", 1)]
)
async def test_the_list_is_ordered_as_the_address_says(sort: str, first: int) -> None:
    store = FakeDataStore()
    for number, requests, failures, tokens, cost in ((1, 1, 9, 1, "1"), (2, 2, 0, 9, "9"), (3, 9, 5, 5, None)):
        numbers = {"requests": requests, "failures": failures, "input_tokens": tokens, "cost_usd": cost}
        started = START - timedelta(minutes=number)
        store.put_tree(
            conversation_tree(
                [tree_node(number)], conversation_id=request_id(number), started_at=started, open_requests=0, **numbers
            )
        )
    rows = attributes(await listed(store, f"?sort={sort}"), "tr", "data-conversation-id")
    turned = attributes(await listed(store, f"?sort={sort}&order=asc"), "tr", "data-conversation-id")
    assert rows[0] == turned[-1] == str(request_id(first))
    assert (rows[::-1], len(rows)) == (turned, 2 if sort == "cost_usd" else 3)


@pytest.mark.parametrize("name", ["title", "project", "account", "session"])
def test_every_filter_reaches_the_store(name: str) -> None:
    wanted = asked_conversations(ListQuery("/conversations", {name: "x"}), NOW).wanted
    assert getattr(wanted, name) == "x"
    assert replace(wanted, **{name: None}) == ConversationFilter()


async def test_nothing_yet_tells_how_to_begin() -> None:
    html = await listed(FakeDataStore())
    assert 'data-state="empty"' in html
    assert "nexus claude\nexport A=1" in html


async def test_nothing_that_fits_offers_to_clear_the_filters() -> None:
    html = await listed(store_with("alpha"), "?title=zzz")
    assert 'data-state="no-match"' in html
    assert attributes(html, "a", "href") == ["/conversations"]


async def test_older_pages_are_linked_and_lead_back() -> None:
    store = store_with(*(f"title {number}" for number in range(ROWS + 5)))
    page = page_of(store)
    await page.load("?project=nexus")
    links = dict(
        zip(
            attributes(page.regions()["list"], "a", "rel"),
            attributes(page.regions()["list"], "a[rel]", "href"),
            strict=True,
        )
    )
    assert set(links) == {"next"}
    await page.load(links["next"].partition("?")[2])
    html = page.regions()["list"]
    assert len(attributes(html, "tr", "data-key")) == 5
    assert attributes(html, 'a[rel="prev"]', "href") == ["/conversations?project=nexus"]


async def test_a_cursor_of_another_list_is_refused_in_words() -> None:
    store = store_with("one")
    store.refusal = "cursor=x is none of this list"
    html = await listed(store, "?cursor=x")
    assert 'data-state="refused"' in html
    assert "cursor=x is none of this list" in html


async def test_following_shows_what_is_new() -> None:
    store = store_with("first")
    page = page_of(store)
    await page.load("")
    store.put_tree(conversation_tree([tree_node(2)], conversation_id=request_id(2), title="second", last_at=NOW))
    await page.follow()
    assert texts(page.regions()["list"], "td a")[0] == "second"


async def test_there_is_nothing_to_act_on() -> None:
    page = page_of(store_with("one"))
    await page.load("")
    before = page.regions()
    await page.act("select", "x")
    page.paint()
    assert page.regions() == before
    assert page.figures() == {}
