"""The reading view in a real browser: one reads, jumps, finds, follows links, and takes it along; nothing runs."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_pages import SCRIPTS, Client, logged_in, worked
from tests.hostile_text import HOSTILE
from tests.scripted_api import text
from tests.stack import Stack
from tests.standing import Standing, standing_with
from tests.waiting import until_true

STRINGS = (
    *HOSTILE,
    '<img src=x onerror="window.hit=1">',
    "<script>window.hit=1</script>",
    "\"'><svg onload=window.hit=1>",
    "[x](javascript:window.hit=1)",
    "</title></textarea></style><script>window.hit=1</script>",
    "{{ 7*7 }} ${window.hit=1} <%= 1 %>",
    "<a href='javascript:window.hit=1' onfocus=window.hit=1 autofocus>x</a>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=window.hit=1&gt;'>",
    "\u202e\u0000$$\\href{javascript:window.hit=1}{x}$$",
)
"""Each of them runs something, wherever it is taken for more than text."""

pytestmark = pytest.mark.asyncio(loop_scope="module")
standing = standing_with(SCRIPTS)


async def opened(page: Page, running: Stack, member: str, search: str = "?tab=read") -> None:
    await page.goto(f"{running.dashboard}/conversations/{member}{search}")
    await expect(page.locator(".read-text")).to_be_visible()


async def linked(running: Stack, member: str) -> str:
    """The conversation, as soon as it is known."""

    async def known() -> bool:
        listed = await running.api("/api/requests", limit="100")
        return any(one["request_id"] == member and one["conversation_id"] for one in listed["items"])

    await until_true(known, "the request to be linked")
    return member


async def test_one_reads_jumps_finds_and_takes_along(tmp_path: Path, standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "11111111-0000-4000-8000-000000000001")
        await worked(client)
        page = watched.page
        await page.goto(f"{running.dashboard}/conversations/{await linked(running, client.ids[-1])}")
        await page.get_by_role("link", name="Read", exact=True).click()
        await expect(page.locator(".entry-prompt")).to_have_count(1)
        await expect(page.locator(".workbench")).to_be_hidden()
        await expect(page.locator(".block-call .result").first).to_contain_text("total 3")
        await page.keyboard.press("j")
        await expect(page.locator(".entry-prompt").first).to_be_focused()
        await page.keyboard.press("/")
        await expect(page.locator("#read-words")).to_be_focused()
        await page.keyboard.type("that is all")
        hit = page.locator(".read-hits a").first
        await expect(hit).to_contain_text("That is all")
        await hit.click()
        await expect(page.locator(".entry-chosen")).to_contain_text("That is all")
        address = page.url
        await opened(page, running, client.ids[0], address[address.index("?") :])
        await expect(page.locator(".entry-chosen")).to_be_in_viewport()
        await page.get_by_role("link", name="Read the sub-agent's talk").click()
        await expect(page.locator(".entry-prompt")).to_contain_text("Count the files")
        await page.go_back()
        await expect(page.locator(".entry-chosen")).to_contain_text("That is all")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Markdown").click()
        await (await download.value).save_as(tmp_path / "talk.md")
        assert "That is all." in (tmp_path / "talk.md").read_text()
        await page.get_by_role("link", name="Tree", exact=True).click()
        await expect(page.locator(".workbench")).to_be_visible()
        await expect(page.locator("[role=treeitem]").first).to_be_visible()
        assert watched.errors == []
        assert watched.outside == []


@pytest.mark.bar(62)
async def test_nothing_runs_in_the_reading_view_or_in_an_export(tmp_path: Path, standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "22222222-0000-4000-8000-000000000001")
        answer = await client.ask(text("@@attack " + "\n".join(STRINGS)), *map(text, STRINGS))
        await client.ask(client.result(answer[-1], "\n".join(STRINGS)), text("@@attack Again"))
        page = watched.page
        dialogs = list[str]()
        page.context.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await opened(page, running, await linked(running, client.ids[0]), "?tab=read&turn=1&q=%3Cscript%3E")
        await expect(page.locator(".read-hits li").first).to_be_visible()
        for fold in await page.locator(".read-text details > summary").all():
            await fold.click()
        assert await page.evaluate("window.hit") is None
        assert await page.locator(".reading :is(script, iframe, svg, math, [onerror], [onload])").count() == 0
        assert watched.outside == []
        for form in ("html", "md", "json"):
            exported = await page.request.get(
                f"{running.dashboard}/api/conversations/{client.ids[0]}/export?format={form}&redact=0"
            )
            (tmp_path / f"talk.{form}").write_bytes(await exported.body())
        outside: list[str] = []
        alone = await standing.browser.new_page()
        alone.context.on("dialog", lambda dialog: dialogs.append(dialog.message))
        alone.on("request", lambda asked: outside.append(asked.url))
        await alone.goto(f"file://{tmp_path}/talk.html")
        await expect(alone.locator(".entry-prompt").first).to_be_visible()
        assert await alone.evaluate("window.hit") is None
        assert await alone.locator(":is(script, iframe, svg, math, img, [onerror], [onload], [onfocus])").count() == 0
        assert dialogs == []
        assert [url for url in outside if not url.startswith(("file:", "data:"))] == []
        assert "<script>" not in (tmp_path / "talk.md").read_text().replace("\\<", "").split("```")[0]
