"""The reading view opens where the address says, page by page, finds words, and goes on with the talk."""

import pytest

from dashboard.pages import reading
from dashboard.pages.conversation import ConversationPage
from dashboard.pages.page import Surroundings
from dashboard.pages.reading import MOST_HITS, TURNS, wanted_in
from dashboard.searching import SearchQuery
from domain.errors import StoreUnavailableError
from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece
from tests.dashboard.test_exporting import everywhere, uncoloured
from tests.dashboard.test_reading import talked
from tests.fake_data import FakeDataStore
from tests.hostile_text import HOSTILE, disarmed
from tests.read_rows import START, conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import request_details, text_answer
from tests.schemas.test_search_api import HIT
from tests.shown_html import attributes, found, texts

LENGTH = 2 * TURNS + 5
SNIPPET = [SnippetPiece(text="Answer", found=True), SnippetPiece(text=" here", found=False)]


async def opened(search: str, store: FakeDataStore | None = None) -> tuple[ConversationPage, str]:
    page = ConversationPage(Surroundings(store or talked(LENGTH)[0], lambda: START, ()), str(request_id(1)))
    await page.load(search)
    return page, page.regions()["reading"]


def turns(html: str) -> list[int]:
    return [int(number) for number in attributes(html, "section", "data-turn")]


@pytest.mark.parametrize(
    ("search", "first", "last"),
    [
        ("", 2 * TURNS + 1, LENGTH),
        ("&turn=1", 1, TURNS),
        (f"&turn={TURNS + 3}", TURNS + 1, 2 * TURNS),
        ("&turn=0", 1, TURNS),
        ("&turn=99999", 2 * TURNS + 1, LENGTH),
        ("&turn=nonsense", 2 * TURNS + 1, LENGTH),
        (f"&message={request_id(3)}.a0", 1, TURNS),
        (f"&message={request_id(99)}.a0", 2 * TURNS + 1, LENGTH),
    ],
)
async def test_the_address_says_which_page_is_shown(search: str, first: int, last: int) -> None:
    _, html = await opened(f"?tab=read{search}")
    assert turns(html) == list(range(first, last + 1))
    assert (
        texts(html, ".read-pager")[0].replace(",", "").endswith(f"{first}–{last} of {LENGTH} exchanges")
        or last < LENGTH
    )


async def test_it_is_empty_until_it_is_asked_for() -> None:
    page, html = await opened("")
    assert html == ""
    assert attributes(page.regions()["tabs"], "a", "aria-current") == ["page"]
    await page.load("?tab=read")
    assert turns(page.regions()["reading"])
    await page.load("")
    assert page.regions()["reading"] == ""


async def test_a_message_in_the_address_is_chosen_and_brought_into_view() -> None:
    wanted = f"{request_id(3)}.a0"
    _, html = await opened(f"?tab=read&message={wanted}")
    assert [element.attributes["id"] for element in found(html, ".entry-chosen")] == [f"m-{wanted}"]
    assert attributes(html, "div", "data-arrive")[:2] == ["", wanted] or wanted in attributes(
        html, "div", "data-arrive"
    )


async def test_the_end_is_brought_into_view_without_a_message() -> None:
    _, html = await opened("?tab=read")
    assert attributes(html, "div", "data-arrive") == [f"{request_id(LENGTH)}.a0"]
    _, html = await opened("?tab=read&turn=1")
    assert not any(attributes(html, "div", "data-arrive"))


async def test_every_turn_links_to_its_request_and_every_entry_to_itself() -> None:
    _, html = await opened("?tab=read&turn=1")
    links = attributes(html, "a", "href")
    assert f"/requests/{request_id(7)}" in links
    assert f"?tab=read&branch={request_id(1)}&message={request_id(7)}.q12" in links


def answer(*entries: tuple[int, str], total: int | None = None) -> SearchAnswer:
    """``entries``: an exchange's number and its entry."""
    items = [
        SearchHit.model_validate(
            HIT | {"request_id": request_id(number), "entry": f"{request_id(number)}.{entry}", "snippet": SNIPPET}
        )
        for number, entry in entries
    ]
    return SearchAnswer(items=items, total=len(items) if total is None else total, at_least=False, next_cursor=None)


async def test_words_are_searched_for_in_all_of_the_branch_and_only_there() -> None:
    store, line = talked(LENGTH)
    store.hits = answer((40, "a0"), (3, "a0"))
    _, html = await opened("?tab=read&q=ANSWER+3", store)
    (asked,) = store.wanted
    assert isinstance(asked, SearchQuery)
    assert (asked.words, asked.order, asked.limit) == ("ANSWER 3", "newest", MOST_HITS)
    assert asked.wanted.requests == tuple(node.request_id for node in line)
    assert asked.wanted.aside
    assert asked.wanted.since == line[0].received_at
    assert asked.wanted.until is not None
    assert asked.wanted.until > line[-1].received_at
    assert " ".join(texts(html, ".read-hits")[0].split()) == "40 Answer here3 Answer here"
    assert texts(html, "mark")[-2:] == ["Answer"] * 2
    links = attributes(html, "a", "href")
    assert f"?tab=read&branch={request_id(1)}&message={request_id(3)}.a0&q=ANSWER+3" in links
    assert f"/search?q=ANSWER+3&conversation={request_id(1)}" in links
    assert "places." not in html


async def test_of_very_many_places_it_is_said_how_many_there_are() -> None:
    store, _ = talked(2)
    store.hits = answer((2, "a0"), total=1_234)
    _, html = await opened("?tab=read&q=answer", store)
    assert "The newest 1 of 1,234 places." in html


async def test_what_is_not_found_or_cannot_be_is_said() -> None:
    _, html = await opened("?tab=read&q=nowhere")
    assert "Nothing on this branch says that." in texts(html, ".read-hits")[0]
    _, html = await opened("?tab=read&q=-nowhere")
    assert "Name a word that is to be found" in texts(html, ".read-hits")[0]
    store, _ = talked(2)
    await opened("?tab=read", store)
    assert "search" not in store.asked


async def test_it_goes_on_with_the_talk() -> None:
    store, _ = talked(3)
    page, html = await opened("?tab=read", store)
    assert turns(html) == [1, 2, 3]
    longer, _ = talked(4)
    store.trees, store.all_details, store.items = longer.trees, longer.all_details, longer.items
    await page._reading.follow(await store.tree(request_id(1)))
    assert turns(page.regions()["reading"]) == [1, 2, 3, 4]


async def test_a_search_does_not_read_the_turns_again_and_other_turns_are_read() -> None:
    store, _ = talked(LENGTH)
    page, html = await opened("?tab=read&turn=1", store)
    store.asked.clear()
    await page.load("?tab=read&turn=1&q=answer")
    assert "line_details" not in store.asked
    assert turns(page.regions()["reading"]) == turns(html)
    await page.load(f"?tab=read&message={request_id(2)}")
    assert "line_details" not in store.asked
    assert found(page.regions()["reading"], ".entry-chosen")
    await page.load(f"?tab=read&turn={TURNS + 1}")
    assert store.asked.count("line_details") == 1
    assert turns(page.regions()["reading"]) == list(range(TURNS + 1, 2 * TURNS + 1))


async def test_turns_of_another_tree_are_read_again() -> None:
    """The branch of a sub-agent may be known by now."""
    store, line = talked(3)
    page, _ = await opened("?tab=read&turn=1", store)
    store.put_tree(conversation_tree(line))
    store.put_item(request_item(3))
    store.asked.clear()
    await page.load("?tab=read&turn=1&q=answer")
    assert store.asked.count("line_details") == 1


async def test_a_page_that_could_not_be_read_is_asked_for_again() -> None:
    store, _ = talked(LENGTH)
    page, _ = await opened("?tab=read&turn=1", store)
    store.away = True
    with pytest.raises(StoreUnavailableError):
        await page.load(f"?tab=read&turn={TURNS + 1}")
    store.away = False
    await page.load(f"?tab=read&turn={TURNS + 1}")
    assert turns(page.regions()["reading"]) == list(range(TURNS + 1, 2 * TURNS + 1))


async def test_a_conversation_that_is_not_there_has_nothing_to_read() -> None:
    store = FakeDataStore()
    page, html = await opened("?tab=read", store)
    assert html == ""
    assert page.regions()["tabs"] == ""


async def test_a_tree_without_branches_says_that_there_is_nothing_yet() -> None:
    store = FakeDataStore()
    tree = conversation_tree([tree_node()])
    store.put_tree(tree)
    page, _ = await opened("?tab=read", store)
    bare = tree.model_copy(update={"branches": [], "nodes": []})
    await page._reading.load(bare, "?tab=read")
    assert "nothing to read" in str(page._reading.region(bare))


async def test_what_comes_from_the_wire_is_escaped() -> None:
    attack = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
    store, _ = talked(2)

    body = {"messages": [{"role": "user", "content": attack}]}
    store.all_details[request_id(1)] = request_details(1, body=body, answer=text_answer(attack))
    _, html = await opened("?tab=read&q=%3Cscript%3E", store)
    assert found(html, "script") == []
    assert found(html, "img") == []
    assert "&lt;script&gt;" in html


def test_an_address_for_another_view_asks_for_nothing() -> None:
    assert wanted_in("?request=5") is None
    assert wanted_in("?tab=tree") is None
    wanted = wanted_in("?tab=read&message=x&branch=no")
    assert wanted is not None
    assert (wanted.branch, wanted.request, wanted.turn, wanted.words) == (None, None, None, "")


async def test_a_page_of_a_long_branch_is_half_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONG", LENGTH - 1)
    _, html = await opened("?tab=read&turn=1")
    assert turns(html) == list(range(1, TURNS // 2 + 1))


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_from_the_wire_changes_what_the_view_is_made_of(text: str) -> None:
    """Oracle: the same view with the same text disarmed."""
    _, hostile = await opened("?tab=read&q=a", everywhere(text))
    _, harmless = await opened("?tab=read&q=a", everywhere(disarmed(text)))
    assert uncoloured(hostile, text) == uncoloured(harmless, text)
