"""How do requests reach the upstream? Our own bytes over pooled connections, and nothing done that was not asked for.

No redirect is followed, no cookie kept, no body unpacked. A request is sent once more only if the connection it went
out on was a used one that upstream had closed, and nothing of an answer has come.
"""

from dataclasses import dataclass
from ssl import SSLContext

from gateway.destination import Destination
from gateway.headers import for_upstream
from gateway.upstream import UpstreamError, UpstreamRequest
from gateway.upstream_connection import StaleConnectionError, UpstreamConnection, WireAnswer
from gateway.upstream_dialling import Dialler
from gateway.upstream_pool import Pool
from gateway.upstream_proxy import parse_proxy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long upstream may take."""

    connect_s: float = 10.0
    idle_s: float = 600.0
    """Without a single byte; a ping of the stream counts as one."""


class WireUpstream:
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
        self._prefix = place.prefix.encode()
        self._idle_s = timeouts.idle_s
        self._proxy = parse_proxy(proxy)
        self._dialler = Dialler(place, timeouts.connect_s, self._proxy, ssl)
        self._pool = Pool()
        self._login: tuple[tuple[bytes, bytes], ...] = ()
        """What a proxy that reads our requests wants to see in each."""
        if self._proxy is not None and place.scheme == "http":
            self._prefix = place.origin.encode() + self._prefix
            if self._proxy.credentials is not None:
                self._login = ((b"Proxy-Authorization", self._proxy.credentials),)

    async def open(self, request: UpstreamRequest) -> WireAnswer:
        try:
            return await self._exchange(request, self._pool.take() or await self._fresh())
        except StaleConnectionError:
            return await self._exchange(request, await self._fresh())

    async def close(self) -> None:
        self._pool.close()

    async def _fresh(self) -> UpstreamConnection:
        connection = await self._dialler.dial(self._connection)
        self._pool.add(connection)
        return connection

    def _connection(self) -> UpstreamConnection:
        return UpstreamConnection(self._idle_s, self._pool.rest, self._pool.forget)

    async def _exchange(self, request: UpstreamRequest, connection: UpstreamConnection) -> WireAnswer:
        if request.tenant is not None and self._is_led_astray(connection):
            connection.abort()
            raise UpstreamError("upstream", "its name leads to a private address")
        answer = connection.ask(request.method, self._head(request), request.body)
        try:
            await answer.opened
        except BaseException:
            answer.close()
            raise
        return answer

    def _is_led_astray(self, connection: UpstreamConnection) -> bool:
        """Whoever has a say in name resolution must not get a stored credential. A proxy resolves names itself."""
        return not self._place.may_be_private and self._proxy is None and connection.leads_inside

    def _head(self, request: UpstreamRequest) -> bytes:
        lines = (*for_upstream(request.headers, self._host, len(request.body)), *self._login)
        text = b"".join([b"%b: %b\r\n" % line for line in lines])
        return b"%b %b%b HTTP/1.1\r\n%b\r\n" % (request.method.encode(), self._prefix, request.target, text)
