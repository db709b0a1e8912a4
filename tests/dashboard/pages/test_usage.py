"""The page of usage asks for what its address says, its tables follow the brush, and its links lead further in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.pages.page import Surroundings
from dashboard.pages.usage import UsagePage
from dashboard.usage import UsageQuery
from domain.usage_ranges import TooManyBucketsError
from schemas.usage_api import SubTaskItem, UsageAnswer, UsageItem
from tests.fake_data import FakeDataStore
from tests.read_rows import START, conversation_tree, request_id, tree_node
from tests.shown_html import attributes, found, texts
from tests.usage_samples import usage_answer, usage_figures, usage_item

NOW = START + timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def two_models(query: UsageQuery, **changes: Any) -> UsageAnswer:
    """A dear one and a cheap one, whatever is asked; conversations by their ids."""
    bucket = None if query.bucket == "none" else query.since
    if "subtask" in query.group_by:
        return usage_answer(*a_tree())
    if "conversation" in query.group_by:
        return usage_answer(usage_item(group={"conversation": request_id(1)}, label="x"))
    dear = usage_item(bucket, label="claude-opus-4-5", group=dict.fromkeys(query.group_by, "claude-opus-4-5"))
    cheap = usage_item(bucket, label="llama", group=dict.fromkeys(query.group_by, "llama"), cost_usd=Decimal("0.1"))
    return usage_answer(dear, cheap.model_copy(update=changes), bucket=query.bucket)


def a_tree() -> list[UsageItem]:
    """A main thread, an agent that called another, and something outside."""
    whole = usage_figures(requests=9, cost_usd=Decimal("1.25"))
    places = ((1, None, 0, None, None), (7, 1, 1, "Count <b>files</b>", "Explore"), (8, 7, 2, None, None))
    tasks = [
        SubTaskItem(
            conversation_id=request_id(1), parent=parent and request_id(parent), depth=depth, name=name, agent_type=kind
        )
        for _, parent, depth, name, kind in places
    ]
    items = [
        usage_item(group={"subtask": request_id(number)}, label=task.name or "x", subtask=task, with_descendants=whole)
        for (number, *_), task in zip(places, tasks, strict=True)
    ]
    return [*items, usage_item(group={"subtask": None}, label="(none)", with_descendants=whole)]


def page_of(used: Callable[[UsageQuery], UsageAnswer] | None = two_models) -> tuple[UsagePage, FakeDataStore]:
    store = FakeDataStore(used=used)
    store.put_tree(conversation_tree([tree_node(1)], title="Mend the clock"))
    return UsagePage(Surroundings(store, lambda: NOW, ("nexus claude",))), store


async def loaded(search: str = "", used: Callable[[UsageQuery], UsageAnswer] | None = two_models) -> UsagePage:
    page, _ = page_of(used)
    await page.load(search)
    page.paint()
    return page


async def asked(search: str) -> list[UsageQuery]:
    page, store = page_of()
    await page.load(search)
    return [one for one in store.wanted if isinstance(one, UsageQuery)]


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


async def test_it_asks_for_bars_a_table_and_conversations_of_the_last_week() -> None:
    bars, table, talks, agents = await asked("")
    assert (agents.group_by, agents.wanted) == (("subtask",), {"class": "subagent"})
    assert (bars.group_by, bars.bucket, bars.limit) == (("model",), "day", 8)
    assert (table.group_by, table.bucket) == (("model",), "none")
    assert talks.group_by == ("conversation",)
    assert all((one.since, one.until) == (MIDNIGHT - 6 * DAY, MIDNIGHT + DAY) for one in (bars, table, talks))


async def test_the_tables_follow_the_brush_and_the_bars_do_not() -> None:
    start, end = int((MIDNIGHT - 2 * DAY).timestamp()), int((MIDNIGHT - DAY).timestamp())
    bars, table, talks, _ = await asked(f"?from={start}&to={end}")
    assert (bars.since, bars.until) == (MIDNIGHT - 6 * DAY, MIDNIGHT + DAY)
    assert (table.since, table.until) == (talks.since, talks.until) == (MIDNIGHT - 2 * DAY, MIDNIGHT - DAY)


async def test_filters_zone_dimension_and_assumptions_reach_the_store() -> None:
    bars, table, *_ = await asked("?model=llama&scope=device:1&by=project&tz=Europe/Paris&ttl=1h&cache=none&as_model=x")
    for one in (bars, table):
        assert one.wanted == {"model": "llama", "scope": "device:1"}
        assert str(one.zone) == "Europe/Paris"
        assert (one.what_if.lifetime, one.what_if.no_cache, one.what_if.model) == ("1h", True, "x")
    assert table.group_by == ("project",)


async def test_tokens_are_told_apart_by_kind() -> None:
    bars, table, *_ = await asked("?measure=tokens&by=user")
    assert (bars.group_by, table.group_by) == ((), ("user",))
    legend = (await loaded("?measure=tokens")).regions()["legend"]
    assert texts(legend, "li")[0] == "cache read"


async def test_a_row_tells_cost_share_tokens_and_hit_rate() -> None:
    html = (await loaded()).regions()["tables"]
    cells = texts(html, "td")
    assert cells[:4] == ["opus 4.5", "$0.5000", "83 %", "4 1 failed"]
    assert cells[4:10] == ["100", "50", "800", "60", "40", "80 %"]
    exact = attributes(html, "td[data-value]", "data-value")
    assert exact[:4] == ["opus 4.5", "0.50", "0.8333333333333334", "4"]
    assert "$0.6000" in texts(html, "tr")[3]


async def test_a_click_on_a_value_narrows_and_tells_apart_by_the_next_dimension() -> None:
    html = (await loaded("?range=30d&tz=UTC")).regions()["tables"]
    link = attributes(html, "a[data-soft]", "href")[0]
    assert query_of(link) == {"range": "30d", "tz": "UTC", "by": "project", "model": "claude-opus-4-5"}


async def test_filters_and_brush_are_crumbs_that_can_be_taken_away() -> None:
    start = int((MIDNIGHT - 2 * DAY).timestamp())
    page = await loaded(f"?model=llama&class=main&from={start}&to={start + 60}")
    crumbs = [one.attributes["href"] for one in found(page.regions()["choices"], ".crumb")]
    assert [set(query_of(link)) for link in crumbs] == [
        {"class", "from", "to"},
        {"model", "from", "to"},
        {"model", "class"},
    ]


async def test_the_form_keeps_what_is_chosen() -> None:
    choices = (await loaded("?range=custom&since=2026-11-01&by=class&model=llama&ttl=5m")).regions()["choices"]
    hidden = [(one.attributes["name"], one.attributes["value"]) for one in found(choices, 'input[type="hidden"]')]
    assert hidden == [("range", "custom"), ("by", "class"), ("model", "llama")]
    assert attributes(choices, 'input[name="since"]', "value") == ["2026-11-01"]
    assert [one.text for one in found(choices, "option[selected]")] == ["5 minutes", "as it was"]


async def test_what_if_shows_the_other_price_and_the_difference() -> None:
    def used(query: UsageQuery) -> UsageAnswer:
        group = dict.fromkeys(query.group_by)
        item = usage_item(group=group, label="a", what_if_cost_usd=Decimal("0.75"))
        return usage_answer(item, bucket=query.bucket, assumed=["every token at the prices of b"])

    html = (await loaded("?as_model=b", used)).regions()["tables"]
    assert "$0.7500 +$0.2500" in texts(html, "td")
    assert "what if: every token at the prices of b" in texts(html, "span")


async def test_estimates_subscriptions_and_missing_prices_have_their_words_and_a_mend() -> None:
    def used(query: UsageQuery) -> UsageAnswer:
        changes: dict[str, Any] = {"cost_usd": None, "unpriced_tokens": 1050, "unpriced": ["llama has no price"]}
        return two_models(query, estimated=True, api_equivalent=True, **changes)

    page = await loaded("", lambda query: usage_answer(*used(query).items, bucket=query.bucket))
    html = page.regions()["tables"]
    words = [one.text for one in found(html, ".chip")]
    assert {"estimated", "unpriced", "≙ API-equivalent"} <= set(words)
    assert "no price" in texts(html, "td")[11]
    assert "1,050 tokens have no price" in html
    assert "llama has no price" in html
    assert "nexus prices set" in html


async def test_what_could_not_be_recorded_is_said_and_is_not_free() -> None:
    def used(query: UsageQuery) -> UsageAnswer:
        return usage_answer(usage_item(group=dict.fromkeys(query.group_by), cost_usd=None, unrecorded=2))

    html = (await loaded("", used)).regions()["tables"]
    assert "2 not recorded" in [one.text for one in found(html, ".chip")]
    assert "not known" in texts(html, "td")[1]
    assert "<b>2 answers could not be recorded whole</b>" in html
    assert "not recorded" not in (await loaded()).regions()["tables"]


async def test_conversations_that_cost_most_are_linked_by_title() -> None:
    html = (await loaded()).regions()["tables"]
    assert f"/conversations/{request_id(1)}" in attributes(html, "a", "href")
    assert "Mend the clock" in texts(html, "a")


async def test_nothing_yet_nothing_here_and_a_refusal_say_so() -> None:
    assert 'data-state="empty"' in (await loaded("", None)).regions()["tables"]
    assert 'data-state="no-match"' in (await loaded("?model=x", None)).regions()["tables"]
    refused = await loaded("?ttl=9h")
    assert 'data-state="refused"' in refused.regions()["tables"]

    def too_many(query: UsageQuery) -> UsageAnswer:
        raise TooManyBucketsError

    assert 'data-state="refused"' in (await loaded("", too_many)).regions()["tables"]


async def test_what_was_answered_is_asked_again_when_the_store_has_moved() -> None:
    page, store = page_of()

    async def asked_by(doing: Awaitable[None]) -> list[tuple[str, ...]]:
        store.wanted.clear()
        await doing
        return [tuple(one.group_by) for one in store.wanted if isinstance(one, UsageQuery)]

    first = await asked_by(page.load("?range=30d"))
    assert first == [("model",), ("model",), ("conversation",), ("subtask",)]
    assert await asked_by(page.load("?range=30d&by=project")) == [("project",), ("project",)]
    assert await asked_by(page.load("?range=30d&by=project")) == []
    assert await asked_by(page.load("?range=7d")) == first
    assert await asked_by(page.follow()) == first
    assert page.regions()["tables"]


async def test_the_figure_holds_the_bars_and_a_zoom_is_kept_until_the_span_changes() -> None:
    page, store = page_of()
    page.paint()
    await page.load("")
    page.paint()
    figure: Any = page.figures()["usage"]
    assert figure.x_range.end == (MIDNIGHT + DAY).timestamp() * 1000
    assert figure.y_range.end > 0.6
    figure.x_range.start += 7
    await page.follow()
    page.paint()
    assert figure.x_range.start == (MIDNIGHT - 6 * DAY).timestamp() * 1000 + 7
    await page.load("?range=today")
    page.paint()
    assert figure.x_range.start == MIDNIGHT.timestamp() * 1000
    await page.act("select", "x")
    assert store.asked.count("titles") == 1, "a title is read once"


@pytest.mark.parametrize(("name", "value"), [("by", "moon"), ("measure", "moon"), ("range", "moon"), ("tz", "moon")])
async def test_what_the_address_has_wrong_is_as_if_it_were_not_there(name: str, value: str) -> None:
    assert await asked(f"?{name}={value}") == await asked("")


async def test_the_json_behind_it_is_linked() -> None:
    html = (await loaded("?model=llama&ttl=1h")).regions()["tables"]
    (link,) = [one for one in attributes(html, "a", "href") if one.startswith("/api/usage")]
    assert query_of(link) == {
        "group_by": "model",
        "since": (MIDNIGHT - 6 * DAY).isoformat(),
        "until": (MIDNIGHT + DAY).isoformat(),
        "tz": "UTC",
        "model": "llama",
        "ttl": "1h",
    }


async def test_conversations_of_a_long_time_are_not_ranked() -> None:
    search = "?range=custom&since=2026-01-01&until=2026-11-21"
    assert [one.group_by for one in await asked(search)] == [("model",), ("model",)]
    assert "31 days or less" in (await loaded(search)).regions()["tables"]


async def test_sub_agents_stand_below_who_called_them_with_what_they_cost_in_all() -> None:
    page, store = page_of()
    await page.load("")
    html = page.regions()["tables"]
    section = html[html.index('aria-label="Sub-agents"') :]
    cells = texts(section, "td")
    assert cells[0] == "Mend the clock its sub-agents"
    assert cells[1:4] == ["–", "$1.25", "9"], "of the main thread itself nothing was asked"
    assert cells[9] == "Count <b>files</b> Explore"
    assert cells[10:13] == ["$0.5000", "$1.25", "9"]
    assert cells[18] == "sub-agent"
    assert cells[27] == "Not in a conversation"
    conversation = f"/conversations/{request_id(1)}"
    assert attributes(section, "a", "href") == [
        conversation, *(f"{conversation}?request={request_id(number)}" for number in (7, 8))
    ]  # fmt: skip
    depths = [style.removeprefix("--depth: ") for style in attributes(section, ".label", "style")]
    assert depths == ["0", "1", "2", "0"]
    assert store.asked.count("titles") == 1, "its title is read once"


async def test_the_table_can_be_told_apart_by_sub_task() -> None:
    html = (await loaded("?by=subtask")).regions()["tables"]
    table = html[: html.index('aria-label="Conversations"')]
    assert texts(table, "th")[:4] == ["Sub-task", "Own cost, USD", "With all below", "Share"]
    assert texts(table, "td")[:3] == ["Mend the clock", "$0.5000", "$1.25"]
    assert attributes(table, ".label[style]", "style") == ["--depth: 1", "--depth: 2"]
    link = attributes(table, "a[data-soft]", "href")[1]
    assert query_of(link)["subtask"] == str(request_id(7))
    other = (await loaded("?by=model")).regions()["tables"]
    assert "With all below" not in other[: other.index('aria-label="Conversations"')]


async def test_sub_tasks_of_a_long_time_are_not_told_apart() -> None:
    page = await loaded("?by=subtask&range=custom&since=2026-09-01&until=2026-11-21")
    assert "choose a shorter span" in page.regions()["tables"]
    assert await asked("?by=subtask&range=custom&since=2026-09-01&until=2026-11-21") == []


@pytest.mark.parametrize(("search", "there"), [("?class=subagent", True), ("?class=main", False), ("?range=30d", True)])
async def test_sub_agents_are_not_looked_for_among_others(search: str, there: bool) -> None:
    assert any(one.group_by == ("subtask",) for one in await asked(search)) == there
    year = await asked("?range=custom&since=2025-11-01&until=2026-11-01")
    assert not any(one.group_by == ("subtask",) for one in year)
