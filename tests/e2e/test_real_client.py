"""The real Claude Code through the whole product: it notices nothing, and everything it did is on record."""

import asyncio
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser import launched, page_of
from tests.claude_client import run_claude
from tests.scripted_api import ScriptedApi, Turn, agent, scripted_api, text, thinking, tool
from tests.stack import Stack, request_id_of, stack
from tests.standing import begin_anew
from tests.wire_tap import TappedExchange, WireTap, wire_tap

pytestmark = [pytest.mark.claude, pytest.mark.asyncio(loop_scope="module")]

COUNT = "@@counting Count the files in the folder and report."
READ = "@@reading Read hello.txt and report."
SCRIPTS: dict[str, Sequence[Turn]] = {
    "tools": [
        [thinking("I list the files first."), text("Let me look."), tool("Bash", command="ls", description="List")],
        [tool("Bash", command="echo two; exit 3", description="Fail")],
        [thinking("Now I know."), text("There is one file.")],
    ],
    "agents": [
        [text("Two agents."), agent("Count files", COUNT), agent("Read a file", READ, "Explore")],
        [text("Both agents reported.")],
    ],
    "counting": [[tool("Bash", command="ls | wc -l", description="Count")], [text("Report: one file.")]],
    "reading": [[text("Report: it says hello.")]],
}
HOP_BY_HOP = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade", "host", "proxy-connection"}
IDS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # sessions and messages
    r"|\ba[0-9a-f]{16}\b|\breq_\d+|duration_ms: \d+"  # agents, requests, times in an agent's report
)
TIMES = re.compile(r"duration|ttft|time|_ms$|socket_path")
"""Members whose values differ between two runs of the same client."""


@dataclass
class Run:
    """A client's run and what went by."""

    said: list[subprocess.CompletedProcess[str]]
    wire: list[TappedExchange]
    api: ScriptedApi


Calls = Callable[[str, Path], Sequence[subprocess.CompletedProcess[str]]]


def one_shot(base_url: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    return [prompt(base_url, folder, "What is two plus two?")]


def two_turns(base_url: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    first = prompt(base_url, folder, "First question: alpha?")
    session = json.loads(first.stdout.splitlines()[0])["session_id"]
    return [first, prompt(base_url, folder, "Second question: beta?", "--resume", session)]


def tool_loop(base_url: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    return [prompt(base_url, folder, "@@tools please")]


def two_agents(base_url: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    return [prompt(base_url, folder, "@@agents please")]


def prompt(base_url: str, folder: Path, words: str, *args: str) -> subprocess.CompletedProcess[str]:
    project = folder / "project"
    project.mkdir(parents=True, exist_ok=True)
    (project / "hello.txt").write_text("hello\n")
    done = run_claude(
        base_url, words, home=folder / "home", project=project, args=("--allowedTools", "Bash,Read,Agent,Task", *args)
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def said(run: Sequence[subprocess.CompletedProcess[str]]) -> list[list[Any]]:
    """What the client printed, without ids and times."""
    return [[timeless(json.loads(line)) for line in done.stdout.splitlines()] for done in run]


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "-" if TIMES.search(key) else timeless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [timeless(inner) for inner in value]
    return IDS.sub("-", value) if isinstance(value, str) else value


EXPECTED: dict[str, tuple[Calls, list[tuple[str, str, int | None]]]] = {
    "one shot": (one_shot, [("main", "root", None)]),
    "two turns": (two_turns, [("main", "root", None), ("main", "continues", 0)]),
    "tool loop": (tool_loop, [("main", "root", None), ("main", "continues", 0), ("main", "continues", 1)]),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    claude_code: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stack, ScriptedApi]]:
    """What all clients here talk to, one after the other."""
    home = tmp_path_factory.mktemp("product")
    async with scripted_api(SCRIPTS) as api, stack(home, api.url) as running:
        yield running, api


@asynccontextmanager
async def tapped(product: tuple[Stack, ScriptedApi]) -> AsyncIterator[tuple[Stack, WireTap, ScriptedApi]]:
    """For one client."""
    running, api = product
    await begin_anew(running, api)
    async with wire_tap(running.gateway_port) as tap:
        yield running, tap, api


async def run_through(tap: WireTap, api: ScriptedApi, calls: Calls, folder: Path) -> Run:
    done = await asyncio.to_thread(calls, tap.url, folder)
    return Run(list(done), tap.exchanges(), api)


async def run_direct(calls: Calls, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    async with scripted_api(SCRIPTS) as api:
        done = list(await asyncio.to_thread(calls, api.url, folder))
    shutil.rmtree(folder)
    return done


def check_untouched(run: Run) -> None:
    """Upstream got the client's bytes and headers; the client got upstream's bytes."""
    sent = {(one.target, one.body): one for one in run.wire}
    assert len(run.api.served) == len(run.wire)
    for served in run.api.served:
        one = sent[served.target, served.body]
        assert served.method == one.method
        assert end_to_end(served.headers) == end_to_end(one.request_headers)
        assert served.answer == one.answer
        assert served.status == one.status


def end_to_end(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]


async def check_recorded(running: Stack, run: Run) -> None:
    """For every exchange: the body, the answer and the commands give the bytes back."""
    for one in run.wire:
        request_id = request_id_of(one.response_headers)
        assert (await running.fetch(f"/api/requests/{request_id}/body"))[1] == one.body
        status, answer = await running.fetch(f"/api/requests/{request_id}/response")
        assert (status, hashlib.sha256(answer).hexdigest()) == (200, hashlib.sha256(one.answer).hexdigest())
        assert (await running.command("events", "replay", str(request_id))).encode() == one.answer
        assert "response-completed" in await running.command("events", "show", str(request_id))


@pytest.mark.parametrize("name", EXPECTED)
async def test_the_client_notices_nothing_and_is_linked_right(
    product: tuple[Stack, ScriptedApi], tmp_path: Path, name: str
) -> None:
    calls, expected = EXPECTED[name]
    direct = await run_direct(calls, tmp_path / "client")
    async with tapped(product) as (running, tap, api):
        run = await run_through(tap, api, calls, tmp_path / "client")
        assert said(run.said) == said(direct)
        check_untouched(run)
        items = await running.requests(len(expected))
        ids = [one["request_id"] for one in items]
        got = [
            (one["class"], one["edge"], ids.index(one["parent_request_id"]) if one["parent_request_id"] else None)
            for one in items
        ]
        assert got == expected
        assert {one["conversation_id"] for one in items} == {ids[0]}
        await check_recorded(running, run)


async def test_sub_agents_hang_below_who_started_them_and_a_click_opens_a_request(
    product: tuple[Stack, ScriptedApi], tmp_path: Path, chromium: str
) -> None:
    direct = await run_direct(two_agents, tmp_path / "client")
    async with tapped(product) as (running, tap, api), launched(chromium) as browser:
        run = await run_through(tap, api, two_agents, tmp_path / "client")
        check_untouched(run)
        assert final_words(run.said) == final_words(direct)
        items = await running.requests(5)
        by_id = {one["request_id"]: one for one in items}
        root = items[0]
        agents = [one for one in items if one["edge"] == "spawned"]
        assert (root["class"], root["edge"]) == ("main", "root")
        assert [(one["class"], one["parent_request_id"]) for one in agents] == [("subagent", root["request_id"])] * 2
        for one in items:
            if one["edge"] == "continues":
                parent = by_id[one["parent_request_id"]]
                assert (parent["agent_id"], parent["class"]) == (one["agent_id"], one["class"])
        assert {one["conversation_id"] for one in items} == {root["request_id"]}
        await check_page(running, browser, root["request_id"], [one["request_id"] for one in agents])


def final_words(run: Sequence[subprocess.CompletedProcess[str]]) -> list[str]:
    return [json.loads(done.stdout.splitlines()[-1])["result"] for done in run]


async def check_page(running: Stack, browser: Browser, conversation: str, agents: Sequence[str]) -> None:
    async with page_of(browser) as page:
        await page.goto(running.login)
        await page.wait_for_url("**/overview")
        await page.goto(f"{running.dashboard}/conversations/{conversation}")
        for agent_id in agents:
            await expect(page.locator(f'[data-request-id="{agent_id}"]').first).to_be_visible()
        await page.locator(f'[data-request-id="{agents[0]}"] a').first.click()
        await page.wait_for_url(f"**/requests/{agents[0]}")
