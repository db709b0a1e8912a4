"""Asking another server: within a deadline, by the same way as the upstream, without a redirect, in fixed words."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from credentials.outgoing import UnreachableError, Way, ask
from domain.errors import SetupError
from tests.certificates import identity

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_answer_comes_whole_with_what_matters() -> None:
    async def echo(request: web.BaseRequest) -> web.Response:
        said = await request.read()
        return web.Response(status=418, body=said + request.headers["x-a"].encode(), headers={"retry-after": "3"})

    async with serving(echo) as origin:
        reply = await ask(Way(), "POST", f"{origin}/x", {"x-a": "b"}, b"canary")
    assert (reply.status, reply.body, reply.retry_after) == (418, b"canaryb", "3")
    assert "canary" not in repr(reply)


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    paths = []

    async def send_on(request: web.BaseRequest) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"location": "/elsewhere"})

    async with serving(send_on) as origin:
        reply = await ask(Way(), "POST", f"{origin}/token", {}, b"secret")
    assert (reply.status, paths) == (307, ["/token"])


async def test_no_cookie_is_kept() -> None:
    cookies = []

    async def give(request: web.BaseRequest) -> web.Response:
        cookies.append(request.headers.get("cookie"))
        return web.Response(headers={"set-cookie": "a=b"})

    async with serving(give) as origin:
        for _ in range(2):
            await ask(Way(), "GET", origin, {})
    assert cookies == [None, None]


async def test_a_server_that_is_silent_is_left_after_the_deadline() -> None:
    may_end = asyncio.Event()

    async def silent(request: web.BaseRequest) -> web.Response:
        await may_end.wait()
        return web.Response()

    async def stalls(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await may_end.wait()
        return response

    for handler in (silent, stalls):
        async with serving(handler) as origin:
            with pytest.raises(UnreachableError, match=r"did not answer within 0\.2 s"):
                await ask(Way(timeout_s=0.2), "GET", origin, {})


async def test_a_giant_answer_is_cut_off() -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 10_000)
        return response

    async with serving(endless) as origin:
        with pytest.raises(UnreachableError, match="too large"):
            await ask(Way(), "GET", origin, {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "http://[::1]:9/"])
async def test_nobody_there_is_told_in_fixed_words(url: str) -> None:
    with pytest.raises(UnreachableError, match=r"^(the connection failed|its name is not resolved)$"):
        await ask(Way(timeout_s=5), "GET", url, {})


async def test_tls_is_checked_against_the_certificates_that_are_set(tmp_path: Path) -> None:
    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"hello")

    known = identity()
    async with serving(hello, known.server_context(tmp_path)) as origin:
        reply = await ask(Way(ca_file=known.write(tmp_path)), "GET", origin, {})
        assert reply.body == b"hello"
        with pytest.raises(UnreachableError, match="certificate is not trusted"):
            await ask(Way(), "GET", origin, {})


async def test_certificates_that_are_none_are_a_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SetupError, match="SSL_CERT_FILE"):
        await ask(Way(ca_file=tmp_path / "ca.pem"), "GET", "https://127.0.0.1:9/", {})


async def test_a_proxy_is_used_and_not_shown() -> None:
    asked = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(request.raw_path if isinstance(request, web.Request) else str(request.url))
        return web.Response(body=b"by proxy")

    async with serving(proxy) as origin:
        way = Way(proxy=origin)
        reply = await ask(way, "GET", "http://upstream.invalid/x", {})
    assert reply.body == b"by proxy"
    assert asked == ["http://upstream.invalid/x"]
    assert origin not in repr(way)


async def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"direct")

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving(hello) as origin:
        assert (await ask(Way(), "GET", origin, {})).body == b"direct"
    assert threading.active_count() < 50
