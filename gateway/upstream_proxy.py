"""How does a request pass a company's HTTP proxy? What its URL says, and the tunnel that TLS goes through."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from domain.errors import SetupError

_MAX_HEAD_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy on the way to upstream."""

    host: str
    port: int
    credentials: bytes | None
    """Value of Proxy-Authorization."""


def parse_proxy(url: str | None) -> Proxy | None:
    """None: there is none. Raises SetupError."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _bad_url() from None
    if not host or parts.scheme != "http":
        raise _bad_url()
    credentials = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = b"Basic " + b64encode(login.encode())
    return Proxy(host, port or 80, credentials)


def _bad_url() -> SetupError:
    return SetupError("NEXUS_UPSTREAM_PROXY must look like http://proxy.example:3128.")


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a way through, and hears whether it opens."""

    def __init__(self, host: str, port: int, proxy: Proxy) -> None:
        """``host``, ``port``: where the way is to lead."""
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        login = b"" if proxy.credentials is None else b"Proxy-Authorization: %b\r\n" % proxy.credentials
        self._request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (authority.encode(), authority.encode(), login)
        self.is_open: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]  # every stream transport can

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(_HEAD_END):  # nobody speaks before we do
            status = self._head[9:12]
            self._decide(is_open=self._head.startswith(b"HTTP/1.") and status == b"200")
        elif _HEAD_END in self._head or len(self._head) > _MAX_HEAD_BYTES:
            self._decide(is_open=False)

    def connection_lost(self, _: Exception | None) -> None:
        self._decide(is_open=False)

    def _decide(self, *, is_open: bool) -> None:
        if not self.is_open.done():
            self.is_open.set_result(is_open)
