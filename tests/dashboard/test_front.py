"""The front's life: it refuses to start insecurely, says where it is, keeps the worker, and leaves in good order."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dashboard.front import Behind, serve
from domain.errors import SetupError
from tests.read_rows import START
from tests.running_front import KEY, CannedStore, RunningFront, config_for_test, running_front
from tests.waiting import until, until_true

MASKED_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"
"""A WebSocket's answer to a close: code 1000, masked with zeros."""


async def start(config: Any) -> None:
    """Returns when it does, or fails as it does."""
    stop = asyncio.Event()
    async with asyncio.timeout(10):
        behind = Behind(CannedStore())
        await serve(config, behind, clock=lambda: START, stop=stop, abort=stop, ready=lambda *_: stop.set())


@pytest.mark.parametrize(("hosts", "key"), [(("0.0.0.0",), ""), (("0.0.0.0",), "short"), (("127.0.0.1", "::"), "")])
@pytest.mark.bar(66)
async def test_an_insecure_start_is_refused(tmp_path: Path, hosts: tuple[str, ...], key: str) -> None:
    with pytest.raises(SetupError, match="DASHBOARD_API_KEY"):
        await start(config_for_test(tmp_path, hosts=hosts, api_key=key))


async def test_a_wrong_public_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="give it as"):
        await start(config_for_test(tmp_path, public_urls=("nexus.example",)))


async def test_a_busy_port_is_said_with_its_mend(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError, match="NEXUS_DASHBOARD_PORT"):
        await start(config_for_test(tmp_path, port=taken.getsockname()[1]))


async def test_it_starts_and_stops(tmp_path: Path) -> None:
    await start(config_for_test(tmp_path))


async def test_it_says_where_it_is_and_the_link() -> None:
    async with running_front(hosts=("127.0.0.1", "::1")) as front:
        assert [host for host, _ in front.places] == ["127.0.0.1", "::1"]
        assert len({port for _, port in front.places}) == 1
        assert front.link.startswith("/login?token=")
        assert len(front.link) > len("/login?token=") + 40
        async with aiohttp.ClientSession() as client, client.get(f"http://[::1]:{front.port}/health") as answer:
            assert answer.status == 200


async def test_two_fronts_have_two_links() -> None:
    async with running_front() as one, running_front() as other:
        assert one.link != other.link


async def test_without_a_worker_the_page_says_that_it_starts_and_the_api_goes_on() -> None:
    async with running_front(worker=False) as front, front.logged_in() as browser:
        page = await browser.ask("/requests", headers={"Accept": "text/html"})
        assert page.status == 503
        assert "data-reload-s" in page.text
        assert page.headers["Retry-After"] == "1"
        assert (await browser.ask("/api/requests")).status == 200
        assert (await browser.ask("/static/app.js")).status == 503
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await browser.socket()
        assert caught.value.status == 503


WORKER = """
import asyncio, sys
from aiohttp import web
async def page(request):
    return web.Response(text="made by a child")
async def main():
    app = web.Application()
    app.router.add_get("/{rest:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, sys.argv[1]).start()
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


async def test_it_runs_the_worker_as_its_child(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    path = tmp_path / "s"
    command = (sys.executable, str(script), str(path))
    running = running_front(worker=False, worker_socket=path, worker_command=command)
    async with running as front, front.logged_in() as browser:

        async def made_by_the_child() -> bool:
            return (await browser.ask("/requests")).body == b"made by a child"

        await until_true(made_by_the_child, "the child to listen")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_unix_connection(str(path))


async def test_an_answer_that_is_open_at_the_stop_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_front() as front, front.browser() as browser:
        asked, go_on = asyncio.Event(), asyncio.Event()
        listing = front.store.requests

        async def slowly(*args: Any, **how: Any) -> Any:
            asked.set()
            await go_on.wait()
            return await listing(*args, **how)

        monkeypatch.setattr(front.store, "requests", slowly)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(browser.ask("/api/requests", headers={"X-Nexus-Key": KEY}))
            await asked.wait()
            front.stop.set()
            await until(lambda: not is_listening(front))
            go_on.set()
        assert asking.result().status == 200


async def test_an_abort_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_front(drain_s=60.0) as front, front.browser() as browser:
        asked = asyncio.Event()

        async def never(*_: Any, **__: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(front.store, "requests", never)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(browser.ask("/api/requests", headers={"X-Nexus-Key": KEY}))
            await asked.wait()
            front.stop.set()
            front.abort.set()
            await until(lambda: not is_listening(front))
            asking.cancel()


async def test_the_stop_closes_what_is_open() -> None:
    async with running_front() as front, front.logged_in() as browser, browser.socket() as opened:
        front.stop.set()
        async with asyncio.timeout(5):
            assert (await opened.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_the_stop_hears_the_answers_of_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page that is open would otherwise hold it up for as long as an answer may take."""
    monkeypatch.setattr("dashboard.sockets.CLOSE_S", 3_600.0)
    async with (
        asyncio.timeout(20),
        running_front(drain_s=3_600.0) as front,
        front.logged_in() as browser,
        browser.silent_socket() as opened,
    ):
        line = opened.get_extra_info("socket").dup()
        front.stop.set()
        assert (await opened.receive()).type is aiohttp.WSMsgType.CLOSE
        await until(lambda: not is_listening(front))
        await asyncio.get_running_loop().sock_sendall(line, MASKED_CLOSE)  # and wait, as browsers do
        assert await asyncio.get_running_loop().sock_recv(line, 1) == b""
        line.close()


async def test_a_session_that_is_not_used_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.front._SWEEP_S", 0.01)
    async with running_front(session_idle_s=0.1) as front, front.logged_in() as browser:
        async with browser.socket() as opened, asyncio.timeout(5):
            message = await opened.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        assert (await browser.ask("/")).status == 302


def is_listening(front: RunningFront) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", front.port)) == 0
