"""The five questions of the user's guide are answered as it says, each in under five clicks."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser import WAIT_MS, page_of
from tests.pictures import STORY, until_played
from tests.stack import Stack, ended, environment, start

MOST_CLICKS = 4

pytestmark = pytest.mark.browser


class Reader:
    """Counts clicks."""

    def __init__(self, page: Page, running: Stack) -> None:
        self.page, self.running, self.clicks = page, running, 0

    async def click(self, wanted: Locator) -> None:
        await wanted.click(timeout=WAIT_MS)
        self.clicks += 1

    async def choose(self, box: str, value: str) -> None:
        await self.page.get_by_label(box).select_option(value, timeout=WAIT_MS)
        self.clicks += 1

    async def go(self, name: str) -> None:
        await self.click(self.page.get_by_label("Pages").get_by_role("link", name=name))
        await expect(self.page.locator("html")).to_have_attribute("data-live", "live")


async def which_sub_agent_cost_most(reader: Reader) -> None:
    """The demo is of today; yesterday has none."""
    await reader.go("Usage")
    await reader.click(reader.page.get_by_role("link", name="Yesterday"))
    await expect(reader.page.get_by_role("link", name="Yesterday")).to_have_attribute("aria-current", "true")
    reader.clicks -= 1
    await reader.click(reader.page.get_by_role("link", name="7 days", exact=True))
    called = reader.page.get_by_label("Sub-agents", exact=True).locator("tbody tr:has(.chip)")
    await expect(called.first).to_be_visible()
    costs = [
        float(re.findall(r"[\d.]+", each)[0]) for each in await called.locator("td:nth-child(3)").all_inner_texts()
    ]
    await reader.click(called.nth(costs.index(max(costs))).locator("a"))
    await expect(reader.page.locator("[data-selected-request-id]")).to_contain_text("sub-agent")


async def why_did_it_fork(reader: Reader) -> None:
    await reader.go("Conversations")
    forked = reader.page.locator("tr[data-conversation-id]").filter(
        has=reader.page.locator("td.num:nth-child(5):not(:has(.zero))")
    )
    await reader.click(forked.first.locator("a.row-link"))
    fork = reader.page.locator("[role=treeitem]:has(.edge-branches), [role=treeitem]:has(.edge-forks)").first
    await reader.click(fork)
    said = reader.page.locator("[data-selected-request-id]")
    await expect(said).to_contain_text("Why is this linked?")
    await expect(said.locator(".evidence, dl, p").first).to_be_visible()


async def what_did_the_model_say(reader: Reader) -> None:
    await reader.page.keyboard.press("/")
    await reader.page.wait_for_url("**/search")
    await expect(reader.page.locator("html")).to_have_attribute("data-live", "live")
    await reader.page.keyboard.press("/")
    await reader.page.keyboard.type("moment")
    await reader.page.keyboard.press("Enter")
    await reader.choose("Said in", "answer")
    await expect(reader.page.locator(".hit .chip").first).to_contain_text("Answer")
    await reader.click(reader.page.locator(".hit-link").first)
    await expect(reader.page.locator(".entry-chosen")).to_contain_text("moment")


async def which_were_abandoned(reader: Reader) -> None:
    await reader.go("Requests")
    await reader.choose("Outcome", "client")
    await expect(reader.page.get_by_text("stopped by the client").first).to_be_visible()


async def what_changed_between_two_runs(reader: Reader) -> None:
    """Any two: the story and the oldest conversation that is offered beside it."""
    await reader.go("Conversations")
    await reader.click(reader.page.locator("tr[data-conversation-id]").filter(has_text=STORY).locator("a.row-link"))
    await reader.click(reader.page.get_by_label("Views of the conversation").get_by_role("link", name="Compare"))
    offered = reader.page.locator("section:has(#choices-title) h3:text('Other conversations') + ul a")
    await reader.click(offered.last)
    await expect(reader.page.locator("[data-verdict=branches]")).to_contain_text("They share no")
    await expect(reader.page.locator("[data-fact=Cost]")).to_be_visible()
    await expect(reader.page.locator("[data-difference]").first).to_be_visible()


QUESTIONS: tuple[Callable[[Reader], Awaitable[None]], ...] = (
    which_sub_agent_cost_most, why_did_it_fork, what_did_the_model_say, which_were_abandoned,
    what_changed_between_two_runs,
)  # fmt: skip


@asynccontextmanager
async def played(folder: Path) -> AsyncIterator[Stack]:
    env = environment(folder, NEXUS_GATEWAY_PORT="0", NEXUS_DASHBOARD_PORT="0")
    async with ended(await start(env, "demo", "--fast")) as running:
        await until_played(running)
        yield running


async def test_each_question_is_answered_in_under_five_clicks(tmp_path: Path, browser: Browser) -> None:
    async with played(tmp_path) as running, page_of(browser) as page:
        await page.goto(f"{running.dashboard}/login")
        await page.get_by_label("Key").fill(running.key)
        await page.get_by_role("button", name="Log in").click()
        for question in QUESTIONS:
            await page.goto(f"{running.dashboard}/overview")
            await expect(page.locator("html")).to_have_attribute("data-live", "live")
            reader = Reader(page, running)
            await question(reader)
            assert 0 < reader.clicks <= MOST_CLICKS, question.__name__
