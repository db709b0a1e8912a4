"""One searches for what was said, in the browser, on the command line and by the API; nothing of it runs."""

import json

import pytest
from playwright.async_api import expect

from tests.e2e.test_pages import SCRIPTS, Client, logged_in, worked
from tests.e2e.test_reading import STRINGS, linked
from tests.scripted_api import text
from tests.stack import Stack
from tests.standing import Standing, standing_with
from tests.waiting import until_true

pytestmark = pytest.mark.asyncio(loop_scope="module")
standing = standing_with(SCRIPTS)


async def until_found(running: Stack, words: str) -> None:
    async def is_found() -> bool:
        hits = (await running.api("/api/search", q=words))["items"]
        return any(hit["conversation_id"] for hit in hits)

    await until_true(is_found, f"{words!r} to be found")


async def test_one_finds_what_was_said_and_reads_on_from_there(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "33333333-0000-4000-8000-000000000001")
        await worked(client)
        await linked(running, client.ids[-1])
        await until_found(running, "that is all")
        page = watched.page
        await page.goto(f"{running.dashboard}/overview")
        await page.keyboard.press("/")
        await page.wait_for_url("**/search")
        await expect(page.get_by_text("Everything that was said can be found")).to_be_visible()
        await page.keyboard.press("/")
        await expect(page.get_by_label("Words that were said")).to_be_focused()
        await page.keyboard.type("that")
        hit = page.locator(".hit").first
        await expect(hit.locator("mark").first).to_have_text("That")
        await expect(page.get_by_label("Words that were said")).to_be_focused()  # who rests while typing goes on
        await page.keyboard.type(" is all")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/search?q=that+is+all")
        await expect(hit.locator("mark").nth(2)).to_have_text("all")
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await expect(page.locator(".hit-link").first).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".entry-chosen")).to_contain_text("That is all")
        await expect(page.locator(".entry-chosen")).to_be_in_viewport()
        await page.go_back()
        await expect(page.locator(".hit").first).to_be_visible()
        await page.get_by_label("Said in").select_option("tool_input")
        await expect(page.get_by_text("Nobody said that")).to_be_visible()
        await page.get_by_role("link", name="Without filters").click()
        await expect(page.locator(".hit").first).to_be_visible()
        await page.goto(f"{running.dashboard}/search?q=-x")
        await expect(page.get_by_role("alert")).to_contain_text("Name a word")
        said = json.loads(await running.command("search", "that", "is", "all", "--json"))
        assert [hit["request_id"] for hit in said["items"]][:1] == [client.ids[-1]]
        assert "That is all" in await running.command("search", '"that is all"')
        assert watched.errors == []
        assert watched.outside == []


@pytest.mark.bar(62)
async def test_nothing_that_is_found_runs(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "44444444-0000-4000-8000-000000000001")
        answer = await client.ask(*(text(f"@@attack needle {one}") for one in STRINGS))
        await client.ask(client.result(answer[-1], "needle\n" + "\n".join(STRINGS)), text("@@attack Again"))
        await until_found(running, "needle")
        page = watched.page
        dialogs = list[str]()
        page.context.on("dialog", lambda dialog: dialogs.append(dialog.message))
        shown = 0
        for order in ("best", "newest"):
            await page.goto(f"{running.dashboard}/search?q=needle&order={order}")
            await expect(page.locator(".hit mark").first).to_be_visible()
            while True:
                shown += await page.locator(".hit").count()
                assert await page.locator(".hits :is(script, iframe, svg, math, img, [onerror], [onload])").count() == 0
                older = page.locator("a[rel=next][href]")
                if not await older.count():
                    break
                first = await page.locator(".hit").first.get_attribute("data-key")
                await older.click()
                await expect(page.locator(".hit").first).not_to_have_attribute("data-key", first or "")
        assert shown > len(STRINGS)
        assert await page.evaluate("window.hit") is None
        assert dialogs == []
        assert watched.outside == []
