"""The real Claude Code's own report of what a session cost equals ours; where it differs, it is known by what."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.billing import BilledLine, prompt_tokens
from domain.prices import PriceBook, total
from domain.usage import TokenCounts
from ops.prices import shipped_prices
from projections.read_models.session_queries import Spent, spent
from tests.claude_client import run_claude
from tests.scripted_api import Answer, ScriptedApi, Turn, agent, background_agent, scripted_api, text, tool
from tests.stack import Stack, stack

pytestmark = pytest.mark.claude

OF_5M: dict[str, Any] = {
    "input_tokens": 1_003, "output_tokens": 101, "cache_read_input_tokens": 20_011,
    "cache_creation_input_tokens": 4_007,
    "cache_creation": {"ephemeral_5m_input_tokens": 4_007, "ephemeral_1h_input_tokens": 0},
}  # fmt: skip
OF_1H = {**OF_5M, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4_007}}
OF_BOTH = {**OF_5M, "cache_creation": {"ephemeral_5m_input_tokens": 1_006, "ephemeral_1h_input_tokens": 3_001}}
SEARCHED = {"input_tokens": 501, "output_tokens": 53, "server_tool_use": {"web_search_requests": 2}}
ABROAD = {**OF_BOTH, "inference_geo": "us"}
FAST = {**OF_BOTH, "speed": "fast"}
LONG = {"input_tokens": 250_000, "output_tokens": 100}
COUNT = "@@counting Count the files and report."
HAIKU = {"description": "Count", "prompt": COUNT, "subagent_type": "general-purpose", "model": "haiku"}
SCRIPTS: dict[str, Sequence[Turn]] = {
    "plain": [Answer([text("Done.")], usage=OF_5M)],
    "hour": [Answer([text("Done.")], usage=OF_1H)],
    "both": [Answer([text("Done.")], usage=OF_BOTH)],
    "tools": [
        Answer([tool("Bash", command="ls", description="List")], usage=OF_1H),
        Answer([text("Empty.")], usage=OF_BOTH),
    ],
    "agents": [
        Answer([agent("Count files", COUNT), agent("Look", "@@looking Look and report.", "Explore")], usage=OF_1H),
        Answer([text("Both reported.")], usage=OF_5M),
    ],
    "background": [
        Answer([background_agent("Count files", COUNT)], usage=OF_1H),
        Answer([text("I wait.")], usage=OF_5M),
    ],
    "haiku": [
        Answer([tool("Agent", **HAIKU, run_in_background=False)], usage=OF_1H),
        Answer([text("It reported.")], usage=OF_5M),
    ],
    "counting": [
        Answer([tool("Bash", command="ls | wc -l", description="Count")], usage=OF_1H),
        Answer([text("Report: none.")], usage=OF_5M),
    ],
    "looking": [Answer([text("Report: nothing.")], usage=OF_BOTH)],
    "search": [
        Answer([tool("WebSearch", query="@@finding nexus")], usage=OF_1H),
        Answer([text("Found.")], usage=OF_5M),
    ],
    "finding": [Answer([text("A page.")], usage=SEARCHED)],
    "refused": [Answer([text("At last.")], usage=OF_5M, refusals=1)],
    "abroad": [Answer([text("Done.")], usage=ABROAD)],
    "fast": [Answer([text("Done.")], usage=FAST)],
    "cut": [Answer([text("An answer of many pieces. " * 8)], usage=OF_5M, breaks=1)],
    "batch": [Answer([text("Done.")], usage={**OF_5M, "service_tier": "batch"})],
    "long": [Answer([text("Done.")], usage=LONG)],
}
EQUAL = (
    ("plain", "plain"), ("hour",), ("both",), ("tools", "plain"), ("agents",), ("background",), ("haiku",), ("search",),
    ("refused",), ("abroad",), ("fast",),
)  # fmt: skip
"""Sessions of one or more prompts, each with its script."""
ALLOWED = ("--allowedTools", "Bash,Read,Agent,Task,WebSearch", "--output-format", "json")
CUT_AFTER = 99
"""Characters of the answer ``cut`` that go out before it breaks off."""
CLOSE = Decimal("1e-9")
"""The client reckons in binary fractions."""
Report = dict[str, Any]


class Sessions:
    """Runs of the client through one running Nexus, and what both sides say of them."""

    def __init__(self, running: Stack, api: ScriptedApi, folder: Path, connection: asyncpg.Connection) -> None:
        self._running, self._api, self._folder, self._connection = running, api, folder, connection

    async def run(self, *prompts: str, model: str = "") -> tuple[Report, Sequence[Spent]]:
        """The client's last report, which counts a resumed session from its beginning, and the rows of ours."""
        reports: list[Report] = []
        for number, script in enumerate(prompts):
            resumed = ("--resume", reports[0]["session_id"]) if number else ()
            chosen = ("--model", model) if model else ()
            reports.append(await self._prompt(f"@@{script} please, {number}", (*ALLOWED, *resumed, *chosen)))
        return _told(reports[-1]), await self._ours(reports[0]["session_id"])

    async def _prompt(self, words: str, args: Sequence[str]) -> Report:
        done = await asyncio.to_thread(
            run_claude,
            self._running.gateway,
            words,
            home=self._folder / "home",
            project=self._folder / "project",
            args=args,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        report: Report = json.loads(done.stdout)[-1]
        assert not report["is_error"]
        return report

    async def _ours(self, session: str) -> Sequence[Spent]:
        """All that the session used: its side calls belong to no conversation."""
        await self._running.requests(len(self._api.served))
        ours = await spent(self._connection, session)
        said = await self._running.api("/api/statusline", session=session)
        assert (Decimal(said["cost_usd"]), said["unpriced_tokens"]) == (total(map(price, ours)), 0)
        return ours


async def sessions(stack_of: AsyncExitStack, folder: Path) -> Sessions:
    api = await stack_of.enter_async_context(scripted_api(SCRIPTS))
    running = await stack_of.enter_async_context(stack(folder, api.url))
    connection = await asyncpg.connect(running.database_url)
    stack_of.push_async_callback(connection.close)
    return Sessions(running, api, folder / "client", connection)


def price(one: Spent) -> Decimal:
    return priced(one.line, one)


def priced(line: BilledLine, like: Spent) -> Decimal:
    amount = PriceBook(shipped_prices()).price_of(line, like.day).amount
    assert amount is not None
    return amount


def ours_by_model(rows: Sequence[Spent]) -> dict[str, dict[str, Any]]:
    """In the client's words."""
    found: dict[str, dict[str, Any]] = {}
    for model in {row.line.tariff.model for row in rows if prompt_tokens(row.line.tokens)}:
        own = [row for row in rows if row.line.tariff.model == model]
        tokens = [row.line.tokens for row in own]
        found[model] = {
            "inputTokens": sum(each.input_tokens for each in tokens),
            "outputTokens": sum(each.output_tokens for each in tokens),
            "cacheReadInputTokens": sum(each.cache_read_tokens for each in tokens),
            "cacheCreationInputTokens": sum(each.cache_write_5m_tokens + each.cache_write_1h_tokens for each in tokens),
            "cacheCreationEphemeral5mInputTokens": sum(each.cache_write_5m_tokens for each in tokens),
            "cacheCreationEphemeral1hInputTokens": sum(each.cache_write_1h_tokens for each in tokens),
            "webSearchRequests": sum(row.line.web_searches for row in own),
            "costUSD": total(map(price, own)),
        }
    return found


def _told(report: Report) -> Report:
    """What is compared of it."""
    by_model = {
        model: {name: _money(counts[name]) if name == "costUSD" else counts[name] for name in ours_names(counts)}
        for model, counts in report["modelUsage"].items()
    }
    return {"total": _money(report["total_cost_usd"]), "models": by_model}


def ours_names(counts: Report) -> list[str]:
    return [name for name in counts if name.endswith(("Tokens", "USD", "Requests")) and name not in _NOT_OURS]


_NOT_OURS = frozenset({"maxOutputTokens", "thinkingTokens"})


def _money(value: float) -> Decimal:
    return Decimal(repr(value))


async def test_the_clients_report_equals_ours(tmp_path: Path, claude_code: Path) -> None:
    """Every count of every model, and the money far below a cent."""
    async with AsyncExitStack() as opened:
        client = await sessions(opened, tmp_path)
        for prompts in EQUAL:
            report, rows = await client.run(*prompts)
            ours = ours_by_model(rows)
            theirs = report["models"]
            counted = {model: {**counts, "costUSD": None} for model, counts in theirs.items()}
            assert {model: {**counts, "costUSD": None} for model, counts in ours.items()} == counted, prompts
            for model, counts in ours.items():
                assert abs(counts["costUSD"] - theirs[model]["costUSD"]) < CLOSE, (prompts, model)
            assert abs(total(map(price, rows)) - report["total"]) < CLOSE, prompts


async def test_where_the_client_differs_it_is_by_what_the_docs_say(tmp_path: Path, claude_code: Path) -> None:
    """It reckons what broke off in its own way, and knows neither the batch price nor a long prompt's."""
    async with AsyncExitStack() as opened:
        client = await sessions(opened, tmp_path)
        report, rows = await client.run("cut")
        (both,) = [row for row in rows if row.requests == 2]
        delivered = -(-CUT_AFTER // 4)
        assert both.line.tokens.output_tokens + both.line.estimated_output_tokens == 101 + delivered
        theirs = report["models"][both.line.tariff.model]
        seen = theirs["outputTokens"] - 101
        assert 0 <= seen <= CUT_AFTER // 3
        assert theirs["inputTokens"] == (2 if seen else 1) * 1_003
        tokens = TokenCounts(
            input_tokens=1_003, output_tokens=delivered, cache_read_tokens=20_011, cache_write_5m_tokens=4_007
        )
        beyond = (
            Decimal("20e-6") * (delivered - seen)
            if seen
            else priced(replace(both.line, tokens=tokens, estimated_output_tokens=0), both)
        )
        assert abs(priced(both.line, both) - beyond - report["total"]) < CLOSE
        report, rows = await client.run("batch")
        assert abs(2 * total(map(price, rows)) - report["total"]) < CLOSE
        report, (row,) = await client.run("long", model="claude-sonnet-4-5")
        assert row.line.tariff.long_context
        assert (price(row), report["total"]) == (Decimal("1.50225"), Decimal("0.7515"))
