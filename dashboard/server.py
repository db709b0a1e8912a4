"""How does a request become an answer that is safe to send, whatever goes wrong on the way?

Every answer gets the security headers here, and every error becomes a refusal here: JSON for the API, a page for a
browser, a line for everybody else. aiohttp's own replies to what it cannot parse quote the offending line, and its
log does too; either may hold a key, so both are replaced.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import structlog
from aiohttp.typedefs import Middleware
from aiohttp.web import (
    BaseRequest,
    HTTPException,
    Request,
    RequestHandler,
    Response,
    Server,
    StreamResponse,
    middleware,
)

from dashboard.answers import json_error
from dashboard.own_pages import OwnPages
from dashboard.proxying import IS_PAGE
from dashboard.refusals import RefusedError, refusal_of
from dashboard.security import HEADERS, OWN_POLICY, Addresses
from domain.errors import NexusError

Handle = Callable[[Request], Awaitable[StreamResponse]]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEEPALIVE_S = 75.0
_LINGERING_S = 3.0
_MAX_LINE = 16 * 1024
_OWN_ORIGINS = frozenset({"same-origin", "none"})
_TITLES = {401: "Log in first", 403: "This is not allowed", 404: "There is nothing here", 429: "Wait a little"}
_WORDS = {405: "This method is not allowed here.", 413: "The body is too large."}
_LOG = structlog.get_logger("nexus.dashboard")


class FrontConnection(RequestHandler):
    """A client's connection."""

    def __init__(self, server: Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_KEEPALIVE_S,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's way to say: none
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            lingering_time=_LINGERING_S,
        )

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> StreamResponse:
        """The reply to what could not be parsed, or whose handler broke. Quotes nothing of the request."""
        del message
        if status >= 500 and not isinstance(exc, ConnectionError):  # a browser that went away is no mistake
            self.log_exception("", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("Half an answer is sent already.")
        text = "Nexus has made a mistake; its log says where." if status >= 500 else "This is no HTTP request."
        response = json_error(RefusedError(status, text))
        secure(response, OWN_POLICY)
        response.force_close()
        return response

    def log_exception(self, *_: object, exc_info: BaseException | None = None) -> None:
        """An exception's text may hold anything; its type and place do not."""
        frames = traceback.extract_tb(exc_info.__traceback__ if exc_info is not None else None)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
        _LOG.error("a handler broke", error=type(exc_info).__name__, place=place)


def secure(response: StreamResponse, policy: str) -> None:
    """What every answer says to the browser. Whoever wants his answer to be kept has said so before."""
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = policy
    response.headers["Server"] = "nexus"
    response.headers.setdefault("Cache-Control", "no-store")


class Guard:
    """Stands before every handler."""

    def __init__(self, addresses: Addresses, pages: OwnPages) -> None:
        self._addresses, self._pages = addresses, pages

    async def secure_answer(self, request: Request, response: StreamResponse) -> None:
        """Runs before the head of any answer is sent."""
        host = request.headers.get("Host", "")
        is_page = IS_PAGE in request
        secure(response, self._addresses.page_policy(host) if is_page else OWN_POLICY)
        if self._addresses.is_https(host):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    def middleware(self) -> Middleware:
        @middleware
        async def stand_guard(request: Request, handler: Handle) -> StreamResponse:
            try:
                self._check(request)
                return await handler(request)
            except NexusError as error:
                return self._refusal(request, refusal_of(error))
            except HTTPException as error:
                return self._refusal(request, _translated(error))

        return stand_guard

    def _check(self, request: Request) -> None:
        """Is the request meant for us, and does it come from where it may? Raises RefusedError."""
        if not request.raw_path.startswith("/"):
            raise RefusedError(400, "Ask for a path.")
        host = request.headers.getall("Host", [])
        if len(host) != 1 or not self._addresses.allow(host[0]):
            raise RefusedError(421, "Nobody knows the dashboard by this name; use localhost, or its address.")
        if request.method not in SAFE_METHODS and not self._is_from_us(request, host[0]):
            raise RefusedError(403, "Another page may not send this.")

    def _is_from_us(self, request: Request, host: str) -> bool:
        """A browser says where a form comes from; what says nothing is no browser, and has no cookie to be abused."""
        origin = request.headers.get("Origin")
        if origin is not None:
            return self._addresses.is_same_origin(origin, host)
        return request.headers.get("Sec-Fetch-Site", "none") in _OWN_ORIGINS

    def _refusal(self, request: Request, refused: RefusedError) -> Response:
        if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
            return json_error(refused)
        title = _TITLES.get(refused.status, "This did not work")
        text = self._pages.notice(title, refused.message)
        return Response(status=refused.status, text=text, content_type="text/html", headers=dict(refused.headers))


def _translated(error: HTTPException) -> RefusedError:
    """aiohttp's own errors, in our words."""
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return RefusedError(error.status, _WORDS.get(error.status, error.reason), kept)
