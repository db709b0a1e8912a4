"""Two people of different accounts before one Nexus, in a real browser: each sees his own, until he is shut out."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from playwright.async_api import Browser, Page, expect

from tests.browser import page_of
from tests.scripted_api import scripted_api, text
from tests.stack import Stack, stack

MINE, THEIRS = "acme", "zoo"
HEADERS = {"x-api-key": "sk-ant-of-nobody", "User-Agent": "claude-cli/2.1.330 (external, cli)", "x-app": "cli"}
SCRIPTS = {"acme": [[text("The acme answer.")]], "zoo": [[text("The zoo answer.")]]}


async def say(running: Stack, account: str) -> str:
    """One exchange of this account's; its id."""
    identity = {"device_id": "d", "account_uuid": account, "session_id": f"{account}-session"}
    body = {
        "model": "claude-opus-4-8",
        "max_tokens": 100,
        "stream": True,
        "system": "You are Claude Code.",
        "tools": [{"name": name, "input_schema": {"type": "object"}} for name in ("Bash", "Read", "Edit")],
        "messages": [{"role": "user", "content": f"@@{account} A question of {account}."}],
        "metadata": {"user_id": json.dumps(identity)},
    }
    async with (
        ClientSession() as session,
        session.post(f"{running.gateway}/v1/messages", json=body, headers=HEADERS) as answer,
    ):
        await answer.read()
        assert answer.status == 200
        return answer.headers["x-nexus-request-id"]


async def added(running: Stack, name: str, role: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await running.command("people", "add", name, "--role", role, *more, "--json"))
    return found


@asynccontextmanager
async def by_link(browser: Browser, link: str) -> AsyncIterator[Page]:
    async with page_of(browser) as page:
        await page.goto(link)
        await expect(page.get_by_role("button", name="Log out")).to_be_visible()
        yield page


async def test_two_people_see_two_dashboards_until_one_is_shut_out(browser: Browser, tmp_path: Path) -> None:
    async with scripted_api(SCRIPTS) as api, stack(tmp_path, api.url) as running:
        ids = {account: await say(running, account) for account in (MINE, THEIRS)}
        await running.requests(2)
        ada = await added(running, "ada", "reader", "--accounts", MINE)
        bob = await added(running, "bob", "usage")
        async with by_link(browser, ada["link"]) as adas, by_link(browser, bob["link"]) as bobs:
            await reads_his_own(adas, running, ids)
            await sees_numbers_of_all(bobs, running, ids)
            await adas.goto(f"{running.dashboard}/conversations")
            await expect(adas.get_by_text("Live", exact=True)).to_be_visible()
            await running.command("people", "remove", "ada")
            await expect(adas.locator("html[data-live=lost]")).to_be_attached()
            await adas.goto(f"{running.dashboard}/conversations")
            await expect(adas.get_by_label("Key")).to_be_visible()
            await bobs.goto(f"{running.dashboard}/overview")
            await expect(bobs.get_by_role("button", name="Log out")).to_be_visible()
        acts = [(line["who"], line["act"]) for line in json.loads(await running.command("audit", "--json"))]
        assert ("ada", "logged-in") in acts
        assert ("bob", "link-used") in acts
        assert acts[-1][1] == "removed"


async def reads_his_own(page: Page, running: Stack, ids: dict[str, str]) -> None:
    await page.goto(f"{running.dashboard}/conversations")
    await expect(page.locator("main")).to_contain_text(f"A question of {MINE}")
    await expect(page.locator("main")).not_to_contain_text(THEIRS)
    await expect(page.get_by_role("link", name="ada")).to_be_visible()
    await page.goto(f"{running.dashboard}/requests/{ids[MINE]}?tab=response")
    await expect(page.locator("main")).to_contain_text("The acme answer.")
    await expect(page.get_by_role("link", name="Raw")).to_have_count(0)
    for path in (f"/requests/{ids[THEIRS]}", f"/conversations/{ids[THEIRS]}"):
        await page.goto(running.dashboard + path)
        await expect(page.locator("main")).to_contain_text(re.compile("no |not ", re.IGNORECASE))
        await expect(page.locator("main")).not_to_contain_text(f"question of {THEIRS}")
    answer = await page.request.get(f"{running.dashboard}/api/requests")
    assert [one["request_id"] for one in (await answer.json())["items"]] == [ids[MINE]]


async def sees_numbers_of_all(page: Page, running: Stack, ids: dict[str, str]) -> None:
    await page.goto(f"{running.dashboard}/requests")
    for one in ids.values():
        await expect(page.locator(f'a[href*="{one}"]').first).to_be_attached()
    await page.goto(f"{running.dashboard}/conversations")
    await expect(page.locator("main")).not_to_contain_text("A question of")
    await expect(page.get_by_role("link", name="Search")).to_have_count(0)
    await page.goto(f"{running.dashboard}/requests/{ids[MINE]}")
    await expect(page.locator("main")).to_contain_text("numbers, not what was said")
