"""How do requests reach the upstream? aiohttp's connector and parser below, our own bytes on the wire.

The connector brings pooled connections, name resolution, TLS and proxies. aiohttp's session is left out: it would
rebuild the head of a request (order of lines, added and merged ones, bytes that are no UTF-8), resolve its path, follow
redirects, keep cookies, and send some requests again by itself.
"""

import asyncio
import errno
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from ssl import SSLContext

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from domain.errors import SetupError
from gateway.answers import AnswerHead
from gateway.destination import Destination
from gateway.headers import HeaderLines, body_length, by_name, for_client, for_upstream
from gateway.upstream import UpstreamAnswer, UpstreamError, UpstreamRequest

_KEEPALIVE_S = 60.0
_DNS_TTL_S = 60
_READ_BUFFER = 32 * 1024
"""Reading from upstream pauses when twice this much waits for the client."""
_MAX_LINE = _MAX_FIELD = 64 * 1024
_MAX_HEADERS = 512
_JOINED_BYTES = 64 * 1024
"""A body up to this size is copied behind its head, to leave in one write."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long upstream may take."""

    connect_s: float = 10.0
    idle_s: float = 600.0
    """Without a single byte; a ping of the stream counts as one."""


class _PooledConnection(ResponseHandler):
    """A connection that knows what passed over it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.requests = 0
        self._received = 0
        """Bytes since the last request was sent."""
        self._at_rest = 0
        """How many of them had come when it went back to the pool."""

    @cached_property
    def leads_inside(self) -> bool:
        """Is at its other end no address of the public network?"""
        peer = self.transport.get_extra_info("peername") if self.transport is not None else None
        return peer is None or not ipaddress.ip_address(peer[0].partition("%")[0]).is_global

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """aiohttp tells whoever waits for a head; whoever waits for the rest of a body must know too."""
        if exc_cause is None:
            super().set_exception(exc)
        else:
            super().set_exception(exc, exc_cause)
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(exc)

    def ask(self, head: bytes, body: bytes) -> None:
        """Send a request."""
        self.requests += 1
        self._received = 0
        if self.transport is None:
            raise aiohttp.ServerDisconnectedError
        if len(body) <= _JOINED_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        self.start_timeout()

    async def hear(self) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """The head of the answer, and its body to come; interim heads (1xx) are passed over."""
        while True:
            message, payload = await self.read()
            if not 100 <= message.code < 200 or message.code == 101:
                return message, payload

    def rest(self) -> bool:
        """The answer is complete. True: the request was sent whole, so another may follow."""
        self._at_rest = self._received
        return self.transport is not None and self.transport.get_write_buffer_size() == 0

    @property
    def went_stale(self) -> bool:
        """It was kept alive too long: upstream closed it and never saw the request."""
        return self.requests > 1 and self._received == 0

    @property
    def is_sound(self) -> bool:
        """Nothing came over it that was not asked for."""
        return len(self) == 0 and self._received == self._at_rest


class _Connector(aiohttp.TCPConnector):
    """Makes connections of our kind."""

    def __init__(self, ssl: SSLContext | None) -> None:
        super().__init__(
            limit=0, limit_per_host=0, keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=_DNS_TTL_S, ssl=ssl or True
        )
        make: Callable[..., ResponseHandler] = _PooledConnection
        self._factory = partial(make, loop=self._loop)


class _StaleError(Exception):
    """The request was sent on a connection that upstream had closed already."""


class AiohttpUpstream:
    """The way to the one upstream, over a pool of connections."""

    def __init__(
        self,
        place: Destination,
        timeouts: Timeouts,
        *,
        proxy: str | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        """``ssl``: None: the default context, which honours SSL_CERT_FILE. Raises SetupError for a bad ``proxy``."""
        self._place, self._host = place, place.authority.encode()
        self._idle_s = timeouts.idle_s
        self._timeout = aiohttp.ClientTimeout(connect=timeouts.connect_s, sock_connect=timeouts.connect_s)
        loop = asyncio.get_running_loop()
        self._door = aiohttp.ClientRequest("GET", URL(place.origin), loop=loop, proxy=_proxy_url(proxy))
        """Never sent: it tells the connector where to connect."""
        self._connector = _Connector(ssl)

    async def open(self, request: UpstreamRequest) -> UpstreamAnswer:
        try:
            try:
                return await self._exchange(request, fresh=False)
            except _StaleError:
                return await self._exchange(request, fresh=True)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _failure(error) from error

    async def close(self) -> None:
        await self._connector.close()

    async def _exchange(self, request: UpstreamRequest, *, fresh: bool) -> "_Answer":
        connection, protocol = await self._connect(fresh=fresh)
        if request.tenant is not None and self._is_led_astray(protocol):
            _drop(connection, protocol)
            raise UpstreamError("upstream", "its name leads to a private address")
        try:
            protocol.set_response_params(
                skip_payload=request.method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=self._idle_s,
                read_bufsize=_READ_BUFFER,
                max_line_size=_MAX_LINE,
                max_field_size=_MAX_FIELD,
                max_headers=_MAX_HEADERS,
            )
            protocol.ask(self._head(request), request.body)
            message, payload = await protocol.hear()
            return _Answer(connection, protocol, message, payload, request.method)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
            _drop(connection, protocol)
            if protocol.went_stale:
                raise _StaleError from lost
            raise
        except BaseException:
            _drop(connection, protocol)
            raise

    def _is_led_astray(self, protocol: _PooledConnection) -> bool:
        """Whoever has a say in name resolution must not get a stored credential. A proxy resolves names itself."""
        return not self._place.may_be_private and self._door.proxy is None and protocol.leads_inside

    async def _connect(self, *, fresh: bool) -> tuple[Connection, _PooledConnection]:
        while True:
            try:
                connection = await self._connector.connect(self._door, [], self._timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError from error
            protocol = connection.protocol
            assert isinstance(protocol, _PooledConnection)
            if protocol.requests == 0 or (protocol.is_sound and not fresh):
                return connection, protocol
            _drop(connection, protocol)

    def _head(self, request: UpstreamRequest) -> bytes:
        target = self._place.prefix.encode() + request.target
        lines = for_upstream(request.headers, self._host, len(request.body))
        if self._door.proxy is not None and not self._door.is_ssl():
            target = self._place.origin.encode() + target
            # the connector has put them there when it connected
            if credentials := self._door.headers.get("Proxy-Authorization"):
                lines = (*lines, (b"Proxy-Authorization", credentials.encode()))
        text = b"".join([b"%b: %b\r\n" % line for line in lines])
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode(), target, text)


class _Answer:
    """An answer that is coming in."""

    def __init__(
        self,
        connection: Connection,
        protocol: _PooledConnection,
        message: RawResponseMessage,
        payload: aiohttp.StreamReader,
        method: str,
    ) -> None:
        self._connection, self._protocol, self._payload = connection, protocol, payload
        self.headers: HeaderLines = message.raw_headers
        if message.code == 101 or _has_breaks(self.headers):
            raise HttpProcessingError(message="not an answer that can be passed on")
        self.told = by_name(self.headers)
        length = body_length(method, message.code, self.told)
        reason = message.reason.encode("utf-8", "surrogateescape")
        self.head = AnswerHead(message.code, reason, for_client(self.headers, self.told, length), length)
        self._taken = 0
        payload.on_eof(self._complete)

    def _complete(self) -> None:
        if self._protocol.rest():
            self._connection.release()
        else:
            self.close()

    @property
    def ready(self) -> bool:
        payload = self._payload
        return payload.total_bytes > self._taken or payload.is_eof() or payload.exception() is not None

    async def read(self) -> bytes:
        payload = self._payload
        try:
            if payload.exception() is not None and payload.total_bytes > self._taken:
                data = payload._read_nowait(-1)  # noqa: SLF001  # readany would drop what came before the failure
            else:
                data = await payload.readany()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _failure(error) from error
        self._taken += len(data)
        return data

    def close(self) -> None:
        if self._connection.protocol is not None:
            _drop(self._connection, self._protocol)


def _drop(connection: Connection, protocol: _PooledConnection) -> None:
    """Close at once: what waits to be sent is not worth waiting for."""
    protocol.abort()
    connection.close()


def _proxy_url(proxy: str | None) -> URL | None:
    if not proxy:
        return None
    try:
        url = URL(proxy)
    except ValueError:
        url = URL()
    if url.scheme != "http" or not url.host:
        raise SetupError("NEXUS_UPSTREAM_PROXY must look like http://proxy.example:3128.")
    return url


def _has_breaks(lines: HeaderLines) -> bool:
    """Does a value hold what would end a line of ours? aiohttp reads answers leniently."""
    text = b"".join(name + value for name, value in lines)
    return any(byte in text for byte in b"\r\n\0")


def _failure(error: Exception) -> UpstreamError:
    """Fixed words only: an exception's own text may hold anything."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return UpstreamError("timeout", "connecting took too long")
    if isinstance(error, TimeoutError):
        return UpstreamError("timeout", "no bytes for too long")
    for kind, detail in _DETAILS:
        if isinstance(error, kind):
            return UpstreamError("upstream", detail)
    refused = isinstance(error, OSError) and error.errno == errno.ECONNREFUSED
    return UpstreamError("upstream", "connection refused" if refused else "connection lost")


_DETAILS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "name not resolved"),
    (aiohttp.ClientProxyConnectionError, "proxy not reachable"),
    (aiohttp.ClientHttpProxyError, "proxy refused"),
    (aiohttp.ClientConnectorCertificateError, "certificate not trusted"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientPayloadError, "broke off in the middle of the answer"),
    (HttpProcessingError, "malformed answer"),
)
