"""Somebody who has logged in and looks at pages, without a browser: a document, its socket, a reader's first words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from tests.panel_client import BrowserTab, Page
from tests.running_front import Browser
from tests.stack import Stack
from tests.waiting import until_true


@asynccontextmanager
async def logged_in(running: Stack) -> AsyncIterator[Browser]:
    """A session of the front, as soon as it has pages."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        browser = Browser(session, int(running.dashboard.rpartition(":")[2]))
        assert (await browser.log_in(key=running.key)).status == 303

        async def is_up() -> bool:
            return (await browser.ask("/overview")).status == 200

        await until_true(is_up, "pages")
        yield browser


@asynccontextmanager
async def looking(browser: Browser, path: str) -> AsyncIterator[BrowserTab]:
    """A page that lives and follows until it is left."""
    served = await browser.ask(path)
    assert served.status == 200
    page = Page(200, {}, served.text)
    headers = {"Host": browser.host, "Origin": browser.origin}
    url = f"ws://127.0.0.1:{browser.port}{path}/ws"
    async with browser.session.ws_connect(url, protocols=("bokeh", page.token), headers=headers, max_msg_size=0) as ws:
        tab = BrowserTab(page, ws)
        await tab.load()
        await tab.say({"kind": "ready", "search": "", "visible": True})
        await tab.heard("status")
        yield tab


@asynccontextmanager
async def audience(browser: Browser, paths: list[str]) -> AsyncIterator[None]:
    """One viewer for each path; what their pages are told is taken as it comes."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        listening = [
            tasks.create_task(_listen(await stack.enter_async_context(looking(browser, path)))) for path in paths
        ]
        yield
        for task in listening:
            task.cancel()


async def _listen(tab: BrowserTab) -> None:
    async for _ in tab.socket:
        pass
