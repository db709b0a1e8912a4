"""The request page in a real browser: what is new, the command that asks again, the stream played; nothing runs."""

import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate, pairwise
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_pages import ATTACK, TOOLS, Client, logged_in
from tests.e2e.test_reading import STRINGS
from tests.scripted_api import text, thinking, tool
from tests.stack import Stack, request_id_of
from tests.standing import Standing, standing_with

LONG = "".join(f"Line {number} of a long answer.\n" for number in range(4_200))
"""Some ten thousand pieces."""
TELLING = [thinking("Where is it?"), text("I look, and then I tell you all about it."), tool("Bash", command="ls -l")]
SCRIPTS: Any = {
    "work": [[text("I look."), tool("Bash", command="ls -l")], [text("Two files.")], [text("Bye.")]],
    "tell": [TELLING],
    "long": [[text(LONG)]],
    "attack": [[text(words), tool(ATTACK, command=words)] for words in STRINGS],
}
KEY = "sk-ant-secret-of-the-client"
PLAYED = "[data-played] .played:not([hidden]) .played-text"

pytestmark = pytest.mark.asyncio(loop_scope="module")
standing = standing_with(SCRIPTS)


async def opened(page: Page, running: Stack, request_id: str, tab: str = "messages") -> None:
    await page.goto(f"{running.dashboard}/requests/{request_id}?tab={tab}")
    await expect(page.locator(f'[data-section="{tab}"][aria-current]')).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("data-live", "live")


async def sent(client: Client, key: str = "", **members: Any) -> str:
    """The client's history with a body of one's own."""
    body = {"model": "claude-test-1", "tools": TOOLS, "messages": client.messages, "stream": True, **members}
    headers = {"X-Claude-Code-Session-Id": client.session_id} | ({"x-api-key": key} if key else {})
    async with client.session.post(f"{client.gateway}/v1/messages", json=body, headers=headers) as response:
        await response.read()
        return str(request_id_of(dict(response.headers)))


async def test_what_is_new_stands_open_and_the_rest_is_one_line(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "11111111-0000-4000-8000-000000000001")
        first = await client.ask(text("@@work Where are the files?"))
        await client.ask(client.result(first[-1], "total 3"))
        client.messages.append({"role": "user", "content": [text("Thanks.")]})
        system = [{"type": "text", "text": "Be brief.\nSay no more."}]
        changed = await sent(client, model="claude-test-2", tools=TOOLS[:1], system=system, max_tokens=7)
        await running.requests(3)
        page = watched.page
        await opened(page, running, changed)
        await expect(page.locator(".message[data-state]")).to_have_count(1)
        await expect(page.locator(".message[data-state] .mark-new")).to_have_text("new")
        await expect(page.locator(".carried")).to_contain_text("4 messages carried over from the request before")
        lines = page.locator("[data-change]")
        for words in (
            "claude-test-1 → claude-test-2",
            "max_tokens added 7",
            "Tool removed Agent",
            "System prompt, block 1 added",
        ):
            await expect(lines.filter(has_text=words)).to_have_count(1)
        await lines.filter(has_text="System prompt").locator("summary").click()
        await expect(page.locator(".diff .added")).to_have_text(["+ Be brief.\n", "+ Say no more.\n"])

        await page.get_by_role("button", name="show", exact=True).click()
        await expect(page.locator("article[data-state]")).to_have_count(5)
        await expect(page.locator("#m-1")).to_contain_text("Where are the files?")
        await page.get_by_role("button", name="hide", exact=True).click()
        await expect(page.locator("article[data-state]")).to_have_count(1)
        await page.locator("[data-novelty] a").click()
        await page.wait_for_url(f"**/requests/{client.ids[-1]}")
        await page.goto(f"{running.dashboard}/requests/{client.ids[0]}")
        await expect(page.locator("[data-novelty]")).to_contain_text("all of it is new")
        assert (watched.errors, watched.outside) == ([], [])


async def test_the_command_asks_the_same_again(standing: Standing) -> None:
    async with standing.visit() as (running, api, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "22222222-0000-4000-8000-000000000001")
        client.messages.append({"role": "user", "content": [text(f"It's {ATTACK} é\n@x")]})
        small = await sent(client, KEY)
        large = await sent(client, KEY, metadata={"user_id": "x" * 20_000})
        await running.requests(2)
        page = watched.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await opened(page, running, small)
        await page.get_by_role("button", name="Copy as curl").click()
        await expect(page.get_by_text("Copied.")).to_be_visible()
        words = shlex.split(await page.evaluate("navigator.clipboard.readText()"))
        assert words[:4] == ["curl", "--request", "POST", f"{running.gateway}/v1/messages"]
        headers = dict(value.split(": ", 1) for name, value in pairwise(words) if name == "--header")
        assert headers.pop("x-api-key") == "$ANTHROPIC_API_KEY"
        assert not any("secret" in word for word in words)
        body = words[words.index("--data-raw") + 1].encode()
        async with session.post(words[3], data=body, headers=headers) as response:
            assert response.status == 200
        first, again = api.served[0], api.served[-1]
        assert again.body == first.body

        await opened(page, running, large, "headers")
        command = page.locator("[data-again]")
        await expect(command).to_contain_text(f"--data-binary @{large}.request")
        async with page.expect_download() as download:
            await command.get_by_role("link").click()
        taken = await download.value
        assert taken.suggested_filename == f"{large}.request"
        assert (await taken.path()).read_bytes() == api.served[1].body
        assert (watched.errors, watched.outside) == ([], [])


async def text_at(running: Stack, request_id: str, ms: float) -> str:
    """Oracle: the text of all frames that were there by then, read from the recorded bytes."""
    _, data = await running.fetch(f"/api/requests/{request_id}/response")
    events = (await running.api(f"/api/requests/{request_id}/events"))["items"]
    runs = [event["data"] for event in events if event["topic"] == "chunk-streamed"]
    lengths = [length for run in runs for length in run["lengths"]]
    arrivals = [us for run in runs for us in run["arrivals_us"]]
    there = max((end for end, us in zip(accumulate(lengths), arrivals, strict=True) if us / 1000 <= ms), default=0)
    frames = data[:there].decode(errors="replace").split("\n\n")[:-1]
    deltas = [json.loads(frame.partition("data: ")[2]).get("delta", {}) for frame in frames]
    return "".join(each.get("thinking") or each.get("text") or each.get("partial_json") or "" for each in deltas)


async def played(page: Page) -> str:
    return "".join(await page.locator(PLAYED).all_text_contents())


async def test_the_stream_is_played_by_its_recorded_times(standing: Standing) -> None:
    async with standing.visit(pause_s=0.03) as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "33333333-0000-4000-8000-000000000001")
        await client.ask(text("@@tell Where are the files?"))
        await running.requests(1)
        page = watched.page
        await opened(page, running, client.ids[0], "stream")
        replay, bar = page.locator("[data-replay]"), page.get_by_label("Time of the replay")
        await expect(page.locator(PLAYED)).to_have_count(3)
        await expect(page.locator("[data-played] h3")).to_have_text(["thinking", "text", "tool use Bash"])
        whole = await played(page)
        assert whole == 'Where is it?I look, and then I tell you all about it.{"command": "ls -l"}'
        lasted = int(await bar.get_attribute("max") or 0)
        for ms in (0, lasted // 3, lasted // 5, lasted // 2, lasted - 1, lasted):
            await bar.evaluate("(bar, ms) => { bar.value = ms; bar.dispatchEvent(new Event('input')); }", ms)
            assert await played(page) == await text_at(running, client.ids[0], ms)

        await bar.press("Home")
        assert await played(page) == ""
        await bar.press("ArrowRight")
        await expect(page.locator("[data-clock]")).not_to_have_text("0")
        await bar.press("End")
        assert await played(page) == whole
        await bar.press("+")
        await expect(replay.get_by_role("button", name="×4")).to_have_attribute("aria-pressed", "true")
        await replay.get_by_role("button", name="×16").click()
        await page.locator("[data-played]").press(" ")
        await expect(replay).to_have_attribute("data-state", "paused")
        assert await played(page) == whole
        await bar.press("Home")
        await replay.get_by_role("button", name="×1", exact=True).click()
        await replay.get_by_role("button", name="Play").click()
        await expect(replay.get_by_role("button", name="Pause")).to_be_visible()
        await replay.get_by_role("button", name="Pause").click()
        await expect(replay).to_have_attribute("data-state", "paused")

        await page.locator('[data-section="headers"]').click()
        await expect(replay).to_be_hidden()
        assert (watched.errors, watched.outside) == ([], [])


async def test_ten_thousand_pieces_are_played(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "44444444-0000-4000-8000-000000000001")
        await client.ask(text("@@long Tell me."))
        await running.requests(1)
        page = watched.page
        await opened(page, running, client.ids[0], "stream")
        bar = page.get_by_label("Time of the replay")
        await expect(page.locator(PLAYED)).to_have_count(1)
        assert int(await page.locator("[data-replay]").get_attribute("data-pieces") or 0) > 10_000
        assert await played(page) == LONG
        lasted = int(await bar.get_attribute("max") or 0)
        for ms in (lasted // 2, lasted // 4, 3 * lasted // 4, 0, lasted):
            await bar.evaluate("(bar, ms) => { bar.value = ms; bar.dispatchEvent(new Event('input')); }", ms)
            assert await played(page) == await text_at(running, client.ids[0], ms)
        await page.locator("[data-played]").press(" ")
        await expect(page.locator("[data-replay]")).to_have_attribute("data-state", "paused")
        assert await played(page) == LONG
        assert (watched.errors, watched.outside) == ([], [])


async def test_what_is_still_coming_is_followed(standing: Standing) -> None:
    async with standing.visit(pause_s=0.2) as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "55555555-0000-4000-8000-000000000001")
        asking = sent_in_background(client)
        async with asking as request_id:
            page = watched.page
            await opened(page, running, request_id, "stream")
            await expect(page.locator(PLAYED).first).to_contain_text("Where")
        await expect(page.locator(PLAYED)).to_have_count(3)
        await expect(page.locator(PLAYED).last).to_have_text('{"command": "ls -l"}')
        assert watched.errors == []


@asynccontextmanager
async def sent_in_background(client: Client) -> AsyncIterator[str]:
    """The id of a request whose answer is coming; it is read to its end behind."""
    body = {"model": "claude-test-1", "messages": [{"role": "user", "content": "@@tell Where?"}], "stream": True}
    headers = {"X-Claude-Code-Session-Id": client.session_id}
    async with client.session.post(f"{client.gateway}/v1/messages", json=body, headers=headers) as response:
        yield str(request_id_of(dict(response.headers)))
        await response.read()


@pytest.mark.bar(62)
async def test_no_text_from_the_wire_runs(standing: Standing) -> None:
    async with standing.visit() as (running, _, session), logged_in(standing.browser, running) as watched:
        client = Client(running.gateway, session, "66666666-0000-4000-8000-000000000001")
        await client.ask(text("@@attack Go on."))
        for words in STRINGS[1:]:
            call = client.messages[-1]["content"][-1]
            await client.ask(client.result(call, words))
        system = [{"type": "text", "text": "\n".join(STRINGS)}]
        tools = [{"name": words, "input_schema": {}} for words in STRINGS]
        settings = dict.fromkeys(STRINGS, ATTACK)
        client.messages.append({"role": "user", "content": [text(words) for words in STRINGS]})
        hostile = await sent(client, model=ATTACK, system=system, tools=tools, metadata=settings)
        await running.requests(len(STRINGS) + 1)
        page = watched.page
        await opened(page, running, hostile)
        await expect(page.locator("[data-change]").first).to_be_visible()
        for fold in await page.locator("[data-novelty] summary").all():
            await fold.click()
        await page.get_by_role("button", name="show", exact=True).first.click()
        await expect(page.get_by_role("button", name="hide", exact=True).first).to_be_visible()
        await harmless(page)
        for number in (0, len(STRINGS) // 2, len(STRINGS) - 1):
            await opened(page, running, client.ids[number], "stream")
            await expect(page.locator(PLAYED)).to_have_count(2)
            assert await page.locator(PLAYED).first.text_content() == STRINGS[number]
            await page.locator("[data-played]").press(" ")
            await expect(page.locator("[data-replay]")).to_have_attribute("data-state", "paused")
            await harmless(page)
        await opened(page, running, hostile, "headers")
        await harmless(page)
        assert watched.outside == []


async def harmless(page: Page) -> None:
    assert await page.evaluate("window.hit") is None
    assert await page.locator("img[src='x'], main iframe, main script, main [onerror], main [onload]").count() == 0
