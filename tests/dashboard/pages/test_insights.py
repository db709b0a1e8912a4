"""Insights rank what was paid anew by cause, say what helps, and link to the requests that show it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dashboard.data import CacheFilter, StreamRange
from dashboard.pages.insights import FEW, GROUPS, InsightsPage
from dashboard.pages.page import Surroundings
from tests.fake_data import FakeDataStore
from tests.insight_samples import cache_cause, cache_group, cache_insights, stream_example, stream_insights
from tests.read_rows import START, request_id, stream_group
from tests.shown_html import attributes, texts

NOW = START + timedelta(hours=1)


def page_of(store: FakeDataStore) -> InsightsPage:
    return InsightsPage(Surroundings(store, lambda: NOW, ("nexus claude",)))


async def shown(store: FakeDataStore, region: str, search: str = "") -> str:
    page = page_of(store)
    await page.load(search)
    return page.regions()[region]


async def test_a_cause_has_its_meaning_advice_price_and_examples() -> None:
    store = FakeDataStore(waste=cache_insights(cache_group()))
    html = await shown(store, "cache")
    cells = texts(html, "td")
    assert "Entry ran out" in cells[0]
    assert "Make shorter breaks" in cells[0]
    assert cells[1:4] == ["3", "90k", "$0.5100"]
    assert attributes(html, "a[class]", "href")[:2] == [f"/requests/{request_id(number)}" for number in (1, 2)]
    assert attributes(html, "i", "style") == ["width: 50.0%"]


async def test_totals_say_how_much_of_all_prompts_it_was() -> None:
    html = await shown(FakeDataStore(waste=cache_insights(cache_group())), "cache")
    assert texts(html, "dd") == ["$1.02", "90k 10 % of prompts", "3 of 40 requests compared", "1"]


async def test_what_has_no_price_says_so_and_guesses_are_counted() -> None:
    cause = cache_cause(cost_usd=None, unsure=2, estimated=1)
    html = await shown(FakeDataStore(waste=cache_insights(cache_group(cost_usd=None, causes=[cause]))), "cache")
    cells = texts(html, "td")
    assert cells[3] == "no price"
    assert "2 best guesses" in cells[4]
    assert "1 estimated by bytes" in cells[4]


async def test_other_groups_list_their_causes() -> None:
    group = cache_group(str(request_id(4)), causes=[cache_cause(), *(cache_cause("unknown") for _ in range(4))])
    html = await shown(FakeDataStore(waste=cache_insights(group, cache_group(None))), "cache", "?group_by=conversation")
    assert attributes(html, "a[data-nav]", "href") == [f"/conversations/{request_id(4)}"]
    assert texts(html, "li")[0].startswith("Entry ran out 3 × $0.5100")
    assert texts(html, "li")[4] == "1 more cause"
    assert "none" in texts(html, "td")[5]


async def test_nothing_lost_and_nothing_compared_are_told_apart() -> None:
    assert 'data-state="no-misses"' in await shown(FakeDataStore(waste=cache_insights()), "cache")
    assert 'data-state="empty-cache"' in await shown(FakeDataStore(), "cache")


@pytest.mark.parametrize(("search", "days"), [("", 7), ("?range=1d", 1), ("?range=30d", 30), ("?range=x", 7)])
async def test_the_address_chooses_the_span(search: str, days: int) -> None:
    store = FakeDataStore()
    await page_of(store).load(search)
    since = NOW - timedelta(days=days)
    assert store.wanted == [CacheFilter(since=since, until=None, group_by="cause"), StreamRange(since, None)]


async def test_the_address_chooses_group_and_conversation_and_links_keep_them() -> None:
    store = FakeDataStore()
    page = page_of(store)
    await page.load(f"?group_by=model&conversation={request_id(3)}&range=30d")
    assert store.wanted[0] == CacheFilter(
        since=NOW - timedelta(days=30), until=None, group_by="model", conversation=request_id(3)
    )
    choices = page.regions()["choices"]
    kept = f"group_by=model&conversation={request_id(3)}"
    assert f"/insights?range=1d&{kept}" in attributes(choices, "a", "href")
    assert attributes(choices, 'a[aria-label="All conversations"]', "href") == ["/insights?range=30d&group_by=model"]
    assert texts(page.regions()["cache"], "a[aria-current]") == ["model"]
    assert len(attributes(page.regions()["cache"], "a[data-soft]", "href")) == len(GROUPS)


async def test_streams_are_counted_by_model_and_account_with_examples() -> None:
    store = FakeDataStore(flows=stream_insights(stream_example()))
    html = await shown(store, "streams")
    cells = texts(html, "td")
    assert cells[:3] == ["All", "12", "–"]
    assert {"opus 4.5", "acme"} <= set(cells)
    assert "Stalled" in texts(html, "h3")[0]
    assert attributes(html, "a[data-nav]", "href") == [f"/requests/{request_id(5)}?tab=stream"]


async def test_a_long_ranking_shows_its_top_and_all_on_demand() -> None:
    groups = [cache_group(f"model-{number}") for number in range(FEW + 1)]
    flows = stream_insights(accounts=[stream_group(name=f"account-{number}") for number in range(FEW + 2)])
    store = FakeDataStore(waste=cache_insights(*groups), flows=flows)
    few = await shown(store, "cache", "?group_by=model&range=1d")
    assert len(attributes(few, "tr[data-key]", "data-key")) == FEW
    link = "/insights?range=1d&group_by=model&rows=all"
    assert (texts(few, ".more-line"), link in attributes(few, "a", "href")) == ([f"Show all {FEW + 1}"], True)
    whole = await shown(store, "cache", "?group_by=model&rows=all")
    assert (len(attributes(whole, "tr[data-key]", "data-key")), texts(whole, ".more-line")) == (FEW + 1, [])
    few = await shown(store, "streams")
    assert texts(few, ".more-line") == [f"Show all 1 model and {FEW + 2} accounts"]
    assert sum(cell.startswith("account-") for cell in texts(few, "td")) == FEW
    assert sum(cell.startswith("account-") for cell in texts(await shown(store, "streams", "?rows=all"), "td")) == 10
    assert not texts(await shown(FakeDataStore(flows=stream_insights()), "streams"), ".more-line")


async def test_no_stream_says_so_and_a_part_of_them_too() -> None:
    assert 'data-state="empty-streams"' in await shown(FakeDataStore(), "streams")
    some = FakeDataStore(flows=stream_insights(complete=False, models=[stream_group(name=None)]))
    assert "the newest of more" in await shown(some, "streams")


async def test_following_reads_anew_and_there_is_nothing_to_act_on() -> None:
    store = FakeDataStore()
    page = page_of(store)
    assert set(page.regions()) == {"cache", "choices", "streams"}
    await page.load("")
    store.waste = cache_insights(cache_group(cost_usd=Decimal(77)))
    await page.follow()
    await page.act("select", "x")
    page.paint()
    assert "$77.00" in page.regions()["cache"]
    assert page.figures() == {}
