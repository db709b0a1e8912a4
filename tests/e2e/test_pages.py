"""Every page in a real browser, over traffic that a client made: what it shows, that it lives, and that it is safe."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from tests.browser import WAIT_MS, page_of
from tests.hostile_pages import pages_of
from tests.hostile_text import CORPUS
from tests.requirements import scaled
from tests.scripted_api import ScriptedApi, agent, scripted_api, text, thinking, tool
from tests.stack import Stack, request_id_of, stack
from tests.standing import Standing, standing_with
from tests.waiting import until

ATTACK = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>"\'><svg onload=window.hit=1>'
SCRIPTS = {
    "work": [
        [thinking("Where is it?"), text("I look."), tool("Bash", command="ls -l", description="List files")],
        [text("Two agents."), agent("Count files", "@@count Count the files.")],
        [text("```python\nprint('done')\n```\nThat is all.")],
    ],
    "count": [[text("There are three.")]],
    "attack": [[text(ATTACK), tool(ATTACK, command=ATTACK)]],
}
TOOLS = [{"name": "Bash", "input_schema": {"type": "object"}}, {"name": "Agent", "input_schema": {"type": "object"}}]

pytestmark = pytest.mark.asyncio(loop_scope="module")
standing = standing_with(SCRIPTS)


@dataclass
class Client:
    """A client of the shape of Claude Code: one session, its history, and what was answered."""

    gateway: str
    session: ClientSession
    session_id: str
    agent: str = ""
    messages: list[Any] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def ask(self, *blocks: Any) -> Any:
        """Add a user message, get the answer into the history; returns the answer's blocks."""
        self.messages.append({"role": "user", "content": list(blocks)})
        body = {"model": "claude-test-1", "tools": TOOLS, "messages": self.messages, "stream": True}
        headers = {"User-Agent": "claude-cli/2.1.330 (external, cli)", "X-Claude-Code-Session-Id": self.session_id}
        if self.agent:
            headers["X-Claude-Code-Agent-Id"] = self.agent
        async with self.session.post(f"{self.gateway}/v1/messages?beta=true", json=body, headers=headers) as response:
            self.ids.append(str(request_id_of(dict(response.headers))))
            frames = (await response.read()).decode()
        content = _content(frames)
        self.messages.append({"role": "assistant", "content": content})
        return content

    def result(self, block: Any, words: str) -> Any:
        return {"type": "tool_result", "tool_use_id": block["id"], "content": words}


def _content(frames: str) -> list[Any]:
    """The answer's blocks, put together plainly."""
    blocks: list[Any] = []
    for line in frames.splitlines():
        event = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
        if event.get("type") == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        if event.get("type") == "content_block_delta":
            delta = event["delta"]
            kind = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(
                delta["type"]
            )
            if kind:
                blocks[-1][kind] += delta[kind]
            else:
                blocks[-1]["json"] += delta["partial_json"]
    for block in blocks:
        raw = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(raw)
    return blocks


async def worked(client: Client) -> tuple[Client, Client]:
    """A tool, a sub-agent, an answer; then a rewind to the beginning of it."""
    first = await client.ask(text("@@work Where are the files?"))
    second = await client.ask(client.result(first[-1], "total 3"))
    sub = Client(client.gateway, client.session, client.session_id, agent="a0123456789abcdef")
    await sub.ask(text("@@count Count the files."))
    await client.ask(client.result(second[-1], "There are three.\nagentId: a0123456789abcdef (use SendMessage)"))
    branch = Client(client.gateway, client.session, client.session_id, messages=client.messages[:2])
    await branch.ask(client.result(first[-1], "total 3"), text("No, another way, please."))
    return sub, branch


@dataclass
class Watched:
    """A page, and what it said and asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def _is_wrong(said: ConsoleMessage) -> bool:
    """503 is how the front says that the pages are being started; it loads again by itself."""
    return said.type == "error" and "503" not in said.text


@asynccontextmanager
async def logged_in(browser: Browser, running: Stack) -> AsyncIterator[Watched]:
    async with page_of(browser) as page:
        watched = Watched(page)

        def asked(request: Request) -> None:
            if not request.url.startswith((running.dashboard, "data:", "blob:")):
                watched.outside.append(request.url)

        page.on("console", lambda said: watched.errors.append(said.text) if _is_wrong(said) else None)
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("request", asked)
        await page.goto(f"{running.dashboard}/conversations")
        await page.get_by_label("Key").fill(running.key)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("button", name="Log out")).to_be_visible()
        yield watched


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[Stack, ScriptedApi, ClientSession]]:
    async with scripted_api(SCRIPTS) as api, stack(tmp_path, api.url) as running, ClientSession() as session:
        yield running, api, session


async def shown(page: Page, words: str) -> None:
    await expect(page.get_by_text(words).first).to_be_visible()


async def test_an_empty_dashboard_says_how_to_begin_and_lives(standing: Standing) -> None:
    """The first test of this file: nobody has been here yet."""
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        page = watched.page
        await shown(page, "ANTHROPIC_BASE_URL")
        await Client(running.gateway, session, "11111111-0000-4000-8000-000000000001").ask(text("Is anybody there?"))
        row = page.locator("[data-conversation-id]").first
        await expect(row).to_contain_text("Is anybody there?")
        await Client(running.gateway, session, "11111111-0000-4000-8000-000000000002").ask(text("A second one."))
        await expect(page.locator("[data-conversation-id]")).to_have_count(2)
        assert (watched.errors, watched.outside) == ([], [])


async def test_a_conversation_shows_branch_and_sub_agent_and_its_nodes_open_requests(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "22222222-0000-4000-8000-000000000001")
        sub, branch = await worked(client)
        items = {one["request_id"]: one for one in await running.requests(5)}
        assert items[sub.ids[0]]["edge"] == "spawned"
        assert items[branch.ids[0]]["edge"] == "branches"
        page = watched.page
        await page.locator(f'[data-conversation-id="{client.ids[0]}"] a').first.click()
        await page.wait_for_url(f"**/conversations/{client.ids[0]}")
        for request_id in (*client.ids, *sub.ids, *branch.ids):
            await expect(page.locator(f'[data-request-id="{request_id}"]').first).to_be_visible()
        await shown(page, "Count files")
        tree = await page.locator(".workbench").bounding_box()
        assert tree is not None
        assert tree["height"] >= 300, "the tree has what room there is"
        await page.locator(f'[data-request-id="{sub.ids[0]}"] a').first.click()
        await page.wait_for_url(f"**/requests/{sub.ids[0]}")
        await shown(page, "There are three.")
        await page.go_back()
        await page.wait_for_url(f"**/conversations/{client.ids[0]}**")
        await client.ask(text("And another question while you look."))
        newest = page.locator(f'[data-request-id="{client.ids[-1]}"]').first
        await expect(newest).to_be_visible()
        assert (watched.errors, watched.outside) == ([], [])


async def test_a_conversation_says_why_it_is_linked_and_lists_its_branches(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "55555555-0000-4000-8000-000000000001")
        sub, branch = await worked(client)
        await running.requests(5)
        page = watched.page
        await page.goto(f"{running.dashboard}/conversations/{client.ids[0]}?request={branch.ids[0]}")
        because = page.locator("[data-because]")
        await expect(because).to_contain_text(
            "Branches off after the answer of “@@work Where are the files?”.", timeout=WAIT_MS
        )
        why = page.locator("[data-why]")
        await expect(why.locator(".evidence")).to_contain_text("history")
        await expect(why.locator(".sure")).to_have_text("certain 100 %")
        await expect(why.locator("[data-branch]")).to_contain_text("leaves main at “@@work Where are the files?”")
        link = because.get_by_role("link", name="@@work Where are the files?")
        assert await link.get_attribute("href") == f"/requests/{client.ids[0]}"

        listed = page.locator("[data-branch-id]")
        await expect(listed).to_have_count(3)
        await expect(page.locator(f"#node-{branch.ids[0]}")).to_be_visible()
        task = page.locator(f'[data-branch-id="{sub.ids[0]}"]')
        await expect(task).to_contain_text("Count files")
        await expect(task).to_contain_text("done")
        await task.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await expect(because).to_contain_text("Started by the answer of")
        await expect(page.locator(f'#node-{sub.ids[0]}[aria-selected="true"]')).to_be_visible()
        await expect(task.locator("[aria-current]")).to_have_count(1)

        await because.get_by_role("button", name="Show in the tree").click()
        await expect(page.locator(f'#node-{client.ids[1]}[aria-selected="true"]')).to_be_visible()
        await expect(because).to_contain_text("Continues the answer of")

        fold = page.locator("[data-branches]")
        await fold.locator("summary").click()
        await client.ask(text("And another question while you look."))
        await expect(page.locator(f"#node-{client.ids[-1]}")).to_contain_text("And another question")
        await expect(fold).not_to_have_attribute("open", "")
        await page.goto(f"{running.dashboard}/requests/{sub.ids[0]}")
        await expect(page.locator("[data-branch]")).to_contain_text("Count files")
        await expect(because).to_contain_text("Started by the answer of")
        assert (watched.errors, watched.outside) == ([], [])


async def test_a_request_shows_messages_answer_stream_and_bytes(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "33333333-0000-4000-8000-000000000001")
        await worked(client)
        await running.requests(5)
        page = watched.page
        await page.goto(f"{running.dashboard}/requests/{client.ids[2]}")
        await expect(page.locator("html")).to_have_attribute("data-live", "live")
        await page.get_by_role("button", name="show", exact=True).click()
        for words in ("Where are the files?", "ls -l", "total 3"):
            await shown(page, words)
        for tab, words in (
            ("Response", "That is all."),
            ("Usage", "How the answer came"),
            ("Headers", "X-Claude-Code-Session-Id"),
            ("Events", "response-completed"),
        ):
            await page.locator(f'[data-section="{tab.lower()}"]').click()
            await shown(page, words)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Request bytes").click()
        saved = await (await download.value).path()
        assert (
            await asyncio.to_thread(saved.read_bytes) == (await running.fetch(f"/api/requests/{client.ids[2]}/body"))[1]
        )
        assert (watched.errors, watched.outside) == ([], [])


async def test_a_click_on_a_head_orders_the_list_and_back_leads_back(standing: Standing) -> None:
    async with ClientSession() as session, logged_in(standing.browser, standing.running) as watched:
        await worked(Client(standing.running.gateway, session, "orders"))
        page, rows = watched.page, watched.page.locator("tr[data-request-id]")

        async def in_order(column: str, words: str) -> None:
            """What is shown is what the read API says in this order."""
            await expect(page.locator(f'th[aria-sort="{words}ending"]')).to_contain_text(column)
            asked = page.url.partition("?")[2]
            answer = await page.request.get(f"{standing.running.dashboard}/api/requests?{asked}&limit=50")
            for place, item in enumerate((await answer.json())["items"]):
                await expect(rows.nth(place)).to_have_attribute("data-request-id", item["request_id"])

        await page.goto(f"{standing.running.dashboard}/requests?session=orders")
        await expect(rows).to_have_count(5)
        await in_order("Received", "desc")
        await page.get_by_role("link", name="Output").click()
        await page.get_by_label("When").select_option("last hour")
        await in_order("Output", "desc")
        await expect(page).to_have_url(re.compile(r"within=1h.*session=orders.*sort=output_tokens$"))
        await page.get_by_role("link", name="Output").focus()
        await page.keyboard.press("Enter")
        await in_order("Output", "asc")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="CSV").click()
        saved = await asyncio.to_thread((await (await download.value).path()).read_text)
        assert len(saved.splitlines()) == 1 + await rows.count()
        await page.go_back()
        await in_order("Output", "desc")
        assert watched.errors == []


async def test_what_cannot_be_parsed_says_so(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        async with session.post(f"{running.gateway}/v1/messages", data=b'{"broken') as response:
            request_id = request_id_of(dict(response.headers))
        await running.requests(1)
        await watched.page.goto(f"{running.dashboard}/requests/{request_id}")
        await expect(watched.page.get_by_text("JSON").first).to_be_visible()
        await expect(watched.page.get_by_role("link", name="Request bytes")).to_be_visible()


PUT_INTO_PAGE = """(pieces) => {
  const names = ["mouseover", "mouseenter", "pointerover", "focus", "toggle", "load", "error", "animationstart"];
  const place = document.querySelector("main [data-region]");
  for (const html of pieces) {
    place.innerHTML = html;
    for (const one of place.querySelectorAll("*")) for (const name of names) one.dispatchEvent(new Event(name));
  }
}"""


@pytest.mark.bar(62)
async def test_a_browser_finds_nothing_to_run_in_any_page_of_hostile_text(standing: Standing) -> None:
    """Every list, page, tab and section, with the same text in every string of it, in a page of ours, by its rules.

    By day a text is some of the corpus one after the other, at night each of the corpus for itself.
    """
    texts = CORPUS if scaled(0, 1) else (" ".join(CORPUS[::4]),)
    async with standing.visit() as (running, _, _), logged_in(standing.browser, running) as watched:
        page, dialogs = watched.page, list[str]()
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for words in texts:
            pieces = [str(html) for regions in (await pages_of(words)).values() for html in regions.values()]
            await page.evaluate(PUT_INTO_PAGE, pieces)
            assert (dialogs, watched.errors, watched.outside) == ([], [], []), words
        await page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", ATTACK)
        await expect(page.locator("main img[src=x]")).to_be_attached()
        await until(lambda: any("Content Security Policy" in one for one in watched.errors), "a handler to be stopped")
        assert await page.evaluate("window.hit") is None


FRAMING = """<!doctype html><title>Somebody else</title>
{frames}
<iframe name="control" src="/control"></iframe>"""
FRAMED = ("/login", "/logout", "/overview", "/conversations", "/requests", "/health", "/assets/app.css", "/nowhere")


@asynccontextmanager
async def another_site() -> AsyncIterator[str]:
    """On the same machine: a browser sends our cookies along from there, so it is the nearest that an attacker gets."""
    app = web.Application()
    site = list[str]()

    async def answer(request: web.Request) -> web.Response:
        text = "<p>Framed</p>" if request.path == "/control" else site[0]
        return web.Response(text=text, content_type="text/html")

    async def put(request: web.Request) -> web.Response:
        site[:] = [await request.text()]
        return web.Response()

    app.router.add_route("GET", "/{rest:.*}", answer)
    app.router.add_route("PUT", "/", put)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.bar(64)
async def test_in_a_frame_of_another_page_there_is_nothing(standing: Standing) -> None:
    async with (
        standing.visit() as (running, _, session),
        logged_in(standing.browser, running) as watched,
        another_site() as site,
    ):
        assert running.dashboard.startswith("http://127.0.0.1:"), "the same site to a browser, of another origin"
        kinds = ('<iframe src="{}"></iframe>', '<embed src="{}">', '<object data="{}"></object>')
        addresses = [running.dashboard + path for path in FRAMED]
        frames = "\n".join(kind.format(address) for address in addresses for kind in kinds)
        await session.put(site, data=FRAMING.format(frames=frames))
        page, answered = watched.page, set[str]()
        page.on("response", lambda answer: answered.add(answer.url))
        await page.goto(site)
        await expect(page.frame_locator("iframe[name=control]").get_by_text("Framed")).to_be_visible()
        shown_frames = [frame for frame in page.frames[1:] if frame.name != "control"]
        assert len(shown_frames) >= len(FRAMED)
        for frame in shown_frames:
            assert not frame.url.startswith(running.dashboard), frame.url
            assert await frame.locator("body *:not(script, style)").count() == 0 or "chrome-error:" in frame.url
        assert answered >= set(addresses), "it was asked, and answered, each time"
        most = len(FRAMED) * (len(kinds) - 1)
        await until(
            lambda: sum("frame-ancestors" in words for words in watched.errors) > most, "a refusal in each kind"
        )


@pytest.mark.bar(62)
async def test_no_text_from_the_wire_runs(standing: Standing) -> None:
    """An attack in every string that a client or a model chooses, on every page."""
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "44444444-0000-4000-8000-000000000001")
        session.headers["X-Nexus-Project"] = ATTACK
        client.agent = ""
        first = await client.ask(text(f"@@attack {ATTACK}"))
        await client.ask(client.result(first[-1], ATTACK), text(ATTACK))
        await running.requests(2)
        page = watched.page
        for path in ("/conversations", f"/conversations/{client.ids[0]}", "/requests", f"/requests/{client.ids[1]}"):
            await page.goto(running.dashboard + path)
            await shown(page, "onerror")
            assert await page.evaluate("window.hit") is None, path
            assert await page.locator("img[src='x']").count() == 0, path
        for tab in ("Response", "Usage", "Stream", "Headers", "Events", "Raw"):
            await page.locator(f'[data-section="{tab.lower()}"]').click()
            await expect(page.locator("h2.sr")).to_have_text(tab)
            assert await page.evaluate("window.hit") is None, tab
        assert watched.outside == []
