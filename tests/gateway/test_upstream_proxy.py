"""A proxy's URL is read as it is meant, and a tunnel opens only on a plain yes."""

import asyncio
import base64
from typing import cast

import pytest

from domain.errors import SetupError
from gateway.upstream_proxy import Proxy, Tunnel, parse_proxy
from tests.cut import cut_at


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        (None, None),
        ("", None),
        ("http://proxy.example", Proxy("proxy.example", 80, None)),
        ("http://[::1]:3128/", Proxy("::1", 3128, None)),
        ("http://u:p%20s@p.example:1", Proxy("p.example", 1, b"Basic " + base64.b64encode(b"u:p s"))),
        ("http://u@p.example", Proxy("p.example", 80, b"Basic " + base64.b64encode(b"u:"))),
    ],
)
def test_a_url_says_where_the_proxy_is_and_who_we_are(url: str | None, proxy: Proxy | None) -> None:
    assert parse_proxy(url) == proxy


@pytest.mark.parametrize("url", ["proxy:3128", "https://p.example", "http://", "http://[x", "http://p.example:x"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(SetupError, match="NEXUS_UPSTREAM_PROXY must look like"):
        parse_proxy(url)


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data


def tunnel(host: str = "api.example") -> tuple[Tunnel, Wire]:
    made, wire = Tunnel(host, 443, Proxy("p", 1, b"Basic x")), Wire()
    made.connection_made(cast("asyncio.BaseTransport", wire))
    return made, wire


async def test_a_tunnel_asks_for_the_way_and_says_who_it_is() -> None:
    for host, said in (("api.example", b"api.example:443"), ("::1", b"[::1]:443")):
        _, wire = tunnel(host)
        head = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\nProxy-Authorization: Basic x\r\n\r\n" % (said, said)
        assert wire.sent == head


@pytest.mark.parametrize("cuts", [[], range(1, 99)])
async def test_it_opens_on_a_yes(cuts: range | list[int]) -> None:
    made, _ = tunnel()
    for piece in cut_at(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", cuts):
        assert not made.is_open.done()
        made.data_received(piece)
    assert made.is_open.result()
    made.connection_lost(None)


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 407 No\r\n\r\n", b"SSH-2.0-200 \r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nand more", b"HTTP/1.1 2" * 9000],
)
async def test_it_does_not_open_on_anything_else(said: bytes) -> None:
    made, _ = tunnel()
    made.data_received(said)
    assert not made.is_open.result()


async def test_it_does_not_open_when_the_proxy_hangs_up() -> None:
    made, _ = tunnel()
    made.connection_lost(None)
    assert not made.is_open.result()
