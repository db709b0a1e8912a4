"""WebSockets pass through both ways, for a page of ours with a session, and no longer than that."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import WSMsgType

from dashboard.sockets import MOST_SAID_BYTES
from tests.dashboard.test_server import is_secured
from tests.running_front import Answer, Browser, RunningFront, running_front


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.logged_in() as browser:
        yield browser


async def refused(browser: Browser, path: str = "/requests/ws", **headers: str) -> int:
    return (await refusal(browser, path, **headers)).status


async def refusal(browser: Browser, path: str = "/requests/ws", **headers: str) -> Answer:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await browser.socket(path, **headers)
    return Answer(caught.value.status, caught.value.headers, b"")


async def test_messages_go_both_ways_in_order(browser: Browser) -> None:
    async with browser.socket() as socket:
        for n in range(50):
            await socket.send_str(f"text {n} ü")
            await socket.send_bytes(bytes([n]) * n)
        for n in range(50):
            assert (await socket.receive()).data == f"echo text {n} ü"
            assert (await socket.receive()).data == bytes([n]) * n


async def test_what_a_page_is_told_may_be_of_any_size(browser: Browser) -> None:
    async with browser.socket() as socket:
        await socket.send_str(f"large {4096 * 24}")
        async with asyncio.timeout(20):
            assert (await socket.receive()).data == bytes(range(256)) * 4096 * 24


@pytest.mark.bar(70)
async def test_what_a_browser_says_has_a_bound(front: RunningFront, browser: Browser) -> None:
    """Nobody's words go on for ever into the front's memory; who says more is cut off."""
    async with browser.socket() as socket, asyncio.timeout(20):
        await socket.send_bytes(bytes(MOST_SAID_BYTES - 1))
        assert len((await socket.receive()).data) == MOST_SAID_BYTES - 1
        with suppress(ConnectionError):
            await socket.send_bytes(bytes(MOST_SAID_BYTES + 1))
        assert (await socket.receive()).type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}
        await front.worker.closed.wait()


async def test_the_protocol_is_offered_and_chosen(front: RunningFront, browser: Browser) -> None:
    async with browser.socket() as socket:
        assert socket.protocol == "bokeh"
    offered = front.worker.requests[-1].headers["Sec-WebSocket-Protocol"]
    assert [word.strip() for word in offered.split(",")] == ["bokeh", "token"]


async def test_the_worker_learns_where_the_page_is_and_nothing_more(front: RunningFront, browser: Browser) -> None:
    async with browser.socket("/requests/ws?x=%20"):
        got = front.worker.requests[-1]
    assert (got.headers["Host"], got.headers["Origin"]) == (browser.host, browser.origin)
    assert got.raw_path == "/requests/ws?x=%20"
    assert "Cookie" not in got.headers


OUR_HOSTS = ("localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}", "localhost", "127.0.0.2:80")
ORIGINS = (
    *(f"{scheme}://{host}" for scheme in ("http", "https") for host in OUR_HOSTS),
    "",
    "null",
    "file://",
    "http://evil.example",
    "http://evil.example:{port}",
    "http://localhost:1{port}",
    "http://localhost:{port}1",
    "http://localhost:3000",
    "http://localhost:{port}/",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://evil-localhost:{port}",
    "http://user@localhost:{port}",
    "http://localhost:{port}@evil.example",
    "http://localhost:{port}, http://evil.example",
    "http://evil.example http://localhost:{port}",
    "ws://localhost:{port}",
    "localhost:{port}",
    "//localhost:{port}",
    "http://127.0.0.1.evil.example:{port}",
    "http://127.0.1:{port}",
    "http://2130706433:{port}",
    "http://[::ffff:127.0.0.1]:{port}",
)


@pytest.mark.bar(65)
async def test_of_all_origins_on_all_hosts_only_the_same_opens(front: RunningFront) -> None:
    """The whole table, to the letter: what a browser has in its address bar is what it may ask."""
    answers = dict[tuple[str, str], int]()
    for host in (one.format(port=front.port) for one in OUR_HOSTS):
        async with front.browser() as browser:
            form = await browser.ask("/login", headers={"Host": host})
            word = re.search(r'name="csrf" value="([^"]+)"', form.text)
            assert word
            fields = {"csrf": word[1], "key": front.config.api_key}
            assert (await browser.ask("/login", "POST", headers={"Host": host}, data=fields)).status == 303
            for origin in (one.format(port=front.port) for one in ORIGINS):
                try:
                    async with browser.socket(Host=host, Origin=origin):
                        answers[host, origin] = 101
                except aiohttp.WSServerHandshakeError as refusal:
                    answers[host, origin] = refusal.status
    hosts, origins = ([one.format(port=front.port) for one in some] for some in (OUR_HOSTS, ORIGINS))
    assert set(answers.values()) == {101, 403}
    same = {(host, one) for host in hosts for one in origins if one.lower() == f"http://{host.lower()}"}
    assert {one for one, status in answers.items() if status == 101} == same
    assert len(same) == 8, "each host by its own name, and localhost in both writings"
    assert len(front.worker.requests) == len(same)


@pytest.mark.bar(65)
async def test_without_an_origin_nobody_comes_in(front: RunningFront, browser: Browser) -> None:
    url = f"ws://127.0.0.1:{front.port}/requests/ws"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await browser.session.ws_connect(url, headers={"Host": browser.host})
    assert caught.value.status == 403


@pytest.mark.bar(65)
async def test_a_name_that_is_not_ours_is_refused(front: RunningFront, browser: Browser) -> None:
    """Also when it was given our address: page and socket are then of one origin."""
    for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "[::2]"):
        host = f"{name}:{front.port}"
        assert await refused(browser, Host=host, Origin=f"http://{host}") == 421
        for path in ("/", "/login", "/health", "/api/requests", "/assets/app.css"):
            assert (await browser.ask(path, headers={"Host": host})).status == 421, (name, path)
    assert front.worker.requests == []


async def test_without_a_session_nobody_comes_in(front: RunningFront) -> None:
    async with front.browser() as stranger:
        assert await refused(stranger) == 401
        assert await refused(stranger, **{"X-Nexus-Key": front.config.api_key}) == 401
    assert front.worker.requests == []


@pytest.mark.bar(63)
async def test_a_refusal_has_the_headers_too(front: RunningFront, browser: Browser) -> None:
    """Of the front, whatever its reason, and of the worker."""
    async with front.browser() as stranger:
        assert is_secured(await refusal(stranger))
    for headers in ({"Origin": "null"}, {"Host": "evil.example"}):
        assert is_secured(await refusal(browser, **headers)), headers
    assert is_secured(await refusal(browser, "/requests/ws?refuse=1"))


async def test_what_the_worker_refuses_is_refused(browser: Browser) -> None:
    assert await refused(browser, "/requests/ws?refuse=1") == 403


async def test_a_logout_ends_what_the_session_has_open_and_nothing_else(front: RunningFront, browser: Browser) -> None:
    async with front.logged_in() as other, other.socket() as unconcerned:
        async with browser.socket() as one, browser.socket("/other/ws") as two:
            await browser.ask("/logout", "POST", data=await browser.form("/logout"))
            async with asyncio.timeout(5):
                for socket in (one, two):
                    message = await socket.receive()
                    assert (message.type, message.data) == (WSMsgType.CLOSE, 1008)
        await unconcerned.send_str("still here")
        assert (await unconcerned.receive()).data == "echo still here"


async def test_a_browser_that_does_not_read_is_cut_off_at_the_logout(front: RunningFront, browser: Browser) -> None:
    async with browser.socket() as socket:
        await socket.send_str("large 120000")
        await browser.ask("/logout", "POST", data=await browser.form("/logout"))
        async with asyncio.timeout(5):
            await front.worker.closed.wait()


async def test_the_workers_close_is_the_browsers(browser: Browser) -> None:
    async with browser.socket() as socket:
        await socket.send_str("close")
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4003)


async def test_the_browsers_close_is_the_workers(front: RunningFront, browser: Browser) -> None:
    async with browser.socket():
        pass
    async with asyncio.timeout(5):
        await front.worker.closed.wait()


async def test_a_browser_that_vanishes_is_let_go(front: RunningFront) -> None:
    async with front.logged_in() as browser:
        socket = await browser.socket()
        connection = socket._response.connection
        assert connection is not None
        connection.transport.abort()
        async with asyncio.timeout(5):
            await front.worker.closed.wait()


async def test_a_worker_that_vanishes_is_told_to_the_browser(front: RunningFront, browser: Browser) -> None:
    async with browser.socket() as socket:
        await socket.send_str("x")
        await socket.receive()
        transport = front.worker.requests[-1].transport
        assert transport is not None
        transport.close()
        async with asyncio.timeout(5):
            assert (await socket.receive()).data == 1001


async def test_what_is_said_over_it_keeps_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.front._SWEEP_S", 0.01)
    async with running_front(session_idle_s=0.5) as front, front.logged_in() as browser, browser.socket() as socket:
        loop = asyncio.get_running_loop()
        ends = loop.time() + 1.2
        while loop.time() < ends:
            await socket.send_str("x")
            assert (await socket.receive()).type is WSMsgType.TEXT
        assert (await browser.ask("/")).status == 200
