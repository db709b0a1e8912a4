"""The read API, asked over the wire: over a canned store for its forms, and over a real one for the whole way."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from dashboard.data import CacheFilter, ConversationFilter, DataStore, RequestFilter, StreamRange
from dashboard.usage import UsageQuery
from domain.ids import Position
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.compare_api import CompareAnswer
from schemas.statusline_api import StatusLine
from schemas.usage_api import RequestUsage
from tests import captures
from tests.projected import Store
from tests.read_rows import START
from tests.recorded import append_all, recorded, request_ids
from tests.running_front import ERASED, KEY, KNOWN, UNKNOWN, Answer, Browser, RunningFront, running_front

WITH_KEY = {"X-Nexus-Key": KEY}


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.browser() as browser:
        yield browser


async def ask(browser: Browser, path: str, **headers: str) -> Answer:
    return await browser.ask(path, headers={**WITH_KEY, **headers})


def error_in(answer: Answer) -> tuple[int, str, str]:
    said = json.loads(answer.body)
    assert said.keys() == {"error"}
    assert said["error"].keys() == {"type", "message"}
    return answer.status, said["error"]["type"], said["error"]["message"]


async def test_the_query_reaches_the_store(front: RunningFront, browser: Browser) -> None:
    query = f"conversation={KNOWN}&session=s&class=main&model=m&status=200&outcome=open&since=2026-11-22T00:00:00Z"
    await ask(browser, f"/api/requests?{query}&until=2026-11-23&limit=7&cursor=abc")
    at = datetime(2026, 11, 22, tzinfo=UTC)
    wanted = RequestFilter(
        conversation=KNOWN,
        session="s",
        request_class="main",
        model="m",
        status=200,
        outcome="open",
        since=at,
        until=at.replace(day=23),
    )
    assert front.store.asked == [("requests", wanted, None, "abc", 7)]
    await ask(browser, "/api/requests?after=12")
    assert front.store.asked[-1] == ("requests", RequestFilter(), Position(12), None, 50)
    await ask(browser, "/api/conversations?session=s&limit=3")
    assert front.store.asked[-1] == ("conversations", ConversationFilter(session="s"), None, 3)
    await ask(browser, "/api/insights/streams?since=2026-11-22&until=2026-11-23")
    assert front.store.asked[-1] == ("stream_insights", StreamRange(at, at.replace(day=23)))
    await ask(browser, "/api/insights/streams")
    assert front.store.asked[-1] == ("stream_insights", StreamRange())
    await ask(browser, f"/api/insights/cache?since=2026-11-22&group_by=model&conversation={KNOWN}&limit=7")
    insight = CacheFilter(since=at, group_by="model", conversation=KNOWN)
    assert front.store.asked[-1] == ("cache_insights", insight, 7)
    await ask(browser, "/api/insights/cache")
    assert front.store.asked[-1] == ("cache_insights", CacheFilter(), 50)


async def test_usage_is_asked_for_in_the_words_of_the_query(front: RunningFront, browser: Browser) -> None:
    said = json.loads((await ask(browser, "/api/usage?group_by=model&bucket=day&tz=Asia/Kathmandu&ttl=1h")).body)
    assert (said["bucket"], said["tz"], said["group_by"]) == ("day", "Asia/Kathmandu", ["model"])
    assert said["assumed"]
    ((_, query),) = front.store.asked
    assert isinstance(query, UsageQuery)
    assert query.until == START


async def test_windows_are_asked_for_as_of_now(front: RunningFront, browser: Browser) -> None:
    said = json.loads((await ask(browser, "/api/windows?account=acme")).body)
    assert said == {"as_of": "2026-11-22T09:30:00Z", "accounts": []}
    await ask(browser, "/api/windows")
    assert front.store.asked == [("windows", "acme", START), ("windows", None, START)]


async def test_a_search_is_asked_for_as_it_was_typed(front: RunningFront, browser: Browser) -> None:
    said = json.loads((await ask(browser, "/api/search?q=%22no+such%22+file&kind=tool_result&limit=3")).body)
    assert said == {"items": [], "total": 0, "at_least": False, "next_cursor": None}
    assert front.store.asked == [("search", '"no such" file', "tool_result", 3)]
    refused = await ask(browser, "/api/search?q=-x")
    assert refused.status == 400
    assert b"Name a word that is to be found" in refused.body


async def test_two_sides_are_compared_by_their_ids(front: RunningFront, browser: Browser) -> None:
    said = json.loads((await ask(browser, f"/api/compare?a={KNOWN}&b={KNOWN}&of=requests")).body)
    assert said.keys() == set(CompareAnswer.model_fields)
    assert (said["of"], said["same"]) == ("requests", True)
    said = json.loads((await ask(browser, f"/api/compare?a={KNOWN}&b={KNOWN}&of=branches&turns=3")).body)
    assert (said["of"], said["same"], said["shared"]) == ("branches", True, 1)
    for query, status, words in (
        (f"a={KNOWN}&b={UNKNOWN}", 404, f"There is no request {UNKNOWN}."),
        (f"a={UNKNOWN}", 404, f"There is no request {UNKNOWN}."),
        (f"a={KNOWN}", 400, "b is missing"),
        (f"b={KNOWN}", 400, "a is missing"),
        (f"a={KNOWN}&b=x", 400, "b='x' is no id"),
        (f"a={KNOWN}&b={KNOWN}&of=words", 400, "of='words' is unknown"),
        (f"a={KNOWN}&b={KNOWN}&turns=0", 400, "turns=0 is out of range"),
        (f"a={KNOWN}&b={KNOWN}&turns=601", 400, "turns=601 is out of range"),
    ):
        refused = error_in(await ask(browser, f"/api/compare?{query}"))
        assert refused[0] == status
        assert refused[2].startswith(words)


async def test_a_session_in_one_line_or_in_json(front: RunningFront, browser: Browser) -> None:
    line = await ask(browser, "/api/statusline?session=s-1&format=text")
    assert line.headers["content-type"].startswith("text/plain")
    assert line.body == b"Nexus: no request of session s-1 yet\n"
    said = json.loads((await ask(browser, "/api/statusline?session=s-1")).body)
    assert said.keys() == set(StatusLine.model_fields)
    assert said["text"] == line.body.decode().strip()
    assert front.store.asked == [("status_line", "s-1", START)] * 2


async def test_what_a_request_used_is_asked_for_by_its_id(front: RunningFront, browser: Browser) -> None:
    said = json.loads((await ask(browser, f"/api/requests/{KNOWN}/usage")).body)
    assert said.keys() == set(RequestUsage.model_fields)
    assert error_in(await ask(browser, f"/api/requests/{UNKNOWN}/usage"))[:2] == (404, "not_found_error")
    assert front.store.asked == [("request_usage", KNOWN), ("request_usage", UNKNOWN)]


async def test_lists_have_items_and_a_cursor(browser: Browser) -> None:
    for path in ("/api/requests", "/api/conversations", f"/api/requests/{KNOWN}/events"):
        said = json.loads((await ask(browser, path)).body)
        assert said.keys() == {"items", "next_cursor"}
        assert said["items"]


async def test_a_long_list_is_compressed(browser: Browser) -> None:
    plain = await ask(browser, "/api/requests")
    packed = await ask(browser, "/api/requests", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 4


async def test_bytes_come_as_they_are(browser: Browser) -> None:
    for what in ("body", "response"):
        answer = await ask(browser, f"/api/requests/{KNOWN}/{what}", **{"Accept-Encoding": "gzip, br"})
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Nexus-Outcome"] == "client"
        assert answer.headers["X-Nexus-Content-Type"] == "text/html??x: ?"
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.body) > 0


async def test_the_head_alone_says_the_same(browser: Browser) -> None:
    for path in (f"/api/requests/{KNOWN}/body", "/api/requests", f"/api/conversations/{KNOWN}/tree"):
        whole, head = await ask(browser, path), await browser.ask(path, "HEAD", headers=WITH_KEY)
        assert head.body == b""
        assert head.status == whole.status == 200
        assert head.headers["Content-Length"] == whole.headers["Content-Length"]
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]


@pytest.mark.parametrize(
    ("path", "status", "kind", "words"),
    [
        (f"/api/requests/{UNKNOWN}", 404, "not_found_error", str(UNKNOWN)),
        ("/api/requests/x'%20OR%201=1", 404, "not_found_error", "There is no request"),
        (f"/api/requests/{ERASED}/response", 410, "erased_error", "erased"),
        ("/api/insights/streams?since=yesterday", 400, "invalid_request_error", "since"),
        (f"/api/conversations/{UNKNOWN}", 404, "not_found_error", "conversation"),
        ("/api/requests?class=x", 400, "invalid_request_error", "give one of main"),
        ("/api/requests?session=%00", 400, "invalid_request_error", "session"),
        ("/api/requests?session=%ff", 200, "", ""),
        ("/api/conversations?after=1", 400, "invalid_request_error", "no parameter 'after'"),
        ("/api/statusline", 400, "invalid_request_error", "session is missing"),
        ("/api/statusline?session=", 400, "invalid_request_error", "session is missing"),
        ("/api/statusline?session=a&format=xml", 400, "invalid_request_error", "give one of json"),
        ("/api/statusline?session=a&session=b", 400, "invalid_request_error", "session"),
        ("/api/statusline?session=a&account=b", 400, "invalid_request_error", "no parameter 'account'"),
        ("/api/insights/cache?group_by=x", 400, "invalid_request_error", "give one of cause"),
        ("/api/nothing", 404, "not_found_error", "/api/nothing"),
    ],
)
async def test_what_is_wrong_is_said(browser: Browser, path: str, status: int, kind: str, words: str) -> None:
    answer = await ask(browser, path)
    if status == 200:
        assert answer.status == 200
        return
    found_status, found_kind, message = error_in(answer)
    assert (found_status, found_kind) == (status, kind)
    assert words in message


async def test_a_missing_key_is_asked_for(browser: Browser) -> None:
    answer = await browser.ask("/api/requests")
    status, kind, message = error_in(answer)
    assert (status, kind) == (401, "authentication_error")
    assert "X-Nexus-Key" in message
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_only_reading_is_possible(browser: Browser) -> None:
    answer = await browser.ask("/api/requests", "POST", headers=WITH_KEY)
    assert error_in(answer)[:2] == (405, "method_not_allowed_error")
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_a_store_that_is_away_is_said_so_and_tried_again(front: RunningFront, browser: Browser) -> None:
    front.store.away = True
    answer = await ask(browser, "/api/requests")
    assert error_in(answer)[:2] == (503, "unavailable_error")
    assert answer.headers["Retry-After"] == "1"
    front.store.away = False
    assert (await ask(browser, "/api/requests")).status == 200


async def health(browser: Browser) -> dict[str, Any]:
    answer = await ask(browser, "/api/health")
    assert answer.status == 200
    said: dict[str, Any] = json.loads(answer.body)
    return said


async def test_the_health_says_what_is_up(front: RunningFront, browser: Browser) -> None:
    store = {"status": "up", "newest": 9, "projected": 7, "lag": 2}
    assert await health(browser) == {"status": "ok", "pages": "up", "store": store}
    front.store.away = True
    assert await health(browser) == {"status": "degraded", "pages": "up", "store": {"status": "away"}}


async def test_the_health_says_when_the_pages_are_still_to_come() -> None:
    async with running_front(worker=False) as front, front.browser() as browser:
        said = await health(browser)
        assert (said["status"], said["pages"], said["store"]["status"]) == ("degraded", "starting", "up")


async def test_a_store_that_hangs_does_not_hang_the_health(
    front: RunningFront, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    async def never() -> Position:
        await asyncio.Event().wait()
        return Position(0)

    monkeypatch.setattr("dashboard.api._HEALTH_DEADLINE_S", 0.05)
    monkeypatch.setattr(front.store, "position", never)
    assert (await health(browser))["store"] == {"status": "away"}


async def test_the_whole_way_from_stored_events_to_json(pool: Pool) -> None:
    behind = Store.over(pool)
    listed = captures.exchanges("c_tools")
    ids = request_ids(listed)
    await append_all(behind.ship, [await recorded(one, ids[one.n], behind.ship) for one in listed])
    await behind.follow()
    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool))
    async with running_front(store=store) as front, front.browser() as browser:
        said = json.loads((await ask(browser, "/api/requests?limit=500")).body)
        items = {item["request_id"]: item for item in said["items"]}
        assert [item["received_at"] for item in said["items"]] == sorted(
            (item["received_at"] for item in said["items"]), reverse=True
        )
        for want in captures.expected("c_tools"):
            item = items[str(ids[want.n])]
            assert item["class"] in want.request_class
            assert item["edge"] in want.edge
            assert item["parent_request_id"] in {None if one is None else str(ids[one]) for one in want.parent}
        for one in listed:
            assert (await ask(browser, f"/api/requests/{ids[one.n]}/body")).body == one.body
            assert (await ask(browser, f"/api/requests/{ids[one.n]}/response")).body == one.answer
        root = next(item for item in items.values() if item["edge"] == "root")
        for item in items.values():
            answer = await ask(browser, f"/api/conversations/{item['request_id']}")
            assert answer.status == (200 if item["conversation_id"] else 404)
        tree = json.loads((await ask(browser, f"/api/conversations/{root['request_id']}/tree")).body)
        assert tree.keys() == {"conversation", "branches", "compactions", "nodes"}
        assert tree["nodes"][0]["class"] == "main"
        live = json.loads((await ask(browser, "/api/requests?after=0")).body)
        assert [item["position"] for item in live["items"]] == sorted(item["position"] for item in items.values())
        again = json.loads((await ask(browser, f"/api/requests?after={live['next_cursor']}")).body)
        assert again == {"items": [], "next_cursor": live["next_cursor"]}
        filtered = json.loads((await ask(browser, f"/api/requests?conversation={root['request_id']}&class=main")).body)
        assert {item["conversation_id"] for item in filtered["items"]} == {root["request_id"]}
        streams = json.loads((await ask(browser, "/api/insights/streams?since=2020-01-01")).body)
        assert streams["total"]["requests"] == sum(one["requests"] for one in streams["models"]) > 0
        said = await health(browser)
        assert (said["store"]["lag"], said["store"]["newest"]) == (0, int(live["next_cursor"]))


async def test_no_text_from_outside_becomes_sql(pool: Pool) -> None:
    await Store.over(pool).follow()
    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool))
    nasty = ["'", "';DROP TABLE x--", "\\", "%27%20OR%20%271%27=%271", "%F0%9F%92%A9", "$1", "%25s", "{}"]
    names = ["session", "model", "conversation", "class", "status", "outcome", "since", "until", "cursor", "after"]
    async with running_front(store=store) as front, front.browser() as browser:
        for name in names:
            for text in nasty:
                assert (await ask(browser, f"/api/requests?{name}={text}")).status in {200, 400}
        for name in ("session", "account", "project", "title", "since", "cursor"):
            for text in nasty:
                assert (await ask(browser, f"/api/conversations?{name}={text}")).status in {200, 400}
        for text in nasty:
            assert (await ask(browser, f"/api/insights/streams?since={text}")).status in {200, 400}


async def test_a_list_comes_as_a_file_for_a_spreadsheet() -> None:
    async with running_front() as front, front.browser() as browser:
        answer = await ask(browser, "/api/requests?format=csv&limit=3")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="requests.csv"'
        assert len(answer.text.splitlines()) == 21
        assert (await ask(browser, "/api/conversations?format=csv")).text.startswith("conversation_id,title,")


@pytest.mark.parametrize(
    ("form", "kind"), [("md", "text/markdown"), ("html", "text/html"), ("json", "application/json")]
)
async def test_a_conversation_is_exported_as_a_file_that_runs_nowhere(pool: Pool, form: str, kind: str) -> None:
    ids = await Store.over(pool).append("b_multiturn")
    await Store.over(pool).follow()
    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool))
    async with running_front(store=store) as front, front.browser() as browser:
        listed = json.loads((await ask(browser, "/api/conversations")).body)["items"]
        member = listed[0]["conversation_id"]
        answer = await ask(browser, f"/api/conversations/{member}/export?format={form}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="conversation-{member}.{form}"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert listed[0]["title"] in answer.text
        assert len(ids) > 0
