"""One name, all its addresses: the first that answers is taken, and names are not asked for again and again."""

import asyncio
import socket

import pytest

from gateway.destination import destination
from gateway.upstream import UpstreamError
from gateway.upstream_connection import UpstreamConnection
from gateway.upstream_dialling import Dialler
from tests.fake_upstream import fake_upstream, fixed

FAMILY, KIND = socket.AF_INET, socket.SOCK_STREAM


def connection() -> UpstreamConnection:
    return UpstreamConnection(60, lambda _: None, lambda _: None)


def name_leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> list[str]:
    """The names that were asked for."""
    asked = list[str]()

    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        await asyncio.sleep(0)
        return [(FAMILY, KIND, 6, "", address) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_an_address_that_refuses_does_not_hide_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_upstream(fixed(b"{}")) as fake:
        port = int(fake.url.rpartition(":")[2])
        asked = name_leads_to(monkeypatch, ("127.0.0.2", 1), ("127.0.0.1", port))
        dialler = Dialler(destination("http://localhost:1"), 10)
        made = await asyncio.gather(*(dialler.dial(connection) for _ in range(4)))
        assert all(one.is_open for one in made)
        assert asked == ["localhost"], "everybody shares one look-up"
        for one in made:
            one.abort()


async def test_one_name_that_resolves_to_nothing_good_says_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    name_leads_to(monkeypatch, ("127.0.0.2", 1), ("127.0.0.3", 1))
    with pytest.raises(UpstreamError) as failed:
        await Dialler(destination("http://localhost:1"), 10).dial(connection)
    assert failed.value.detail in {"connection refused", "connection lost"}
