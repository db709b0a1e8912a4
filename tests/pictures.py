"""How do the pages look with the demo's data? ``python -m tests.pictures`` writes docs/images anew."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.async_api import Browser, Page, expect

from tests.browser import WAIT_MS, chromium_program, launched
from tests.documents import ROOT
from tests.stack import Stack, ended, environment, start
from tests.waiting import until_true

FOLDER = ROOT / "docs" / "images"
SIZE = {"width": 1360, "height": 880}
STORY = "Our bundle grew by 400 kB"
"""With sub-agents, an error in mid-stream, and its retry."""
REQUESTS = 114


async def main() -> None:
    program = chromium_program()
    if program is None:
        sys.exit("There is no Chromium; install it, or set NEXUS_CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder), NEXUS_GATEWAY_PORT="0", NEXUS_DASHBOARD_PORT="0")
        async with ended(await start(env, "demo", "--fast")) as running, launched(program) as browser:
            await until_played(running)
            for scheme in ("light", "dark"):
                await take_all(running, browser, scheme)


async def until_played(running: Stack) -> None:
    async def played() -> bool:
        return len((await running.api("/api/requests", limit="500"))["items"]) >= REQUESTS

    await until_true(played, "the demo to be played")


async def take_all(running: Stack, browser: Browser, scheme: Any) -> None:
    page = await browser.new_page(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]  # two numbers
    await page.goto(f"{running.dashboard}/login")
    await take(page, "login", scheme)
    await page.get_by_label("Key").fill(running.key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/overview")
    await page.goto(f"{running.dashboard}/conversations")
    await expect(page.locator("[data-conversation-id]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "conversations", scheme)
    listed = (await running.api("/api/conversations", limit="100"))["items"]
    conversation = next(one for one in listed if one["title"].startswith(STORY))["conversation_id"]
    await page.goto(f"{running.dashboard}/conversations/{conversation}")
    await expect(page.locator("[data-request-id]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "conversation", scheme)
    members = (await running.api("/api/requests", conversation=conversation))["items"]
    moment = quote(members[len(members) // 2]["received_at"])
    await page.goto(f"{running.dashboard}/conversations/{conversation}?as_of={moment}")
    await expect(page.locator("[data-request-id]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "as-of", scheme)
    await page.goto(f"{running.dashboard}/search?q=moment")
    await expect(page.locator(".hit").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "search", scheme)
    await page.goto(f"{running.dashboard}/conversations/{conversation}?tab=read")
    await expect(page.locator(".read-text")).to_be_visible(timeout=WAIT_MS)
    await take(page, "read", scheme)
    await take_compared(running, page, listed, scheme)
    await page.goto(f"{running.dashboard}/requests")
    await expect(page.locator("[data-request-id]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "requests", scheme)
    await page.goto(f"{running.dashboard}/requests/{members[1]['request_id']}")
    await expect(page.locator("[data-section]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "request", scheme)
    for section in ("usage", "stream"):
        await page.locator(f'[data-section="{section}"]').click()
        await expect(page.locator("h2.sr")).to_have_text(section.capitalize(), timeout=WAIT_MS)
        await take(page, {"usage": "request-usage"}.get(section, section), scheme)
    for screen, content in (
        ("overview", "main li"),
        ("usage", "main tbody tr"),
        ("limits", "main article"),
        ("insights", "main tbody tr"),
    ):
        await page.goto(f"{running.dashboard}/{screen}")
        await expect(page.locator(content).first).to_be_visible(timeout=WAIT_MS)
        await take(page, screen, scheme)
    await page.close()


async def take_compared(running: Stack, page: Page, listed: list[Any], scheme: str) -> None:
    """A branch beside the one that it left."""
    forked = next(one for one in listed if one["branches"] > 1)["conversation_id"]
    branches = (await running.api(f"/api/conversations/{forked}/tree"))["branches"]
    left = next(one for one in branches if one["kind"] in {"branch", "fork"})
    await page.goto(f"{running.dashboard}/compare?a={left['parent_branch_id']}&b={left['branch_id']}&of=branches")
    await expect(page.locator("[data-difference]").first).to_be_visible(timeout=WAIT_MS)
    await take(page, "compare", scheme)


async def take(page: Page, name: str, scheme: str) -> None:
    await page.wait_for_load_state("networkidle")
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(1500)  # figures draw themselves; nothing says when
    await page.screenshot(path=FOLDER / (f"{name}.png" if scheme == "light" else f"{name}-dark.png"))


if __name__ == "__main__":
    asyncio.run(main())
