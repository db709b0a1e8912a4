"""The page of two sides: what to choose, what is different, more of it when that is asked for, and how it fails."""

from datetime import timedelta
from typing import Any

import pytest

from dashboard import comparing
from dashboard.comparing import TURNS
from dashboard.pages.compare import ComparePage, id_in
from dashboard.pages.page import Surroundings
from dashboard.views.comparing import DIFFERENCES
from domain.errors import StoreUnavailableError
from tests.compared_samples import branched, compacted, parted, put
from tests.fake_data import FakeDataStore
from tests.read_rows import START, conversation_tree, request_id, tree_node
from tests.recorded_details import request_details
from tests.shown_html import attributes, found, texts

NOW = START + timedelta(hours=1)


async def loaded(store: FakeDataStore, search: str = "") -> ComparePage:
    page = ComparePage(Surroundings(store, lambda: NOW, ()))
    await page.load(search)
    page.paint()
    return page


async def shown(store: FakeDataStore, a: Any = "", b: Any = "", of: str = "") -> ComparePage:
    given = [("a", a), ("b", b), ("of", of)]
    ids = [(name, request_id(it) if isinstance(it, int) else it) for name, it in given]
    return await loaded(store, "?" + "&".join(f"{name}={it}" for name, it in ids if it))


def html(page: ComparePage) -> str:
    return "".join(page.regions().values())


def long_talk(left: int, right: int) -> FakeDataStore:
    """Two requests of so many messages with nothing in common but the first."""
    store = FakeDataStore()
    put(store, tree_node(1), ["Hello", *(f"l{n}" for n in range(left))], "Fine.")
    put(store, tree_node(2, parent=1), ["Hello", *(f"r{n}" for n in range(right))], "Fine.")
    return store


async def test_nothing_given_offers_conversations() -> None:
    page = await shown(parted(["Hello"], ["Hi"]))
    assert texts(html(page), "h2") == ["What is to be compared?"]
    assert attributes(html(page), "li[data-choice]", "data-choice") == [str(request_id(101)), str(request_id(1))]
    assert (page.title, page.figures()) == ("Compare · Nexus", {})
    empty = await shown(FakeDataStore())
    assert "There is nothing yet to compare." in html(empty)
    assert '<a href="/requests">requests</a> and of <a href="/conversations">conversations</a>' in html(page)
    assert "marks a row" not in html(empty), "there is none"
    assert attributes(html(page), "input[data-search]", "name") == ["a"]


async def test_one_side_given_offers_what_stands_near_it() -> None:
    page = await shown(branched(), 3)
    assert texts(html(page), "h3")[:2] == ["Requests near it", "Branches and sub-tasks of its conversation"]
    assert attributes(html(page), "input[data-search]", "name") == ["b"]
    assert "marks a row" not in html(page)
    link = attributes(html(page), "a[data-nav]", "href")[0]
    assert link == f"/compare?a={request_id(2)}&b={request_id(3)}&of=requests"
    there = await loaded(branched(), link.partition("?")[2])
    assert texts(html(there), ".verdict-line") != []


async def test_words_look_for_a_conversation() -> None:
    store = parted(["Hello"], ["Hi"])
    page = await shown(store, 1, "talk 101")
    assert len(found(html(page), "li[data-choice]")) == 1
    assert texts(html(page), "h3") == ["Other conversations with “talk 101” in the title"]
    assert "No conversation has these words" in html(await shown(store, "nobody said this"))
    assert len(found(html(await shown(store, "talk 1")), "li[data-choice]")) == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (str(request_id(5)), 5),
        (str(request_id(5)).upper(), 5),
        (f"http://localhost:3001/requests/{request_id(5)}?tab=raw", 5),
        (f"/conversations/{request_id(1)}?tab=read&branch={request_id(1)}&message={request_id(5)}.q3", 5),
        ("words", None),
        ("", None),
        ("x" * 5_000 + str(request_id(5)), None),
    ],
)
def test_an_id_is_found_in_whatever_is_pasted(text: str, number: int | None) -> None:
    assert id_in(text) == (None if number is None else request_id(number))


async def test_two_requests_stand_side_by_side() -> None:
    page = await shown(branched(), 4, 5, "requests")
    assert page.title == "00000004 and 00000005 compared · Nexus"
    assert attributes(html(page), "p[data-verdict]", "data-verdict") == ["requests"]
    assert len(found(html(page), "article[data-difference]")) == 3
    assert attributes(html(page), "article[data-difference]", "id") == ["d-1", "d-2", "d-3"]
    assert attributes(html(page), "a[data-nav]", "href") == ["#d-1", "#d-2", "#d-3"], "j and k go through them"
    assert "System prompt, tools and settings are the same." in html(page)
    assert attributes(html(page), "a[aria-current]", "data-way") == ["requests"]


async def test_sides_are_swapped_and_ways_changed_by_links() -> None:
    page = await shown(branched(), 4, 5, "branches")
    swapped = attributes(html(page), "a[data-swap]", "href")
    assert swapped == [f"/compare?a={request_id(5)}&b={request_id(4)}&of=branches"]
    assert attributes(html(page), "a[data-way]", "href")[0].endswith("of=requests")
    assert attributes(html(page), 'input[name="of"]', "value") == ["branches"]
    there = await loaded(branched(), swapped[0].partition("?")[2])
    assert [card.split()[0] for card in texts(html(there), ".compare-card")] == ["left:", "right:"]
    assert texts(html(there), ".compare-card")[0].startswith("left: branch 2")


async def test_a_request_against_itself_is_the_same() -> None:
    page = await shown(branched(), 4, 4)
    assert texts(html(page), ".verdict-line") == ["Both sides are the same request."]
    assert found(html(page), "article[data-difference]") == []


async def test_two_branches_stand_side_by_side_from_where_they_part() -> None:
    page = await shown(branched(), 4, 5, "branches")
    assert texts(html(page), ".verdict-line") == ["They share 2 exchanges; behind, 2 turns differ."]
    facts = dict(
        zip(attributes(html(page), "tr[data-fact]", "data-fact"), found(html(page), "tr[data-fact]"), strict=True)
    )
    assert facts["Cost"].text == "Cost$7.00$5.00-29 %"
    assert found(html(page), 'button[data-act="turns"]') == []


async def test_what_is_the_same_is_opened_and_folded_again() -> None:
    page = await shown(branched(), 4, 5, "requests")
    assert found(html(page), ".pair-same") == []
    await page.act("run", "0")
    assert len(found(html(page), ".pair-same")) == 5
    await page.act("run", "0")
    assert found(html(page), ".pair-same") == []
    await page.act("run", "0")
    await page.load(f"?a={request_id(4)}&b={request_id(5)}&of=requests")
    assert found(html(page), ".pair-same") == [], "another address begins folded"
    for name, value in (("run", "x"), ("run", "-1"), ("run", "9" * 20), ("nothing", "0")):
        await page.act(name, value)
    assert found(html(page), ".pair-same") == []


async def test_more_differences_come_when_they_are_asked_for() -> None:
    page = await shown(long_talk(DIFFERENCES, DIFFERENCES + 10), 1, 2, "requests")
    assert len(found(html(page), "article[data-difference]")) == DIFFERENCES
    assert f"10 more of {DIFFERENCES + 10}" in html(page)
    await page.act("more", "")
    assert len(found(html(page), "article[data-difference]")) == DIFFERENCES + 10
    assert found(html(page), 'button[data-act="more"]') == []


async def test_more_turns_are_read_when_they_are_asked_for() -> None:
    turns = TURNS + 3
    page = await shown(parted(["Hi"] * turns, ["Hi"] * turns), 1, 101)
    assert texts(html(page), ".banner") == [
        f"The first {TURNS} turns of either side were read; the longer one has 3 more."
    ]
    await page.act("turns", "")
    assert (texts(html(page), ".banner"), found(html(page), 'button[data-act="turns"]')) == ([], [])
    assert texts(html(page), ".same-run") == [f"{turns} turns the same · show"]


async def test_a_page_reads_so_many_turns_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.compare.PAGE_TURNS", TURNS + 1)
    page = await shown(parted(["Hi"] * 2 * TURNS, ["Hi"] * 2 * TURNS), 1, 101)
    await page.act("turns", "")
    assert texts(html(page), ".banner")[0].startswith(f"The first {TURNS + 1} turns of either side were read")


async def test_a_compaction_stands_beside_what_it_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    page = await shown(compacted(3), 4)
    assert page.title == "What 00000004 summarised · Nexus"
    assert attributes(html(page), "details[data-replaced]", "data-replaced") == [str(request_id(n)) for n in (1, 2, 3)]
    assert texts(html(page), "summary[data-nav]") == [f"{n} Question {n}" for n in (1, 2, 3)]
    assert "<summary>" in texts(html(page), ".block-text")[-1]
    facts = dict(zip(texts(html(page), "dt"), texts(html(page), "dd"), strict=True))
    assert (facts["Prompt before"], facts["Prompt after"], facts["Went on by"]) == (
        "49,212 tokens", "1,219 tokens", "Go on",
    )  # fmt: skip
    monkeypatch.setattr(comparing, "TURNS", 2)
    monkeypatch.setattr("dashboard.pages.compare.TURNS", 2)
    page = await shown(compacted(3), 4)
    assert texts(html(page), "summary[data-nav]") == ["2 Question 2", "3 Question 3"]
    await page.act("turns", "")
    assert len(found(html(page), "details[data-replaced]")) == 3
    assert "nobody yet" in html(await shown(compacted(3, resumed=False), 4))


async def test_a_side_that_is_not_there_says_which() -> None:
    left, right = await shown(branched(), 99, 1), await shown(branched(), 1, 99)
    assert texts(html(left), 'div[data-state="missing"]')[0].startswith("There is no such request on the left")
    assert texts(html(right), 'div[data-state="missing"]')[0].startswith("There is no such request on the right")
    assert texts(html(left), "h2")[-1] == "What is to be compared?"
    assert texts(html(right), "h2")[-1] == "Compare it with"
    assert left.title == "Compare · Nexus"


async def test_one_that_is_on_no_branch_can_still_be_compared_as_a_request() -> None:
    store = branched()
    put(store, tree_node(98), ["Alone"], "Yes.", conversation_id=None)
    page = await shown(store, 1, 98, "branches")
    assert texts(html(page), 'div[data-state="refused"]')[0].startswith("The right one is in no conversation")
    assert attributes(html(page), "a[data-way]", "data-way") == ["requests", "branches"]
    assert "data-verdict" in html(await shown(store, 1, 98, "requests"))


async def test_what_was_erased_or_is_open_is_said() -> None:
    store = branched()
    store.all_details[request_id(5)] = request_details(5, body=b"no json", answer=b"", ended_by="open")
    page = await shown(store, 4, 5, "requests")
    assert len(texts(html(page), ".banner")) == 2
    assert texts(html(page), ".verdict-line") == ["Their messages cannot be compared."]


async def test_it_follows_as_long_as_something_goes_on() -> None:
    store = branched()
    page = await shown(store, 4, 5, "requests")
    asked = store.asked.count("details")
    await page.follow()
    assert store.asked.count("details") == asked, "nothing happened"
    store.all_details[request_id(5)] = request_details(5, answer=b"", ended_by="open")
    store.put_item(store.items[-1])
    await page.follow()
    assert "still coming" in html(page)
    asked = store.asked.count("details")
    await page.follow()
    assert store.asked.count("details") == asked + 2, "it is still open"


async def test_branches_grow_while_they_are_looked_at() -> None:
    store = parted(["Hello"], ["Hello"])
    page = await shown(store, 1, 101)
    nodes = [*store.trees[-1].nodes, tree_node(102, parent=101, branch=101, prompt="More")]
    put(store, nodes[-1], ["Hello", "About Hello", "More"], "Yes.", conversation_id=request_id(101))
    store.put_tree(conversation_tree(nodes, conversation_id=request_id(101)))
    await page.follow()
    assert texts(html(page), ".verdict-line") == ["They share no exchange; 1 turn differs, 1 read the same."]
    unknown = await shown(store, 99, 1)
    put(store, tree_node(99), ["Late"], "Yes.")
    await unknown.follow()
    assert "data-verdict" in html(unknown), "what was not there may come"


async def test_a_store_that_is_away_leaves_what_was_there() -> None:
    store = branched()
    page = await shown(store, 4, 5, "branches")
    before = html(page)
    store.away = True
    with pytest.raises(StoreUnavailableError):
        await page.load(f"?a={request_id(1)}")
    assert before
    with pytest.raises(StoreUnavailableError):
        await page.follow()


async def test_lines_of_a_megabyte_are_cut_and_said_to_be() -> None:
    store = FakeDataStore()
    long = "x" * 900_000
    put(store, tree_node(1), [f"{long}a{long}"], "Fine.")
    put(store, tree_node(2, parent=1), [f"{long}b{long}"], "Fine.")
    page = await shown(store, 1, 2, "requests")
    assert len(html(page)) < 30_000
    assert texts(html(page), ".cut-chars") == ["… 899,850 characters", "… 899,551 characters"] * 2
    assert [element.text for element in found(html(page), "b") if element.text in {"a", "b"}] == ["a", "b"]
