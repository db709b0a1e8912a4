"""A dashboard's front that runs, with a Panel worker and a store that are stand-ins, and a browser to ask it."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web
from yarl import URL

from dashboard.as_of import Standing
from dashboard.auditing import Audit, NobodyAsks
from dashboard.config import DashboardConfig
from dashboard.costs import Costs
from dashboard.data import CacheFilter, ConversationFilter, Counts, DataStore, RequestFilter, StreamRange
from dashboard.details import RequestDetails
from dashboard.front import Behind, serve
from dashboard.past import Past
from dashboard.people import OwnerAlone, People
from dashboard.policy_reports import PolicyReports
from dashboard.recordings import RecordedBytes
from dashboard.request_usage import request_usage_of
from dashboard.savable import Kept
from dashboard.searching import SearchQuery
from dashboard.statusline import status_line
from dashboard.told import Sayings
from dashboard.usage import UsageQuery, answer_of
from domain.cache_waste import totals
from domain.costs import CostSum
from domain.errors import PayloadMissingError, StoreUnavailableError
from domain.ids import Position
from domain.prices import PriceBook
from domain.ranking import LATEST, NEWEST, ConversationMeasure, RequestMeasure, Sort
from domain.search_query import read_search
from domain.viewers import Viewer
from schemas.cache_api import CacheInsights
from schemas.limits_api import WindowsAnswer
from schemas.read_api import ConversationItem, EventItem, Listing, RequestItem
from schemas.search_api import SearchAnswer
from schemas.statusline_api import StatusLine
from schemas.stream_api import StreamInsights
from schemas.usage_api import RequestUsage, UsageAnswer
from tests.filters_in_memory import FiltersInMemory
from tests.read_rows import (
    START,
    conversation_item,
    conversation_tree,
    request_id,
    request_item,
    stream_group,
    tree_node,
)
from tests.recorded_details import request_details

KEY = "the-key-of-this-test"
KNOWN, ERASED, UNKNOWN = request_id(1), request_id(2), request_id(99)
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class CannedStore(DataStore):
    """Knows one exchange; a second one is erased; notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self._audit = NobodyAsks()
        self.filters = FiltersInMemory()
        self.away = False
        self.broken = False

    def seen_by(self, viewer: Viewer) -> DataStore:
        """It has the same for everybody; what was asked for is noted together."""
        seen = copy(self)
        seen.viewer = viewer
        return seen

    def _ask(self, *what: object) -> None:
        self.asked.append(what)
        if self.away:
            raise StoreUnavailableError("PostgreSQL did not answer.")
        if self.broken:
            raise ZeroDivisionError("sk-ant-a-secret-in-an-exception")

    async def requests(
        self,
        wanted: RequestFilter,
        *,
        sort: Sort[RequestMeasure] = NEWEST,
        after: Position | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing[RequestItem]:
        self._ask("requests", wanted, *([sort] if sort != NEWEST else []), after, cursor, limit)
        return Listing[RequestItem](items=[request_item(n) for n in range(20)], next_cursor=None)

    async def request(self, request_id: UUID) -> RequestItem | None:
        self._ask("request", request_id)
        return request_item(1) if request_id == KNOWN else None

    async def conversations(
        self,
        wanted: ConversationFilter,
        *,
        sort: Sort[ConversationMeasure] = LATEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing[ConversationItem]:
        self._ask("conversations", wanted, *([sort] if sort != LATEST else []), cursor, limit)
        return Listing[ConversationItem](items=[conversation_item()], next_cursor=None)

    async def conversation(self, member: UUID) -> ConversationItem | None:
        self._ask("conversation", member)
        return conversation_item() if member == KNOWN else None

    async def standing(self, member: UUID, as_of: datetime | None = None, past: Past | None = None) -> Standing | None:
        self._ask("tree", member, *([as_of] if as_of else []))
        return Standing(conversation_tree([tree_node()]), (), (tree_node(),)) if member == KNOWN else None

    async def details(self, request_id: UUID, as_of: datetime | None = None) -> RequestDetails | None:
        self._ask("details", request_id)
        return request_details(1) if request_id == KNOWN else None

    async def line_details(self, request_ids: Sequence[UUID]) -> AsyncIterator[RequestDetails | None]:
        self._ask("line_details", *request_ids)
        for one in request_ids:
            yield request_details(1) if one == KNOWN else None

    async def saved_filters(self) -> Kept:
        self._ask("saved_filters", self.viewer.person_id)
        return self.filters.kept(self.viewer)

    async def usage(self, query: UsageQuery) -> UsageAnswer:
        self._ask("usage", query)
        return answer_of(query, [], Sayings())

    async def search(self, query: SearchQuery) -> SearchAnswer:
        read_search(query.words)
        self._ask("search", query.words, query.wanted.kind, query.limit)
        return SearchAnswer(items=[], total=0, at_least=False, next_cursor=None)

    async def windows(self, account: str | None, now: datetime, *, history: bool = True) -> WindowsAnswer:
        self._ask("windows", account, now)
        return WindowsAnswer(as_of=now, accounts=[])

    async def stream_insights(self, wanted: StreamRange) -> StreamInsights:
        self._ask("stream_insights", wanted)
        return StreamInsights(
            since=START,
            until=START,
            examined=0,
            complete=True,
            stalled_after_ms=30_000,
            slow_start_after_ms=10_000,
            total=stream_group(),
            models=[],
            accounts=[],
            examples=[],
        )

    async def cache_insights(self, wanted: CacheFilter, *, limit: int = 50) -> CacheInsights:
        self._ask("cache_insights", wanted, limit)
        return CacheInsights(since=None, until=None, group_by="cause", totals=totals(0, 0, []), items=[])

    async def request_usage(self, request_id: UUID) -> RequestUsage | None:
        self._ask("request_usage", request_id)
        return request_usage_of(request_details(1), [], Sayings()) if request_id == KNOWN else None

    async def status_line(self, session: str, now: datetime) -> StatusLine:
        self._ask("status_line", session, now)
        return status_line(session, now, [], PriceBook(), newest=(None, None), windows=None)

    async def costs(self, requests: Sequence[UUID]) -> Costs:
        self._ask("costs", tuple(requests))
        return {one: CostSum() for one in requests}

    async def position(self) -> Position:
        self._ask("position")
        return Position(7)

    async def newest_position(self) -> Position:
        return Position(9)

    async def summary(self) -> Counts:
        return Counts(1, 1, 0)

    async def request_body(self, request_id: UUID) -> RecordedBytes | None:
        return self._bytes(request_id, b'{"model":"opus"}')

    async def response_bytes(self, request_id: UUID) -> RecordedBytes | None:
        return self._bytes(request_id, b"<script>alert(1)</script>" + bytes(range(256)))

    def _bytes(self, request_id: UUID, data: bytes) -> RecordedBytes | None:
        self._ask("bytes", request_id)
        if request_id == ERASED:
            raise PayloadMissingError
        if request_id != KNOWN:
            return None
        return RecordedBytes(
            data=data, outcome="client", content_type="text/html\r\nx: ü", content_encoding="gzip", missing_bytes=3
        )

    async def events(self, request_id: UUID) -> list[EventItem]:
        self._ask("events", request_id)
        event = EventItem(position=1, version=1, topic="request-received", timestamp=START, data={"method": "POST"})
        return [event] if request_id == KNOWN else []


@dataclass
class FakeWorker:
    """What stands for Panel: tells what it was sent, echoes on WebSockets."""

    requests: list[web.Request] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a WebSocket is over."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.headers.get("Upgrade") == "websocket":
            return await self._socket(request)
        headers = {"Set-Cookie": "worker=1", "X-From-Worker": "yes", "Server": "TornadoServer"}
        match request.path:
            case "/static/app.js":
                return web.Response(body=b"let x = 1;\n" * 500, content_type="text/javascript", headers=headers)
            case "/static/missing.js":
                return web.Response(status=404)
            case "/nowhere" | "/mistaken":
                return web.Response(status=404 if request.path == "/nowhere" else 500, text="the worker's own words")
            case "/redirect":
                return web.Response(status=302, headers={"Location": "/conversations", **headers})
            case "/half":
                half = web.StreamResponse(headers={"Content-Length": "100000", "Content-Type": "text/html"})
                await half.prepare(request)
                await half.write(b"half a page")
                assert request.transport is not None
                request.transport.close()
                return half
            case "/broken":
                assert request.transport is not None
                request.transport.close()
                return web.Response()
        return web.Response(text="<html>" + "page " * 1000, content_type="text/html", headers=headers)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if request.query.get("refuse"):
            return web.Response(status=403)  # type: ignore[return-value]  # a refused handshake
        socket = web.WebSocketResponse(protocols=("bokeh",), max_msg_size=0)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.data == "close":
                await socket.close(code=4003)
            elif message.type is aiohttp.WSMsgType.TEXT and message.data.startswith("large "):
                await socket.send_bytes(bytes(range(256)) * int(message.data[6:]))
            elif message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(f"echo {message.data}")
            elif message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        self.closed.set()
        return socket


@asynccontextmanager
async def fake_worker(path: Path) -> AsyncIterator[FakeWorker]:
    worker = FakeWorker()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", worker.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield worker
    finally:
        await runner.cleanup()


@dataclass
class Browser:
    """A client with cookies."""

    session: aiohttp.ClientSession
    port: int

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    async def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **how: Any) -> "Answer":
        """Redirects are not followed; nothing is decompressed."""
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        sent = {"Host": self.host, **(headers or {})}
        how |= {"allow_redirects": False, "skip_auto_headers": ["Accept-Encoding"]}
        async with self.session.request(method, url, headers=sent, **how) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def form(self, path: str) -> dict[str, str]:
        """The hidden word of a form."""
        found = _CSRF.search((await self.ask(path)).text)
        assert found is not None
        return {"csrf": found[1]}

    async def log_in(self, **fields: str) -> "Answer":
        form = await self.form("/login")
        return await self.ask("/login", "POST", data={**form, "key": KEY, **fields})

    def socket(self, path: str = "/requests/ws", **headers: str) -> Any:
        """A WebSocket as a page of ours opens it."""
        return self._connect(path, headers, autoclose=True)

    def silent_socket(self) -> Any:
        """One that does not answer a close by itself."""
        return self._connect("/requests/ws", {}, autoclose=False)

    def _connect(self, path: str, headers: dict[str, str], **how: Any) -> Any:
        sent = {"Host": self.host, "Origin": self.origin, **headers}
        url = f"ws://127.0.0.1:{self.port}{path}"
        return self.session.ws_connect(url, protocols=("bokeh", "token"), headers=sent, max_msg_size=0, **how)

    def cookies(self) -> dict[str, Any]:
        return {cookie.key: cookie for cookie in self.session.cookie_jar}


@dataclass(frozen=True)
class Answer:
    """An answer, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class RunningFront:
    """A front, and what is behind it."""

    port: int
    link: str
    store: CannedStore
    worker: FakeWorker
    config: DashboardConfig
    stop: asyncio.Event
    abort: asyncio.Event
    places: list[tuple[str, int]]

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        """A new one, without cookies."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as session:
            yield Browser(session, self.port)

    @asynccontextmanager
    async def logged_in(self) -> AsyncIterator[Browser]:
        async with self.browser() as browser:
            assert (await browser.log_in()).status == 303
            yield browser


def config_for_test(folder: Path, **changes: Any) -> DashboardConfig:
    config = DashboardConfig(
        api_key=KEY, worker_socket=folder / "panel.sock", hosts=("127.0.0.1",), port=0, drain_s=1.0
    )
    return replace(config, **changes)


@asynccontextmanager
async def running_front(
    *,
    store: DataStore | None = None,
    worker: bool = True,
    people: People | None = None,
    audit: Audit | None = None,
    reports: PolicyReports | None = None,
    **changes: Any,
) -> AsyncIterator[RunningFront]:
    """Until the block ends; ``worker`` False: nobody listens on the worker's socket."""
    stop, abort = asyncio.Event(), asyncio.Event()
    started: asyncio.Future[tuple[list[tuple[str, int]], str]] = asyncio.get_running_loop().create_future()
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        config = config_for_test(Path(folder), **changes)
        canned = CannedStore()
        async with asyncio.TaskGroup() as tasks:
            work = serve(
                config,
                Behind(
                    store or canned,
                    people or OwnerAlone(),
                    audit or NobodyAsks(),
                    reports or PolicyReports(monotonic),
                    canned.filters,
                ),
                clock=lambda: START,
                stop=stop,
                abort=abort,
                ready=lambda places, link: started.set_result((list(places), link)),
            )
            serving = tasks.create_task(work)
            waiting = tasks.create_task(asyncio.wait_for(started, 10))
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                waiting.cancel()
                serving.result()
            places, link = await waiting
            try:
                if worker:
                    async with fake_worker(config.worker_socket) as panel:
                        yield RunningFront(places[0][1], link, canned, panel, config, stop, abort, places)
                        stop.set()
                        await asyncio.wait({serving}, timeout=10)
                else:
                    yield RunningFront(places[0][1], link, canned, FakeWorker(), config, stop, abort, places)
            finally:
                stop.set()
