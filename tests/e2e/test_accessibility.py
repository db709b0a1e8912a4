"""Nobody is kept out: axe-core finds no barrier on any page, light and dark, and every page fits 1280 points.

On the whole way the content security policy has nothing to stop.

There is no table of exceptions: Bokeh's canvases have words beside them, and everything else is ours to mend.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, Page, expect

from dashboard.markup import render
from dashboard.own_pages import OwnPages
from tests.axe import barriers
from tests.browser import page_of
from tests.pictures import STORY, until_played
from tests.requirements import scaled
from tests.stack import Stack, ended, environment, stack, start
from tests.waiting import until_true

NOBODY = "http://127.0.0.1:9"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
SECTIONS = ("messages", "usage", "stream", "raw", "response", "headers", "events")[: scaled(4, 7)]
FIGURE = ".figure canvas"
UNFOLD = "document.querySelectorAll('details:not(.legend)').forEach((one) => { one.open = true; })"
"""All but the legend, which would lie above the tree."""
PLANTED = """() => new Promise((stopped) => {
  document.addEventListener("securitypolicyviolation", stopped, { once: true });
  new Image().src = "http://127.0.0.2:9/planted.png";
}).then((violation) => violation.effectiveDirective)"""
COUNTED = re.compile(r'^nexus_csp_violations_total\{.*directive="([^"]+)".*\} (\S+)$', re.MULTILINE)
PUT_INTO_LIST = "(html) => { document.querySelector('[data-region=list]').innerHTML = html; }"

pytestmark = pytest.mark.browser


def places(ids: Mapping[str, str]) -> dict[str, str]:
    """Every page, tab and state that an address leads to, and what shows that it is there; nightly also those that show
    the same elements as others."""
    conversation, request, failed = (f"/{ids[name]}" for name in ("conversation", "request", "failed"))
    alike = {
        "/conversations?title=bundle": "[data-conversation-id]",
        f"/conversations{conversation}?as_of=1000": "[data-as-of]",
        f"/requests/{UNKNOWN}": "[data-state=missing]",
        "/requests?model=nothing": "[data-state=no-match]",
        f"/compare?a={ids['request']}": "[data-choice]",
        f"/compare?a={UNKNOWN}&b={ids['request']}": "[data-state=missing]",
        "/search": "[data-state=begin]",
        "/usage?model=nothing": "[data-state=no-match]",
    }
    return (alike if scaled(0, 1) else {}) | {
        "/overview": ".tiles",
        "/conversations": "[data-conversation-id]",
        f"/conversations{conversation}": FIGURE,
        f"/conversations{conversation}?request={ids['request']}": ".exchange",
        f"/conversations{conversation}?tab=read": ".read-text .entry",
        f"/conversations{conversation}?tab=read&q=bundle": ".read-hits mark",
        f"/conversations/{UNKNOWN}": "[data-state=missing]",
        "/requests": "[data-request-id]",
        "/requests?status=none": "[data-state=refused]",
        **{f"/requests{request}?tab={section}": titled(section) for section in SECTIONS},
        **{
            f"/requests{failed}?tab={section}": titled(section)
            for section in ("messages", "usage", "stream")[: scaled(1, 3)]
        },
        "/compare": "[data-choice]",
        f"/compare?a={ids['failed']}&b={ids['request']}&of=requests": "[data-difference]",
        f"/compare?a={ids['conversation']}&b={ids['other']}": "[data-difference]",
        f"/compare?a={ids['compaction']}": "[data-replaced]",
        "/search?q=bundle": ".hit",
        "/search?q=zyzzyva": "[data-state=no-match]",
        "/usage": FIGURE,
        "/limits": FIGURE,
        "/insights": ".list-streams",
        "/nowhere": "h1:text-is('There is nothing here')",
        "/logout": "h1:text-is('Log out')",
    }


def titled(section: str) -> str:
    return f"main:has(h2.sr:text-is('{section.capitalize()}'))"


EMPTY = {
    "/compare": "[data-state=choose]",
    "/overview": "[data-state=empty]",
    "/search": "[data-state=begin]",
    "/insights": "[data-state=empty-streams]",
    "/conversations": "[data-state=empty]",
    "/requests": "[data-state=empty]",
    "/usage": "[data-state=empty]",
    "/limits": "[data-state=empty]",
}
"""The last ones look like the overview; nightly."""


class Inspector:
    """Goes from page to page and notes what is wrong."""

    def __init__(self, page: Page, axe: str) -> None:
        self.page, self.axe = page, axe
        self.found = list[str]()
        self.themes: Iterator[Literal["light", "dark"]] = cycle(("light", "dark"))
        self.titles = dict[str, str]()

    async def visit(self, url: str, path: str, sign: str) -> None:
        await self.page.goto(url + path)
        await expect(self.page.locator(sign).first).to_be_visible()
        if await self.page.locator("#live").count():
            await expect(self.page.locator("html")).to_have_attribute("data-live", "live")
        self.titles[path.partition("?")[0]] = await self.page.title()
        await self.page.evaluate(UNFOLD)
        await self.look(path)

    async def look(self, what: str) -> None:
        """At what stands there now, in one theme after the other; nightly in both.

        What differs between them are colours, and ``tests/dashboard/test_theme.py`` measures them all.
        """
        for scheme in islice(self.themes, scaled(1, 2)):
            await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            await expect(self.page.locator(f"html:is([data-theme={scheme}], :not([data-theme]))")).to_be_attached()
            self.found += [f"{what}, {scheme}: {one}" for one in await barriers(self.page, self.axe)]
        if await self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.found.append(f"{what}: wider than the window")


@asynccontextmanager
async def inspecting(browser: Browser, running: Stack, axe: str) -> AsyncIterator[Inspector]:
    """From the login on, which is looked at before and after a wrong key."""
    async with page_of(browser, height=800) as page:
        inspector = Inspector(page, axe)
        await inspector.visit(running.dashboard, "/login", "#key")
        await page.get_by_label("Key").fill("not the key")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await inspector.look("/login, refused")
        await page.get_by_label("Key").fill(running.key)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/overview")
        yield inspector


async def ids_of(running: Stack) -> dict[str, str]:
    """Of a conversation with all that may be in one, a request of it, and one that failed."""
    listed: list[Any] = (await running.api("/api/conversations", limit="100"))["items"]
    conversation = next(one["conversation_id"] for one in listed if one["title"].startswith(STORY))
    members: list[Any] = (await running.api("/api/requests", conversation=conversation))["items"]
    every: list[Any] = (await running.api("/api/requests", limit="500"))["items"]
    return {
        "conversation": conversation,
        "request": next(one["request_id"] for one in members if one["status"] == 200 and not one["error_type"]),
        "other": next(one["conversation_id"] for one in listed if one["branches"] > 1),
        "compaction": next(one["request_id"] for one in every if one["class"] == "compaction"),
        "failed": next(one["request_id"] for one in every if (one["status"] or 0) >= 400),
    }


async def look_at_states(inspector: Inspector, running: Stack) -> None:
    """At what does not stay long enough to be visited: the help, a page that loads, one without its store or worker."""
    page = inspector.page
    await inspector.visit(running.dashboard, "/requests", "[data-request-id]")
    await page.keyboard.press("?")
    await inspector.look("the help")
    await page.keyboard.press("Escape")
    for condition in ("loading", "away", "slow")[: scaled(2, 3)]:
        await page.evaluate(PUT_INTO_LIST, str(render("page_state.html", condition=condition)))
        await inspector.look(condition)
    assert await page.evaluate(PLANTED) == "img-src"
    starting = OwnPages("1").notice("The pages are starting", "This takes a few seconds.", reload_s=600)
    await page.route("**/starting", lambda route: route.fulfill(body=starting, content_type="text/html"))
    await inspector.visit(running.dashboard, "/starting", "[data-reload-s]")


async def look_at_export(inspector: Inspector, running: Stack, conversation: str) -> None:
    status, body = await running.fetch(f"/api/conversations/{conversation}/export", format="html")
    assert status == 200
    await inspector.page.goto("about:blank")
    await inspector.page.set_content(body.decode())
    await inspector.look("an exported conversation")


async def stopped(running: Stack) -> dict[str, float]:
    """What browsers reported since the start, by directive: as soon as anything was."""
    counts = dict[str, float]()

    async def is_told() -> bool:
        async with ClientSession() as session, session.get(f"{running.gateway}/metrics") as answer:
            counts.update((name, float(count)) for name, count in COUNTED.findall(await answer.text()))
        return bool(counts)

    await until_true(is_told, "a report")
    return counts


@pytest.mark.bar(63)
async def test_no_page_keeps_anybody_out(tmp_path: Path, browser: Browser, axe: str) -> None:
    env = environment(tmp_path, NEXUS_GATEWAY_PORT="0", NEXUS_DASHBOARD_PORT="0")
    async with ended(await start(env, "demo", "--fast")) as running:
        await until_played(running)
        async with inspecting(browser, running, axe) as inspector:
            ids = await ids_of(running)
            for path, sign in places(ids).items():
                await inspector.visit(running.dashboard, path, sign)
            await look_at_states(inspector, running)
            await look_at_export(inspector, running, ids["conversation"])
            assert inspector.found == []
            assert await stopped(running) == {"img-src": 1}, "nothing but what was planted at the end"
            named = [title for path, title in inspector.titles.items() if UNKNOWN not in path]
            assert len(set(named)) == len(named), "each page has a title of its own"
            assert all(title.endswith("Nexus") for title in named)


async def test_neither_does_an_empty_one(tmp_path: Path, browser: Browser, axe: str) -> None:
    async with stack(tmp_path, NOBODY) as running, inspecting(browser, running, axe) as inspector:
        for path, sign in islice(EMPTY.items(), scaled(4, len(EMPTY))):
            await inspector.visit(running.dashboard, path, sign)
        assert inspector.found == []
