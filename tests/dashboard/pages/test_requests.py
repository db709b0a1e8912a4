"""The list of requests shows each with what is known of it, also before it is linked or answered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.data import RequestFilter
from dashboard.errors import InvalidQueryError
from dashboard.pages.page import Surroundings
from dashboard.pages.queries import ListQuery
from dashboard.pages.requests import ROWS, RequestsPage, asked_requests
from schemas.read_api import RequestItem
from tests.fake_data import FakeDataStore
from tests.read_rows import START, request_id, request_item
from tests.shown_html import attributes, found, texts

NOW = START + timedelta(hours=1)
UNKNOWN: dict[str, object] = dict.fromkeys(
    (
        "request_class",
        "edge",
        "conversation_id",
        "model",
        "status",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "time_to_first_byte_ms",
        "duration_ms",
        "project",
        "stop_reason",
    )
)


async def listed(*items: RequestItem, search: str = "") -> str:
    page = await shown(FakeDataStore(items=list(items)), search)
    return page.regions()["list"]


async def shown(store: FakeDataStore, search: str = "") -> RequestsPage:
    page = RequestsPage(Surroundings(store, lambda: NOW, ("nexus claude",)))
    await page.load(search)
    return page


async def test_a_row_tells_what_a_request_was() -> None:
    html = await listed(request_item(3, cost_usd="0.0512345"))
    assert attributes(html, "tr", "data-request-id") == [str(request_id(3))]
    received, request, model, state, inputs, cached, output, cost, first, lasted, *place = texts(html, "td")
    project, conversation = place
    assert received == "09:30:36 59 min ago"
    assert request.split() == ["main", "continues", "00000003"]
    assert (model, state, project) == ("opus 4.5", "200 tool_use", "nexus")
    assert (inputs, cached, output) == ("49k", "98 %", "480")
    assert (cost, first, lasted) == ("$0.0512", "640 ms", "4.0 s")
    assert conversation == "00000001"
    links = attributes(html, "td a", "href")
    assert links == [f"/requests/{request_id(3)}", f"/conversations/{request_id(1)}?request={request_id(3)}"]


async def test_what_could_not_be_recorded_has_no_cost() -> None:
    costs = [
        (await listed(request_item(3, missing_bytes=missing, cost_usd=cost, unrecorded=lost)), words)
        for missing, cost, lost, words in (
            (0, None, True, "not recorded"), (9, "1", True, "$1.00 in part"), (9, "1", False, "$1.00"),
            (9, None, False, "–"),
        )
    ]  # fmt: skip
    for html, words in costs:
        assert texts(html, "td")[7] == words


async def test_what_is_not_known_yet_is_a_dash() -> None:
    html = await listed(request_item(1, outcome="open", **UNKNOWN))
    cells = texts(html, "td")
    assert cells[1].split() == ["POST", "/v1/messages?beta=true", "00000001"]
    assert (cells[2], cells[3], cells[4], *cells[6:9]) == ("–", "running", "–", "–", "–", "–")
    assert cells[9] == "59 m 48 s"
    assert (cells[10], cells[11]) == ("localhost", "–")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status": 429, "error_type": "rate_limit_error"}, "429 rate_limit_error"),
        ({"outcome": "upstream"}, "upstream"),
        ({"outcome": "gateway_crash"}, "gateway crash"),
        ({"outcome": "client"}, "stopped by the client"),
        ({"outcome": "shutdown"}, "shutdown"),
    ],
)
async def test_how_it_ended_is_said_in_words(changes: dict[str, object], state: str) -> None:
    html = await listed(request_item(1, **changes))
    assert texts(html, "td")[3] == state
    failed = state not in {"stopped by the client", "shutdown"}
    assert bool(found(html, ".dot-failed")) == failed


async def test_attempts_and_unparsable_bodies_are_marked() -> None:
    html = await listed(request_item(1, attempts=3, parsable=False, request_class="auxiliary", edge="none"))
    assert texts(html, "td")[1].split() == ["auxiliary", "00000001", "3", "attempts", "unparsable"]


async def test_the_newest_stands_first_and_pages_are_linked() -> None:
    items = [request_item(number) for number in range(1, ROWS + 4)]
    page = await shown(FakeDataStore(items=items))
    html = page.regions()["list"]
    assert attributes(html, "tr", "data-request-id")[:2] == [str(request_id(ROWS + 3)), str(request_id(ROWS + 2))]
    (older,) = attributes(html, 'a[rel="next"]', "href")
    await page.load(older.partition("?")[2])
    assert len(attributes(page.regions()["list"], "tr", "data-request-id")) == 3


async def test_filters_come_from_the_address() -> None:
    items = [request_item(1), request_item(2, status=429), request_item(3, request_class="subagent")]
    assert attributes(await listed(*items, search="?status=429"), "tr", "data-request-id") == [str(request_id(2))]
    assert attributes(await listed(*items, search="?class=subagent"), "tr", "data-request-id") == [str(request_id(3))]
    page = await shown(
        FakeDataStore(items=list(items)), "?class=subagent&outcome=completed&model=m&status=200&session=s"
    )
    filters = page.regions()["filters"]
    assert [element.text for element in found(filters, "option[selected]")] == ["subagent", "completed"]
    assert attributes(filters, "input", "value") == ["m", "", "", "200", "s"]
    assert not found(filters, 'input[name="conversation"]')


@pytest.mark.parametrize(
    ("column", "name", "first"),
    [
        ("Received", "", 3), ("Input", "prompt_tokens", 2), ("Output", "output_tokens", 1), ("Cost", "cost_usd", 2),
        ("First byte", "time_to_first_byte_ms", 1), ("Lasted", "duration_ms", 3),
    ],
)  # fmt: skip
async def test_the_head_of_a_column_orders_by_it_and_once_more_turns_it_round(
    column: str, name: str, first: int
) -> None:
    measured = ((1, 10, 9, "0.1", 9.0, 1.0), (2, 90, 5, "0.9", 5.0, 5.0), (3, 50, 7, "0.5", 7.0, 9.0))
    items = [
        request_item(
            number, input_tokens=prompt, output_tokens=output, cost_usd=cost, time_to_first_byte_ms=byte, duration_ms=ms
        )
        for number, prompt, output, cost, byte, ms in measured
    ]
    page = await shown(FakeDataStore(items=[*items, request_item(4, outcome="open", received_at=START, **UNKNOWN)]))

    async def turned() -> list[str]:
        html = page.regions()["list"]
        (link,) = (head for head in found(html, "th a") if head.text.split(" ▲")[0].split(" ▼")[0] == column)
        await page.load(str(link.attributes["href"]).partition("?")[2])
        (head,) = found(page.regions()["list"], "th[aria-sort]")
        assert head.text.startswith(column)
        return [str(head.attributes["aria-sort"]), *attributes(page.regions()["list"], "tr", "data-request-id")]

    if name:
        way, *rows = await turned()
        assert (way, rows[0], len(rows)) == ("descending", str(request_id(first)), 3)
    else:
        rows = attributes(page.regions()["list"], "tr", "data-request-id")[:3]
    way, *turned_rows = await turned()
    assert (way, turned_rows[-len(rows) :]) == ("ascending", rows[::-1])
    way, *again = await turned()
    assert (way, again[: len(rows)]) == ("descending", rows)


async def test_filters_keep_the_order_and_the_order_keeps_the_filters() -> None:
    page = await shown(FakeDataStore(items=[request_item(1)]), "?class=main&sort=duration_ms&order=asc&within=1h")
    filters, html = page.regions()["filters"], page.regions()["list"]
    assert attributes(filters, "form", "data-keep") == ["sort order"]
    assert [element.text for element in found(filters, "option[selected]")] == ["main", "last hour"]
    assert all("class=main&within=1h" in link for link in attributes(html, "th a", "href"))
    assert attributes(html, "nav .text-button", "href") == [
        "/api/requests?class=main&within=1h&sort=duration_ms&order=asc&format=csv&limit=500"
    ]
    await page.load("?within=90m&since=&sort=received_at&order=desc")
    filters = page.regions()["filters"]
    assert [element.text for element in found(filters, "option[selected]")] == ["last 90m"]


async def test_pages_of_another_order_are_not_called_newer() -> None:
    page = await shown(FakeDataStore(items=[request_item(number) for number in range(ROWS + 3)]), "?sort=duration_ms")
    (next_page,) = attributes(page.regions()["list"], 'a[rel="next"]', "href")
    await page.load(next_page.partition("?")[2])
    html = page.regions()["list"]
    assert len(attributes(html, "tr", "data-request-id")) == 3
    assert texts(html, "nav .button") == ["First", "Before", "Next"]
    assert "without those that it is not known of" in texts(html, "nav span")[0]


async def test_an_order_that_nobody_knows_is_refused_in_words() -> None:
    html = await listed(request_item(1), search="?sort=beauty")
    assert 'data-state="refused"' in html
    assert "beauty" in html


async def test_the_requests_of_one_conversation() -> None:
    page = await shown(FakeDataStore(items=[request_item(1)]), f"?conversation={request_id(1)}")
    assert attributes(page.regions()["filters"], 'input[name="conversation"]', "value") == [str(request_id(1))]
    assert len(attributes(page.regions()["list"], "tr", "data-request-id")) == 1


@pytest.mark.parametrize(
    ("name", "value", "field", "wanted"),
    [
        ("class", "main", "request_class", "main"),
        ("outcome", "open", "outcome", "open"),
        ("model", "m", "model", "m"),
        ("session", "s", "session", "s"),
        ("status", "429", "status", 429),
        ("conversation", str(request_id(1)), "conversation", request_id(1)),
        ("project", "p", "project", "p"),
        ("account", "a", "account", "a"),
        ("within", "1h", "since", NOW - timedelta(hours=1)),
        ("since", "2026-11-22", "since", datetime(2026, 11, 22, tzinfo=UTC)),
        ("until", "2026-11-22", "until", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_every_filter_reaches_the_store(name: str, value: str, field: str, wanted: object) -> None:
    found_filter = asked_requests(ListQuery("/requests", {name: value}), NOW).wanted
    assert getattr(found_filter, field) == wanted
    assert replace(found_filter, **{field: None}) == RequestFilter()


@pytest.mark.parametrize(
    "filters",
    [{"status": "abc"}, {"status": "20"}, {"status": "²²²"}, {"conversation": "x"}, {"within": "soon"}, {"since": "x"}],
)
async def test_what_no_request_can_have_is_refused_in_words(filters: dict[str, str]) -> None:
    with pytest.raises(InvalidQueryError):
        asked_requests(ListQuery("/requests", filters), NOW)
    ((name, value),) = filters.items()
    assert 'data-state="refused"' in await listed(request_item(1), search=f"?{name}={value}")


async def test_a_refusal_is_over_when_the_query_is_mended() -> None:
    page = await shown(FakeDataStore(items=[request_item(1)]), "?status=abc")
    await page.load("")
    assert attributes(page.regions()["list"], "tr", "data-request-id") == [str(request_id(1))]


async def test_nothing_yet_tells_how_to_begin() -> None:
    assert "nexus claude" in await listed()
    assert 'data-state="no-match"' in await listed(search="?model=m")


async def test_following_shows_what_changed() -> None:
    store = FakeDataStore(items=[request_item(1, outcome="open")])
    page = await shown(store)
    store.put_item(request_item(1))
    await page.follow()
    assert texts(page.regions()["list"], "td")[3] == "200 tool_use"
    await page.act("anything", "x")
    page.paint()
    assert page.figures() == {}
