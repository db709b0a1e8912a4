"""How does a connection to upstream come about? Name, address, proxy tunnel and TLS, all within one deadline."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence

from aiohappyeyeballs import AddrInfoType, start_connection

from gateway.destination import Destination
from gateway.upstream import UpstreamError
from gateway.upstream_connection import UpstreamConnection
from gateway.upstream_proxy import Proxy, Tunnel

_NAMES_KEPT_S = 60.0
_EYEBALLS_DELAY_S = 0.25
"""The next address is tried beside the first after this long (RFC 8305)."""

Make = Callable[[], UpstreamConnection]


class Dialler:
    """Makes connections to the one upstream."""

    def __init__(
        self, place: Destination, connect_s: float, proxy: Proxy | None = None, secure: ssl.SSLContext | None = None
    ) -> None:
        """``secure``: None: the default context, which honours SSL_CERT_FILE."""
        self._place, self._connect_s, self._proxy = place, connect_s, proxy
        self._secure = (secure or _default_context()) if place.scheme == "https" else None
        self._tls_name = place.host.rstrip(".") if self._secure else None
        """Upstream's name, as its certificate says it."""
        self._names = _Names(proxy.host if proxy else place.host, proxy.port if proxy else place.port)

    async def dial(self, make: Make) -> UpstreamConnection:
        """A new connection that is ready for a request. Raises UpstreamError."""
        try:
            async with asyncio.timeout(self._connect_s):
                return await self._over(await self._connected_socket(), make)
        except TimeoutError:
            raise UpstreamError("timeout", "connecting took too long") from None
        except OSError as error:
            raise UpstreamError("upstream", _detail(error)) from error

    async def _connected_socket(self) -> socket.socket:
        addresses = await self._names.addresses()
        try:
            return await start_connection(addresses, happy_eyeballs_delay=_EYEBALLS_DELAY_S)
        except TimeoutError:
            raise
        except OSError as error:
            if self._proxy is not None:
                raise UpstreamError("upstream", "proxy not reachable") from error
            raise

    async def _over(self, sock: socket.socket, make: Make) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        try:
            if self._proxy is not None and self._secure is not None:
                return await self._through_tunnel(sock, self._proxy, self._secure, make)
            _, made = await loop.create_connection(make, sock=sock, ssl=self._secure, server_hostname=self._tls_name)
        except BaseException:
            sock.close()
            raise
        return made

    async def _through_tunnel(
        self, sock: socket.socket, proxy: Proxy, secure: ssl.SSLContext, make: Make
    ) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        transport, tunnel = await loop.create_connection(
            lambda: Tunnel(self._place.host, self._place.port, proxy), sock=sock
        )
        try:
            await _opened(tunnel)
            connection = make()
            inner = await loop.start_tls(transport, connection, secure, server_hostname=self._tls_name)
        except BaseException:
            transport.abort()
            raise
        assert inner is not None  # None is for transports that close meanwhile without an error; ours cannot
        connection.connection_made(inner)
        return connection


async def _opened(tunnel: Tunnel) -> None:
    """Raises UpstreamError."""
    if not await tunnel.is_open:
        raise UpstreamError("upstream", "proxy refused")


class _Names:
    """The addresses of one name, remembered for a while; each answer begins with another one."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._lock = asyncio.Lock()
        self._known: Sequence[AddrInfoType] = ()
        self._until = 0.0

    async def addresses(self) -> Sequence[AddrInfoType]:
        """Raises UpstreamError."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._until:
                self._known = await self._looked_up(loop)
                self._until = loop.time() + _NAMES_KEPT_S
        self._known = (*self._known[1:], *self._known[:1])
        return self._known

    async def _looked_up(self, loop: asyncio.AbstractEventLoop) -> Sequence[AddrInfoType]:
        try:
            return await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except OSError as error:
            raise UpstreamError("upstream", "name not resolved") from error


def _default_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _detail(error: OSError) -> str:
    """Fixed words only: an exception's own text may hold anything."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate not trusted"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    return "connection refused" if error.errno == errno.ECONNREFUSED else "connection lost"
