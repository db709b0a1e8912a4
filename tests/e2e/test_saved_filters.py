"""Somebody names what he looks at and finds it again: by keyboard, in another tab, in any browser; nobody else does."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.axe import barriers
from tests.e2e.test_pages import logged_in
from tests.e2e.test_people import MINE, SCRIPTS, added, by_link, say
from tests.scripted_api import scripted_api
from tests.stack import Stack, stack

NAME = "<img src=x onerror=alert(1)> & \"mine\" '☂'"
PATH = "/requests?class=main"
"""What the first one is of."""
SENT = "**/filters"
"""What the form sends."""
MENU, FORM = ".saved-menu > summary", ".saved-new > summary"

pytestmark = pytest.mark.browser


async def opened(page: Page, url: str) -> None:
    await page.goto(url)
    await expect(page.locator("html")).to_have_attribute("data-live", "live")


async def test_a_view_is_named_and_found_again(browser: Browser, tmp_path: Path, axe: str) -> None:
    async with scripted_api(SCRIPTS) as api, stack(tmp_path, api.url) as running:
        await say(running, MINE)
        await running.requests(1)
        ada = await added(running, "ada", "reader", "--accounts", MINE)
        async with by_link(browser, ada["link"]) as page, logged_in(browser, running) as owners:
            other_tab = await page.context.new_page()
            await opened(other_tab, f"{running.dashboard}/search")
            await page.route(SENT, lambda route: route.abort(), times=1)  # before it loads
            await opened(page, running.dashboard + PATH)
            await is_saved(page)
            await expect(other_tab.locator(MENU)).to_contain_text("1")  # without a word from its reader
            await is_found(other_tab, running, axe)
            await opened(owners.page, running.dashboard + PATH)
            await expect(owners.page.locator(FORM)).to_be_visible()
            await expect(owners.page.locator(MENU)).not_to_contain_text("1")
            await is_removed(page)
            await expect(other_tab.locator(FORM)).to_be_visible()
            assert (await running.api("/api/filters"))["items"] == []
            assert (owners.errors, owners.outside) == ([], [])


async def is_saved(page: Page) -> None:
    """By keyboard alone; what was typed outlasts a change of mind and a dashboard that does not answer."""
    await page.locator(FORM).focus()
    await page.keyboard.press("Enter")
    box = page.locator(".saved-new [name=name]")
    await expect(box).to_be_focused()
    await page.keyboard.type(NAME)
    await page.keyboard.press("Escape")
    await expect(page.locator(FORM)).to_be_focused()
    await expect(box).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(box).to_be_focused()
    await expect(box).to_have_value(NAME)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("does not answer")
    await expect(box).to_have_value(NAME)
    await page.keyboard.press("Enter")
    await expect(page.locator(FORM)).to_have_count(0)
    await expect(page.locator(MENU)).to_be_focused()
    await expect(page.locator("#toasts")).to_contain_text(NAME)


async def is_found(page: Page, running: Stack, axe: str) -> None:
    """From another page, where it is in force then; its name is text, whatever it says."""
    await page.locator(MENU).focus()
    await page.keyboard.press("Enter")
    link = page.locator(".saved-menu").get_by_role("link", name=NAME, exact=True)
    await expect(link).to_be_visible()
    assert await page.locator(".saved img").count() == 0
    await link.click()
    await page.wait_for_url(running.dashboard + PATH)
    await expect(page.locator("html")).to_have_attribute("data-live", "live")
    await page.locator(MENU).click()
    await expect(link).to_have_attribute("aria-current", "true")
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert [str(one) for one in await barriers(page, axe)] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    answer = await page.request.get(f"{running.dashboard}/api/filters")
    assert [(one["name"], one["url"]) for one in json.loads(await answer.text())["items"]] == [(NAME, PATH)]
    await page.keyboard.press("Escape")
    await expect(link).to_be_hidden()


async def is_removed(page: Page) -> None:
    """After a second thought: × asks, Escape keeps it."""
    await page.locator(MENU).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".saved-remove > summary")).to_be_visible()
    question = page.get_by_role("button", name=f"Remove {NAME}")
    for key, shown in (("Enter", True), ("Escape", False), ("Enter", True)):
        if key == "Enter":
            await page.locator(".saved-remove > summary").focus()
        await page.keyboard.press(key)
        await expect(question).to_be_visible(visible=shown)
    await expect(question).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(FORM)).to_be_visible()
    await expect(page.locator(MENU)).to_be_focused()
