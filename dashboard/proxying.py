"""How does a request for a page reach the Panel worker, and its answer the browser? Over a Unix socket, piece by piece.

Only what a page needs goes through: no cookie and no credential. The front adds the word that a form of the user's
session must hold (``X-Nexus-Csrf``), which the page puts into its logout form, and who looks
(``dashboard/viewing.py``); whatever a browser sends under these names is taken out.
"""

from collections.abc import Mapping
from types import MappingProxyType

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, UnixConnector
from aiohttp.web import Request, RequestKey, Response, StreamResponse
from multidict import CIMultiDict
from yarl import URL

from dashboard.compression import best_coding
from dashboard.config import DashboardConfig
from dashboard.own_pages import OwnPages
from dashboard.refusals import RefusedError
from dashboard.sessions import Session
from dashboard.static_files import Fetched
from dashboard.viewing import VIEWER_HEADER, written

CSRF_HEADER = "X-Nexus-Csrf"
IS_PAGE = RequestKey("nexus-is-page", bool)
"""Noted in a request: its answer is one of Panel's pages and gets their content security policy."""
CONNECT_S, READ_S = 2.0, 60.0
_PIECE_BYTES = 64 * 1024
_ANY_NAME = "http://panel"
"""The name in the URL is not looked up: the connection is the socket."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "proxy-connection"}
)
_NOT_FOR_WORKER = _HOP_BY_HOP | {
    "accept-encoding",
    "authorization",
    "bokeh-session-id",
    "content-length",
    "cookie",
    "forwarded",
    "range",
    "x-nexus-key",
    "x-nexus-csrf",
    VIEWER_HEADER.lower(),
}
_NOT_FOR_BROWSER = _HOP_BY_HOP | {"content-length", "date", "server", "set-cookie", "content-encoding"}
_COMPRESSIBLE = frozenset({"text/html", "text/css", "text/javascript", "application/javascript", "application/json"})
AWAY = (aiohttp.ClientConnectionError, TimeoutError)
"""Nobody listens on the socket, or whoever did is gone."""
_REFUSALS: Mapping[int, str] = MappingProxyType({404: "No page has this address."})
_BROKEN = "Nexus could not make this page; its log says why."
STARTING_S: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})
FULL_S: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})


class PanelProxy:
    """Passes requests on."""

    def __init__(self, config: DashboardConfig, pages: OwnPages) -> None:
        self._pages = pages
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
        connector = UnixConnector(str(config.worker_socket), force_close=True, limit=0)
        self.client = ClientSession(
            connector=connector, cookie_jar=DummyCookieJar(), timeout=timeout, auto_decompress=True, trust_env=False
        )

    async def close(self) -> None:
        await self.client.close()

    async def page(self, request: Request, session: Session) -> StreamResponse:
        """The worker's answer; while there is no worker, a page that tries again. Raises RefusedError: it made none."""
        try:
            answer = await self._asked(request, session)
        except AWAY:
            return self.starting()
        async with answer:
            if answer.status >= 400:
                raise RefusedError(answer.status, _REFUSALS.get(answer.status, _BROKEN))
            return await _pass_back(request, answer)

    async def file(self, request: Request) -> Fetched:
        """The whole of one of the worker's files."""
        try:
            async with await self._asked(request, None) as answer:
                return Fetched(answer.status, answer.headers.get("Content-Type", ""), await answer.read())
        except (*AWAY, aiohttp.ClientPayloadError):
            return Fetched(503, "", b"")

    def starting(self) -> Response:
        text = self._pages.notice("The pages are starting", "This takes a few seconds.", reload_s=1)
        return Response(status=503, text=text, content_type="text/html", headers=STARTING_S)

    def full(self) -> Response:
        """While there is no room for one more page."""
        text = self._pages.notice(
            "The dashboard is full",
            "Its open pages take up all the memory that they may. This one opens as soon as some are closed.",
            reload_s=5,
        )
        return Response(status=503, text=text, content_type="text/html", headers=FULL_S)

    async def _asked(self, request: Request, session: Session | None) -> ClientResponse:
        """The head of the worker's answer."""
        return await self.client.request(
            request.method,
            worker_url(request),
            headers=headers_for_worker(request, session),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            allow_redirects=False,
        )


def worker_url(request: Request) -> URL:
    """Path and query as they came."""
    return URL(f"{_ANY_NAME}{request.raw_path}", encoded=True)


def headers_for_worker(request: Request, session: Session | None) -> CIMultiDict[str]:
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _NOT_FOR_WORKER and not name.lower().startswith(("x-forwarded-", "sec-websocket-"))
    )
    if session is not None:
        headers[CSRF_HEADER] = session.csrf
        headers[VIEWER_HEADER] = written(session.standing.viewer)
    return headers


async def _pass_back(request: Request, answer: ClientResponse) -> StreamResponse:
    headers = CIMultiDict(
        (name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_FOR_BROWSER
    )
    response = StreamResponse(status=answer.status, headers=headers)
    request[IS_PAGE] = True
    if request.method != "HEAD" and answer.content_type in _COMPRESSIBLE and _takes_gzip(request):
        response.enable_compression(aiohttp.web.ContentCoding.gzip)
        response.headers["Vary"] = "Accept-Encoding"
    elif answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    if request.method != "HEAD":
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            await response.write(piece)
    await response.write_eof()
    return response


def _takes_gzip(request: Request) -> bool:
    return best_coding(request.headers.get("Accept-Encoding", ""), ("gzip",)) is not None
