"""How does a page's WebSocket reach the Panel worker? Message by message, both ways, until its session is over.

Each side is read only when the other has taken what was read before, so neither can fill our memory. A browser that
has gone without a word is noticed by its missing pongs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiohttp import ClientWebSocketResponse, ClientWSTimeout, WSMsgType
from aiohttp.web import Request, StreamResponse, WebSocketResponse

from dashboard.proxying import AWAY, PanelProxy, headers_for_worker, worker_url
from dashboard.refusals import RefusedError
from dashboard.security import Addresses
from dashboard.sessions import Session, Sessions

HEARTBEAT_S = 30.0
CLOSE_S = 2.0
"""Whoever does not answer a close is cut off then."""
MOST_SAID_BYTES = 4 * 1024 * 1024
"""Of one message of a browser: more than any reader ever does. What a page is told may be of any size."""
SESSION_OVER, GOING_AWAY = 1008, 1001
_NEVER_SENT = {1005, 1006, 1015}
"""Codes that say how a connection ended, and are not allowed on the wire."""
Either = WebSocketResponse | ClientWebSocketResponse


class SocketProxy:
    """Passes WebSockets on."""

    def __init__(self, proxy: PanelProxy, sessions: Sessions, addresses: Addresses) -> None:
        self._proxy, self._sessions, self._addresses = proxy, sessions, addresses
        self._passing = 0
        self._all_closed = asyncio.Event()
        self._all_closed.set()

    @property
    def passing(self) -> int:
        """Pages that are open."""
        return self._passing

    async def all_closed(self) -> None:
        """Wait until every WebSocket is closed that is about to be: a server that leaves hears no more answers."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed.wait(), CLOSE_S)

    async def serve(self, request: Request, session: Session) -> StreamResponse:
        """Raises RefusedError if a page of another address asks, or if nobody listens."""
        if not self._addresses.is_same_origin(request.headers.get("Origin"), request.headers.get("Host", "")):
            raise RefusedError(403, "Another page may not open this WebSocket.")
        worker = await self._worker_of(request, session)
        self._passing += 1
        self._all_closed.clear()
        try:
            return await self._pass(request, worker, session)
        finally:
            self._passing -= 1
            if not self._passing:
                self._all_closed.set()
            await worker.close()

    async def _worker_of(self, request: Request, session: Session) -> ClientWebSocketResponse:
        offered = [word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        try:
            return await self._proxy.client.ws_connect(
                worker_url(request),
                protocols=[word for word in offered if word],
                headers=headers_for_worker(request, session),
                timeout=ClientWSTimeout(ws_close=CLOSE_S),
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise RefusedError(403 if error.status < 500 else 503, "The page's session is over; reload it.") from None
        except AWAY:
            raise RefusedError(503, "The pages are starting; reload in a moment.") from None

    async def _pass(self, request: Request, worker: ClientWebSocketResponse, session: Session) -> WebSocketResponse:
        browser = WebSocketResponse(
            protocols=(worker.protocol,) if worker.protocol else (),
            heartbeat=HEARTBEAT_S,
            timeout=CLOSE_S,
            max_msg_size=MOST_SAID_BYTES,
            compress=False,
        )
        await browser.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            up = tasks.create_task(_pump(browser, worker, lambda: self._sessions.touch(session)))
            down = tasks.create_task(_pump(worker, browser, lambda: None))
            over = tasks.create_task(session.ended.wait())
            await asyncio.wait({up, down, over}, return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down, over):
                task.cancel()
        code = SESSION_OVER if session.ended.is_set() else _code(worker.close_code)
        await browser.close(code=code)
        return browser


async def _pump(source: Either, sink: Either, on_message: Callable[[], None]) -> None:
    """Until one of them is closed."""
    try:
        async for message in source:
            if message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            on_message()
    except ConnectionError:
        return


def _code(of_worker: int | None) -> int:
    return GOING_AWAY if of_worker is None or of_worker in _NEVER_SENT else of_worker
