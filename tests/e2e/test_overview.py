"""The first page in a real browser: it begins empty, tells of each request as it comes, and leads on."""

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.e2e.test_pages import Client, logged_in, served, shown
from tests.scripted_api import text


async def test_the_overview_begins_empty_lives_and_leads_on(tmp_path: Path, browser: Browser) -> None:
    async with served(tmp_path) as (running, _, session), logged_in(browser, running) as watched:
        page = watched.page
        await page.goto(running.dashboard)
        await page.wait_for_url("**/overview")
        await shown(page, "ANTHROPIC_BASE_URL")
        client = Client(running.gateway, session, "11111111-0000-4000-8000-000000000001")
        await client.ask(text("Is anybody there?"))
        tiles = page.locator(".tiles dd b")
        await expect(tiles.nth(1)).to_have_text("1")
        await client.ask(text("And now?"))
        await expect(tiles.nth(1)).to_have_text("2")
        await expect(page.get_by_label("Now", exact=True).locator("li")).to_have_count(2)
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await page.wait_for_url("**/conversations")
        await page.keyboard.press("g")
        await page.keyboard.press("o")
        await page.wait_for_url("**/overview")
        await page.locator(f'a[href="/requests/{client.ids[0]}"]').first.click()
        await page.wait_for_url(f"**/requests/{client.ids[0]}")
        assert (watched.errors, watched.outside) == ([], [])
