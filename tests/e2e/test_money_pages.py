"""Usage, limits and insights in a real browser: a brush that tables follow, files that can be opened, deep links."""

import asyncio
import csv

import pytest
from aiohttp import ClientSession
from playwright.async_api import expect

from tests.browser import WAIT_MS
from tests.e2e.test_pages import SCRIPTS, Client, logged_in, worked
from tests.stack import Stack
from tests.standing import Standing, standing_with

PNG = b"\x89PNG\r\n\x1a\n"

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
standing = standing_with(SCRIPTS)


async def used(running: Stack, session: ClientSession) -> None:
    """Five requests, the same ones for all tests of this file."""
    running.before = 0
    if not (await running.api("/api/requests"))["items"]:
        await worked(Client(running.gateway, session, "66666666-0000-4000-8000-000000000001"))
    await running.requests(5)


async def test_limits_and_insights_live_in_both_themes(standing: Standing) -> None:
    """The first test of this file: nobody has been here yet."""
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        page = watched.page
        await page.goto(f"{running.dashboard}/limits")
        await expect(page.locator('[data-state="empty"]')).to_be_visible()
        await used(running, session)
        await expect(page.locator("[data-account]").first).to_be_visible()
        light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        while await page.locator("html").get_attribute("data-theme") != "dark":
            await page.keyboard.press("t")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        await page.goto(f"{running.dashboard}/insights?range=30d&group_by=model")
        await expect(page.get_by_role("heading", name="Streams")).to_be_visible()
        await expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
        await page.get_by_role("link", name="1 day").click()
        await page.wait_for_url("**range=1d**")
        assert (watched.errors, watched.outside) == ([], [])


async def test_usage_follows_choices_and_brush_and_the_way_back(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        await used(running, session)
        page = watched.page
        await page.keyboard.press("g")
        await page.keyboard.press("u")
        await page.wait_for_url("**/usage?tz=**")
        await expect(page.locator("#usage-table tbody tr")).to_have_count(1)
        await expect(page.locator("tfoot")).to_contain_text("5")

        await page.get_by_role("link", name="Class", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#usage-table tbody tr")).to_have_count(2)
        await page.get_by_role("link", name="sub-agent").click()
        await expect(page.locator(".crumb")).to_contain_text("subagent")
        await page.go_back()
        await expect(page.locator("#usage-table tbody tr")).to_have_count(2)

        figure = page.locator(".usage-chart .figure")
        await expect(figure.locator("canvas").first).to_be_visible()
        box = await figure.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + 150, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 300, middle, steps=8)
        await page.mouse.up()
        await page.wait_for_url("**from=**", timeout=WAIT_MS)
        await expect(page.locator('[data-state="no-match"]')).to_be_visible()
        await page.go_back()
        await expect(page.locator("#usage-table tbody tr")).to_have_count(2)
        assert (watched.errors, watched.outside) == ([], [])


async def test_a_deep_link_shows_the_same_and_files_can_be_opened(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        await used(running, session)
        page = watched.page
        await page.goto(f"{running.dashboard}/usage?range=today&tz=UTC&by=class&measure=requests&ttl=1h")
        await expect(page.locator("#usage-table tbody tr")).to_have_count(2)
        await expect(page.get_by_text("all cache writes live for 1h")).to_be_visible()
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="CSV").click()
        text = await asyncio.to_thread((await (await coming.value).path()).read_text)
        table = list(csv.DictReader(text.splitlines()))
        assert [(row["Class"], row["Requests"]) for row in table] == [("main", "4"), ("sub-agent", "1"), ("total", "5")]
        found = await running.api("/api/usage", group_by="class")
        assert {row["Output"] for row in table[:2]} == {str(one["tokens"]["output"]) for one in found["items"]}
        await expect(page.locator(".usage-chart canvas").first).to_be_visible()
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="PNG").click()
        assert (await asyncio.to_thread((await (await coming.value).path()).read_bytes)).startswith(PNG)
        assert (watched.errors, watched.outside) == ([], [])
