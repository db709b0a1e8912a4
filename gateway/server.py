"""How do clients reach the handler? aiohttp's low-level server, strict, quiet, and without a way to leak a request.

aiohttp's own replies to what it cannot parse quote the offending line, and its log does too; either may hold a key.
"""

import asyncio
import select
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import EMPTY_PAYLOAD, StreamReader, http_parser
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web import BaseRequest, RequestHandler, RequestPayloadError, Server, StreamResponse
from aiohttp.web_protocol import _ErrInfo

from domain.errors import SetupError
from gateway.answers import OwnAnswer
from gateway.error_replies import error_answer
from gateway.intake import RejectedError
from gateway.metrics import Metrics
from gateway.wire_response import WireResponse

MAX_LINE = MAX_FIELD = 64 * 1024
MAX_HEADERS = 256
MAX_HEAD = 512 * 1024
_HEAD_END = b"\r\n\r\n"
_MAX_CUTS = 32
_TOO_MANY_HEADERS = "Too many headers received"
"""aiohttp's words."""
_LINGERING_S = 3.0
"""A body that nobody wants is read this long, so that the client gets to read why."""
_LOG = structlog.get_logger("nexus.gateway")

Handle = Callable[[BaseRequest], Awaitable[StreamResponse]]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections, and how slow."""

    count: int
    """One more is told to come back later."""
    head_s: float
    """For a head: from the connection's begin, or from the head's first byte."""
    keepalive_s: float
    """Between requests."""


def refuse_lenient_parser() -> None:
    """aiohttp's parser in Python takes what the one in C refuses. Raises SetupError."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        mend = "unset AIOHTTP_NO_EXTENSIONS, or install aiohttp from a wheel"
        raise SetupError(f"aiohttp runs without its parser in C, which alone is strict enough; {mend}.")


class GatewayServer(Server):
    """Makes one ``ClientConnection`` per connection."""

    def __init__(
        self, handle: Handle, *, limits: ConnectionLimits, new_id: Callable[[], str], metrics: Metrics
    ) -> None:
        """``new_id``: a request id for what never reached the handler."""
        super().__init__(handle, handler_cancellation=True)
        self.limits, self.new_id, self.metrics = limits, new_id, metrics

    def __call__(self) -> RequestHandler:
        return ClientConnection(self)

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> BaseRequest:
        assert isinstance(protocol, ClientConnection)
        protocol.body = payload
        return super()._make_request(message, payload, protocol, writer, task)

    def retire(self, grace_s: float = 0.0) -> None:
        """Close whoever has been idle for that long, counted from the first call that found it idle."""
        now = self._loop.time()
        for connection in self.connections:
            assert isinstance(connection, ClientConnection)
            connection.retire(now, grace_s)


class ClientConnection(RequestHandler):
    """A client's connection."""

    def __init__(self, server: GatewayServer) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=server.limits.keepalive_s,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's way to say: none
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_HEADERS,
            lingering_time=_LINGERING_S,
            auto_decompress=False,
        )
        self._server = server
        self.body: StreamReader = EMPTY_PAYLOAD
        """Of the request that is being handled."""
        self._head_deadline: asyncio.TimerHandle | None = None
        """Runs from the connection's begin to its first head, then from a head's first byte to its last."""
        self._head_bytes = 0
        """Of an unfinished head, so far."""
        self._idle_since: float | None = None
        """Known only once it is to retire."""
        if len(server.connections) >= server.limits.count:
            self._request_handler = _refuse

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._start_head_deadline()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for piece in heads_apart(data):
            if self._is_broken():
                break  # whatever follows, nobody knows where it begins
            super().data_received(piece)
        if self._messages:
            self._stop_head_deadline()
            self._forget_how_it_broke()
            self._end_broken_bodies()
        elif data and (self._waiter is not None or not self._request_count):
            self._head_bytes += len(data)
            self._start_head_deadline()
            if self._head_bytes > MAX_HEAD:
                self._give_up_head(RejectedError(431, "malformed", "The request's head is too large."))

    def _is_broken(self) -> bool:
        return bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)

    def _forget_how_it_broke(self) -> None:
        """The frames of a traceback hold what was received, and the error: a circle, which would outlive us."""
        last, _ = self._messages[-1]
        error: BaseException | None = last.exc if isinstance(last, _ErrInfo) else None
        while error is not None:
            error.__traceback__, error = None, error.__context__

    def _start_head_deadline(self) -> None:
        if self._head_deadline is None:
            loop = asyncio.get_running_loop()
            self._head_deadline = loop.call_later(self._server.limits.head_s, self._head_is_late)

    def _stop_head_deadline(self) -> None:
        self._head_bytes = 0
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._give_up_head(RejectedError(408, "slow_head", "The head of the request came too slowly."))
        else:
            self.force_close()

    def _give_up_head(self, why: RejectedError) -> None:
        """Answer instead of the request that will not be."""
        self._stop_head_deadline()
        self._messages.append((_ErrInfo(why.status, why, ""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end_broken_bodies(self) -> None:
        """A body before another message is complete, or the parser broke in it; aiohttp would not tell its reader."""
        bodies = [self.body, *(body for _, body in self._messages)]
        for body in bodies[:-1]:
            if not body.is_eof():
                body.set_exception(RequestPayloadError("The body is not framed as HTTP wants it."))
                body.feed_eof()  # nobody need wait for its rest

    def retire(self, now: float, grace_s: float) -> None:
        """Close it if it has been idle for that long, and no request has arrived unread."""
        if self._waiter is None or self._waiter.done():
            self._idle_since = None
            return
        if self._idle_since is None or self._head_bytes:
            self._idle_since = now  # half a head is no silence; it has a deadline of its own
        if now - self._idle_since >= grace_s and not _has_unread(self.transport):
            self.force_close()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, _: str | None = None
    ) -> StreamResponse:
        """The reply to a request that could not be parsed, or whose handler broke. Quotes nothing of the request."""
        rejected = _rejection(status, exc)
        if rejected is not None:
            self._server.metrics.rejected(rejected.reason)
        else:
            self.log_exception("", exc_info=exc)
        if self.transport is None or self.transport.is_closing():
            raise ConnectionError("There is nobody left to answer.")
        request_id = self._server.new_id()
        response = WireResponse(request, request_id)
        response.close_after()
        own = _answer_to(rejected, request_id)
        response.send_head(own.head)
        response.send(own.body)
        response.finish()
        self._server.metrics.answered(own.head.status)
        return response

    def log_exception(self, *_: object, exc_info: BaseException | None = None) -> None:
        """An exception's text may hold anything; its type and place do not."""
        if isinstance(exc_info, RequestPayloadError):
            return  # a client broke the rest of a body that nobody wanted; it has had its answer
        self._server.metrics.swallowed_errors.inc()
        _LOG.error("a handler broke", error=type(exc_info).__name__, place=_place(exc_info))


def _has_unread(transport: asyncio.Transport | None) -> bool:
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or sock.fileno() < 0:
        return False
    look = select.poll()
    look.register(sock.fileno(), select.POLLIN)
    return bool(look.poll(0))


def _answer_to(rejected: RejectedError | None, request_id: str) -> OwnAnswer:
    if rejected is None:
        return error_answer(500, "Nexus has made a mistake; its log says where.", request_id)
    return error_answer(rejected.status, rejected.message, request_id)


def heads_apart(data: bytes) -> list[bytes]:
    """The same bytes, cut behind each head: of a piece with a broken request, aiohttp forgets the good ones before it.

    Where a body only looks like heads, the first cuts are enough.
    """
    begin = len(data[:3]) - len(data[:3].lstrip(b"\r\n"))  # a head's end whose beginning came before
    last = data.rfind(b"\r") + 1  # looking for one byte from behind is quick: a large body as JSON has none
    last = max(begin, last and last + 1)
    *heads, rest = data[begin:last].split(_HEAD_END, _MAX_CUTS)
    pieces = [data[:begin], *(head + _HEAD_END for head in heads), rest + data[last:]]
    return [piece for piece in pieces if piece] or [data]


async def _refuse(_: BaseRequest) -> StreamResponse:
    raise RejectedError(503, "too_many", "Nexus has too many open connections. Try again later.")


def _rejection(status: int, error: BaseException | None) -> RejectedError | None:
    """None: the request is fine, we are not."""
    if isinstance(error, RejectedError):
        return error
    if isinstance(error, LineTooLong):
        return RejectedError(431, "malformed", "A line of the request's head is too long.")
    if isinstance(error, BadHttpMessage) and error.message == _TOO_MANY_HEADERS:
        return RejectedError(431, "malformed", f"The request's head has more than {MAX_HEADERS} lines.")
    if status < 500:
        return RejectedError(400, "malformed", "The request is not HTTP as Nexus understands it.")
    return None


def _place(error: BaseException | None) -> str:
    frames = traceback.extract_tb(error.__traceback__ if error is not None else None)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
