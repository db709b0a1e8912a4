"""The worker serves every page whole, tells what is new, lets nobody in by the side door, and forgets who has left."""

import gc
import re
import secrets
import tempfile
import weakref
from calendar import timegm
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard import app
from dashboard.app import PagesConfig, make_server
from dashboard.data import DataStore
from dashboard.pages.routes import ROUTES
from dashboard.pages.tab import Tab
from dashboard.proxying import CSRF_HEADER
from tests.fake_data import FakeDataStore
from tests.insight_samples import cache_group, cache_insights
from tests.limit_samples import account_windows, reading, window_item
from tests.panel_client import ORIGIN, Worker, worker_at
from tests.read_rows import conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import request_details
from tests.shown_html import attributes, texts
from tests.usage_samples import usage_answer, usage_item
from tests.waiting import until

ID = str(request_id(1))
PAGES = (
    "/conversations",
    f"/conversations/{ID}",
    "/requests",
    f"/requests/{ID}",
    f"/requests/{ID}?tab=stream",
    "/limits",
    "/insights",
    "/overview",
    "/usage",
)
CONFIG = PagesConfig(("127.0.0.1:3001", "localhost:3001"), ("nexus claude",), secrets.token_bytes(32))


@pytest.fixture
def store() -> FakeDataStore:
    store = FakeDataStore(all_details={request_id(1): request_details()})
    store.put_tree(conversation_tree([tree_node(1)], title="Mend the <b>clock</b>"))
    store.put_item(request_item(1))
    store.used = lambda query: usage_answer(
        usage_item(query.since if query.bucket != "none" else None, group=dict.fromkeys(query.group_by, request_id(1)))
    )
    store.waste = cache_insights(cache_group())
    store.accounts = [account_windows(windows=[window_item(now=reading(request_id=request_id(1)))])]
    return store


@asynccontextmanager
async def served(store: DataStore) -> AsyncIterator[tuple[Any, Worker]]:
    """The server and somebody who asks it."""
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        socket = Path(folder) / "pages.sock"
        server = make_server(store, lambda: datetime(2026, 11, 22, 10, tzinfo=UTC), CONFIG, socket)
        server.start()
        async with worker_at(socket) as worker:
            yield server, worker
        server.stop()


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch, store: FakeDataStore) -> AsyncIterator[Worker]:
    monkeypatch.setattr(app, "TICK_S", 0.05)
    monkeypatch.setattr("dashboard.pages.tab.SHELL_S", 10.0)  # the machine may be busy
    async with served(store) as (_, worker):
        yield worker


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_served_with_its_content(worker: Worker, path: str) -> None:
    page = await worker.get(path)
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert attributes(page.html, "[data-region]", "data-region")
    assert 'data-state="loading"' not in page.html
    assert ID in page.html.partition("<script")[0] + page.html


async def test_the_title_is_escaped(worker: Worker) -> None:
    page = await worker.get(f"/conversations/{ID}")
    assert texts(page.html, "title") == ["Mend the <b>clock</b> · Nexus"]
    assert "<b>clock" not in page.html


async def test_two_things_to_compare_are_chosen_from_the_bar(worker: Worker) -> None:
    page = await worker.get("/compare")
    assert attributes(page.html, 'a[aria-current="page"]', "href") == ["/compare"]
    assert texts(page.html, "h2")[:1] == ["What is to be compared?"]


async def test_the_query_reaches_the_page(worker: Worker) -> None:
    page = await worker.get("/conversations?title=zzz&project=%3Cb%3E")
    assert 'data-state="no-match"' in page.html
    assert attributes(page.html, 'input[name="project"]', "value") == ["<b>"]


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_comes_from_another_host(worker: Worker, path: str) -> None:
    html = (await worker.get(path)).html
    addresses = attributes(html, "", "src") + attributes(html, "", "href")
    assert addresses
    assert not [address for address in addresses if re.match(r"(?:[a-z]+:)?//", address)]
    for address in attributes(html, "script", "src") + attributes(html, "link", "href"):
        assert (await worker.get("/" + address.lstrip("./"))).status == 200, address


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.bar(69)
async def test_the_token_holds_nothing_of_the_request_but_its_path(worker: Worker, path: str) -> None:
    page = await worker.get(
        path, Cookie="session=secret-cookie", Authorization="Bearer secret-key", **{CSRF_HEADER: "secret-form"}
    )
    payload = page.payload
    assert payload["headers"] == payload["cookies"] == payload["arguments"] == {}
    assert not [word for word in ("secret", "tab", "stream") if word in str(payload)]


async def test_the_logout_form_has_the_word_of_the_front(worker: Worker) -> None:
    page = await worker.get("/conversations", **{CSRF_HEADER: 'a"b<c>'})
    assert attributes(page.html, 'input[name="csrf"]', "value") == ['a"b<c>']
    assert attributes(page.html, 'form[method="post"]', "action") == ["/logout"]
    assert attributes((await worker.get("/conversations")).html, 'input[name="csrf"]', "value") == [""]


async def test_home_leads_to_the_overview(worker: Worker) -> None:
    page = await worker.get("/")
    assert (page.status, page.headers["Location"]) == (302, "/overview")


async def test_a_lost_page_can_see_that_the_worker_is_back(worker: Worker) -> None:
    assert (await worker.get("/alive")).status == 204


async def test_assets_are_served_and_nothing_beside_them(worker: Worker) -> None:
    assert "--ink" in (await worker.get("/assets/app.css")).html
    for path in ("/assets/../page.html", "/assets/%2e%2e/page.html", "/nowhere", "/conversations/a/b", "/liveness"):
        assert (await worker.get(path)).status in {403, 404}, path


async def test_only_our_pages_may_open_the_socket(worker: Worker) -> None:
    token = (await worker.get("/conversations")).token
    assert await worker.handshake("/conversations", token, "http://evil.invalid") == 403
    assert await worker.handshake("/conversations", token, "http://127.0.0.1:3001.evil.invalid") == 403
    assert await worker.handshake("/conversations", token, "http://localhost:3001") == 101


@pytest.mark.bar(69)
async def test_a_token_that_we_did_not_sign_opens_nothing(worker: Worker) -> None:
    token = (await worker.get("/conversations")).token
    head, _, signature = token.partition(".")
    for forged in (head, f"{head}.{signature[::-1]}", f"{head[::-1]}.{signature}"):
        assert await worker.handshake("/conversations", forged) != 101
    assert await worker.handshake("/conversations", token, ORIGIN) == 101


@pytest.mark.bar(69)
async def test_a_token_opens_nothing_after_its_time(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    token = (await worker.get("/conversations")).token
    for later, is_open in ((200, True), (300, False)):
        clock = SimpleNamespace(timegm=lambda moment, later=later: timegm(moment) + later)
        monkeypatch.setattr("bokeh.server.views.ws.calendar", clock)
        assert (await worker.handshake("/conversations", token) == 101) is is_open, later


async def test_a_page_that_is_ready_hears_what_is_new(worker: Worker, store: FakeDataStore) -> None:
    async with worker.tab("/conversations") as tab:
        await tab.say({"kind": "ready", "search": "", "visible": True})
        assert await tab.heard("status") == {"kind": "status", "state": "live"}
        store.put_tree(conversation_tree([tree_node(2)], conversation_id=request_id(2), title="Something new"))
        patch = await tab.heard("patch")
        assert "Something new" in patch["regions"]["list"]
        store.away = True
        assert (await tab.heard("status"))["state"] == "away"
        store.away = False
        assert (await tab.heard("status"))["state"] == "live"


async def test_what_the_reader_does_reaches_the_page(worker: Worker) -> None:
    async with worker.tab(f"/requests/{ID}?tab=raw") as tab:
        await tab.say({"kind": "ready", "search": "?tab=raw", "visible": True})
        await tab.heard("status")
        await tab.say({"kind": "nonsense"})
        await tab.say({"kind": "act", "name": "toggle", "value": "request:1"})
        assert "request:1.0" in (await tab.heard("patch"))["regions"]["panel"]
        await tab.say({"kind": "query", "search": "?tab=headers"})
        assert "anthropic-version" in (await tab.heard("patch"))["regions"]["panel"]


async def test_a_store_that_is_away_still_has_a_page(worker: Worker, store: FakeDataStore) -> None:
    store.away = True
    page = await worker.get("/requests")
    assert page.status == 200
    assert 'data-state="away"' in page.html


async def test_who_has_left_is_forgotten(monkeypatch: pytest.MonkeyPatch, store: FakeDataStore) -> None:
    """A timer may still hold the newest one for a while; none of those before."""
    monkeypatch.setattr(app, "UNUSED_SESSION_S", 0.2)
    tabs = _watched(monkeypatch)
    async with served(store) as (server, worker):
        for path in PAGES * 2:
            async with worker.tab(path) as tab:
                await tab.say({"kind": "ready", "search": "", "visible": True})
                await tab.heard("status")
        await until(lambda: not any(server.get_sessions(path) for path in ROUTES), "sessions to end")
        await until(lambda: gc.collect() >= 0 and sum(tab() is not None for tab in tabs) <= 2, "tabs to be forgotten")
        assert len(tabs) >= 2 * len(PAGES)  # a busy machine may need another one for a page


def _watched(monkeypatch: pytest.MonkeyPatch) -> list["weakref.ref[Tab]"]:
    """Every tab that is made from now on."""
    made: list[weakref.ref[Tab]] = []

    class WatchedTab(Tab):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(weakref.ref(self))

    monkeypatch.setattr(app, "Tab", WatchedTab)
    return made


def test_the_secret_is_not_told() -> None:
    assert "token_secret" not in repr(CONFIG)
