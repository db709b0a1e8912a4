"""The page of limits shows each account's windows with where every value comes from, and one history at a time."""

from datetime import timedelta

import pytest

from dashboard.pages.limits import SPANS, LimitsPage
from dashboard.pages.page import Surroundings
from schemas.limits_api import AccountWindows, OverageItem
from tests.fake_data import FakeDataStore
from tests.limit_samples import NOW, RESET, account_windows, forecast, key_limit, past, reading, window_item
from tests.read_rows import request_id
from tests.shown_html import attributes, found, texts

WEEK = window_item(name="7d", length_s=7 * 86_400, history=[])


def page_of(*accounts: AccountWindows) -> LimitsPage:
    return LimitsPage(Surroundings(FakeDataStore(accounts=list(accounts)), lambda: NOW, ("nexus claude",)))


async def shown(*accounts: AccountWindows, search: str = "") -> str:
    page = page_of(*accounts)
    await page.load(search)
    return page.regions()["accounts"]


async def test_a_window_shows_share_reset_source_and_evidence() -> None:
    html = await shown(account_windows())
    (meter,) = found(html, "div[role]")
    assert meter.attributes["aria-valuenow"] == "62.0"
    assert "62 %" in html
    assert [text for text in texts(html, "time") if text == "in 2 h 00 m"]
    assert attributes(html, "time", "datetime")[1] == RESET.isoformat(timespec="milliseconds")
    assert texts(html, ".chip-said") == ["header"]
    assert f"/requests/{request_id(7)}" in attributes(html, "a", "href")


async def test_what_is_reckoned_says_how() -> None:
    how = "tokens of the account since then"
    html = await shown(
        account_windows(windows=[window_item(now=reading(None, source="reckoned", how=how, tokens=63_000))])
    )
    assert texts(html, ".chip-reckoned") == ["reckoned"]
    assert how in html
    assert "63k" in html
    assert not found(html, "div[role]"), "a bar would claim a share"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (forecast(), "pace full in 1 h 10 m (earliest in 40 min, latest in 1 h 50 m, 80 % sure)"),
        (forecast(latest=None, likely=None), "perhaps full before the reset (earliest in 40 min, latest not before"),
        (forecast(earliest=None, likely=None, latest=None), "present pace not full before the reset (80 % sure)"),
        (forecast(level=None, reason="too few moments"), "no forecast at the present pace: too few moments"),
    ],
    ids=["full", "perhaps", "not full", "unknown"],
)  # fmt: skip
async def test_forecasts_are_told_with_their_range(item: object, words: str) -> None:
    html = await shown(account_windows(windows=[window_item(forecasts=[item])]))
    assert words in texts(html, "li")[0]


async def test_limits_of_a_key_are_listed_with_their_answer() -> None:
    html = await shown(account_windows(windows=[], key_limits=[key_limit()]))
    assert texts(html, "td")[:4] == ["tokens", "75 %", "250", "1,000"]
    assert attributes(html, "td[class]", "class")
    assert f"/requests/{request_id(9)}" in attributes(html, "a", "href")
    assert "tokens 75 % used" in texts(html, "summary")[0]


async def test_use_beyond_the_plan_and_members_that_are_not_understood_are_told() -> None:
    overage = OverageItem(
        status="rejected", in_use=True, disabled_reason="out_of_credits", utilization=0.3, resets_at=None,
        request_id=request_id(3), seen_at=NOW,
    )  # fmt: skip
    html = await shown(account_windows(overage=overage, unknown={"5h-mood": "calm"}, malformed=["7d-reset"]))
    for words in ("use beyond the plan", "out_of_credits", "5h-mood=calm", "7d-reset"):
        assert words in html


async def test_nothing_yet_tells_how_to_begin_and_which_headers_are_needed() -> None:
    assert 'data-state="empty"' in await shown()
    html = await shown(account_windows(windows=[], headers_at=None))
    assert 'data-state="no-headers"' in html
    assert "anthropic-ratelimit-unified-5h-utilization" in html


async def test_the_address_chooses_the_history() -> None:
    page = page_of(account_windows(), account_windows(account="zoo", windows=[WEEK, window_item()]))
    await page.load("?account=zoo&window=7d&span=week")
    assert attributes(page.regions()["accounts"], "a[aria-current]", "href") == [
        "/limits?account=zoo&window=7d&span=week"
    ]
    chart = page.regions()["chart"]
    assert texts(chart, "h2") == ["Weekly window zoo"]
    assert 'data-state="no-history"' in chart
    assert texts(chart, "a[aria-current]") == ["1 week"]
    assert attributes(chart, "a", "href") == [f"/limits?account=zoo&window=7d&span={name}" for name in SPANS]


@pytest.mark.parametrize(("window", "span"), [("5h", "1 day"), ("7d", "8 weeks")])
async def test_a_long_window_begins_with_all_of_its_history(window: str, span: str) -> None:
    page = page_of(account_windows(windows=[WEEK, window_item()]))
    await page.load(f"?window={window}&span=nonsense")
    assert texts(page.regions()["chart"], "a[aria-current]") == [span]


async def test_an_account_that_was_not_used_lately_is_read_when_it_is_asked_for() -> None:
    many = [account_windows(account=f"a{number}") for number in range(25)]
    page = page_of(*many)
    await page.load("?account=a24")
    assert texts(page.regions()["chart"], "bdi") == ["a24"]
    assert len(found(page.regions()["accounts"], "section")) == 21


async def test_the_figure_holds_the_chosen_history_and_keeps_a_zoom_while_it_follows() -> None:
    store = FakeDataStore(accounts=[account_windows(windows=[window_item(past=[past()])])])
    page = LimitsPage(Surroundings(store, lambda: NOW, ()))
    page.paint()
    await page.load("")
    page.paint()
    figure = page.figures()["history"]
    start = figure.x_range.start  # type: ignore[attr-defined]  # Bokeh has no types
    assert figure.visible  # type: ignore[attr-defined]  # Bokeh has no types
    figure.x_range.start = start + 1  # type: ignore[attr-defined]  # Bokeh has no types
    await page.follow()
    page.paint()
    assert figure.x_range.start == start + 1  # type: ignore[attr-defined]  # Bokeh has no types
    await page.load("?span=all")
    page.paint()
    assert figure.x_range.start == start  # type: ignore[attr-defined]  # Bokeh has no types


async def test_following_reads_anew_and_there_is_nothing_to_act_on() -> None:
    store = FakeDataStore()
    page = LimitsPage(Surroundings(store, lambda: NOW, ()))
    assert set(page.regions()) == {"accounts", "chart"}
    await page.load("")
    store.accounts = [account_windows(account="new one", headers_at=NOW - timedelta(minutes=1))]
    await page.follow()
    await page.act("select", "x")
    assert "new one" in page.regions()["accounts"]


async def test_only_the_account_of_the_chart_is_asked_for_its_history() -> None:
    """Ten busy accounts have tens of thousands of points, of which one window's are shown."""
    bare = account_windows(account="bare", windows=[])
    others = [account_windows(account=name) for name in ("first", "second")]
    store = FakeDataStore(accounts=[bare, *others])
    page = LimitsPage(Surroundings(store, lambda: NOW, ("nexus claude",)))
    for search, chosen in (("", "first"), ("?account=second", "second")):
        store.asked.clear()
        await page.load(search)
        assert store.asked == ["windows"] * 2
        assert page._read is not None
        assert [one.account for one in page._read.accounts] == ["first", "second", "bare"]
        assert [one.account for one in page._read.accounts if any(each.history for each in one.windows)] == [chosen]


async def test_without_any_account_there_is_no_history_to_ask_for() -> None:
    store = FakeDataStore()
    page = LimitsPage(Surroundings(store, lambda: NOW, ("nexus claude",)))
    await page.load("")
    assert store.asked == ["windows"]
