"""The overview tells of today: against usual, now, who spends, what failed, and which windows are nearly full."""

from datetime import timedelta
from decimal import Decimal

from dashboard.pages.overview import NEWEST, REST, TOP, OverviewPage
from dashboard.pages.page import Surroundings
from dashboard.usage import UsageQuery
from dashboard.views.overview_rows import SPENDERS
from domain.overview import DAYS
from schemas.usage_api import UsageAnswer, UsageTokens
from tests.fake_data import FakeDataStore
from tests.limit_samples import account_windows, reading, window_item
from tests.read_rows import START, request_id, request_item
from tests.shown_html import attributes, texts
from tests.usage_samples import usage_answer, usage_item

MIDNIGHT = START.replace(hour=0, minute=0, second=0, microsecond=0)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> object:
        return self.now


def used(query: UsageQuery) -> UsageAnswer:
    """A day costs as many dollars as it lies back; today costs 8."""
    back = (MIDNIGHT - query.since).days
    bucket = query.since if query.bucket == "hour" else None
    item = usage_item(bucket, group=dict.fromkeys(query.group_by, "shop"), label="shop", cost_usd=Decimal(back or 8))
    return usage_answer(item, total=item)


def page_of(store: FakeDataStore, clock: Clock | None = None) -> OverviewPage:
    return OverviewPage(Surroundings(store, clock or Clock(), ("nexus claude",)))  # type: ignore[arg-type]


async def test_today_stands_beside_the_same_hours_of_the_days_before() -> None:
    store = FakeDataStore(used=used)
    page = page_of(store)
    await page.load("")
    asked = [query for query in store.wanted if isinstance(query, UsageQuery)]
    assert {query.until - query.since for query in asked} == {START - MIDNIGHT}
    assert sorted(query.since for query in asked)[:DAYS] == [MIDNIGHT - timedelta(days=n) for n in range(DAYS, 0, -1)]
    cost, requests, *_ = texts(page.regions()["today"], "dd")
    assert cost == "$8.00 100 % more than usual ($4.00)"
    assert requests == "4 as usual (4)"
    assert len(attributes(page.regions()["today"], "i", "style")) == 24


async def test_spenders_link_to_their_usage_of_today() -> None:
    page = page_of(store := FakeDataStore(used=used))
    await page.load("")
    links = attributes(page.regions()["spenders"], "a", "href")
    assert links[:2] == ["/usage?range=today&project=shop", "/usage?range=today&user=shop"]
    assert len(links) == len(SPENDERS)
    assert {query.limit for query in store.wanted if isinstance(query, UsageQuery) and query.group_by} == {TOP}


async def test_what_runs_what_is_new_and_what_failed_open_their_requests() -> None:
    store = FakeDataStore(used=used)
    store.put_item(request_item(1, outcome="open", status=None, received_at=START - timedelta(seconds=5)))
    store.put_item(request_item(2, status=529, error_type="overloaded_error", error_message="<b>Busy</b>"))
    for number in range(3, 3 + 2 * NEWEST):
        store.put_item(request_item(number))
    page = page_of(store)
    await page.load("")
    regions = page.regions()
    assert f"/requests/{request_id(1)}" in attributes(regions["now"], "a", "href")
    assert texts(regions["now"], "h3") == ["running", "newest"]
    assert len(texts(regions["now"], "li")) <= 1 + NEWEST
    [failed] = texts(regions["failures"], "li")
    assert "overloaded_error <b>Busy</b>" in failed
    assert attributes(regions["failures"], "a", "href") == [f"/requests/{request_id(2)}"]


async def test_the_fullest_windows_are_named() -> None:
    windows = [window_item(now=reading(utilization=share)) for share in (0.2, 0.93)]
    page = page_of(FakeDataStore(used=used, accounts=[account_windows(account="acme", windows=windows)]))
    await page.load("")
    first, second = texts(page.regions()["limits"], "li")
    assert "acme" in first
    assert "93 %" in first
    assert "20 %" in second


async def test_without_anything_it_tells_how_to_begin() -> None:
    nobody = usage_item(requests=0, failed=0, cost_usd=None, tokens=UsageTokens(), group={})
    page = page_of(FakeDataStore(used=lambda _: usage_answer(total=nobody)))
    await page.load("")
    regions = page.regions()
    assert 'data-state="empty"' in regions["today"]
    assert "nexus claude" in regions["today"]
    assert not any(regions[name] for name in page.region_names[1:])


async def test_a_quiet_morning_is_not_empty() -> None:
    nobody = usage_item(requests=0, failed=0, cost_usd=None, tokens=UsageTokens(), group={})
    page = page_of(
        FakeDataStore(used=lambda query: used(query) if query.since < MIDNIGHT else usage_answer(total=nobody))
    )
    await page.load("")
    assert texts(page.regions()["today"], "dd")[0] == "$0.00 100 % less than usual ($4.00)"
    assert "Nobody yet today." in page.regions()["spenders"]
    assert "No answer told of an open window." in page.regions()["limits"]
    assert "Nothing is running." in page.regions()["now"]


async def test_what_is_usual_is_asked_for_now_and_then() -> None:
    clock, store = Clock(), FakeDataStore(used=used)
    page = page_of(store, clock)
    await page.load("")
    first = len(store.asked)
    clock.now += REST / 2
    await page.follow()
    again = len(store.asked) - first
    assert again == first - DAYS - 1
    clock.now += REST
    await page.follow()
    assert len(store.asked) == 2 * first + again


async def test_at_midnight_it_is_another_day() -> None:
    clock, store = Clock(), FakeDataStore(used=used)
    page = page_of(store, clock)
    await page.load("")
    clock.now = MIDNIGHT + timedelta(days=1)
    store.wanted.clear()
    await page.follow()
    today = max(query.since for query in store.wanted if isinstance(query, UsageQuery))
    assert today == MIDNIGHT + timedelta(days=1)
    await page.act("anything", "")
    page.paint()
    assert page.figures() == {}
