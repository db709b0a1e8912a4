"""The disk is full for a while: what could not be recorded is counted and costs nothing that was made up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from tests.claude_client import FAKE_KEY
from tests.scripted_api import Answer, ScriptedApi, scripted_api, text
from tests.small_disk import SmallDisk, mounted
from tests.stack import Stack, request_id_of, stack
from tests.waiting import until_true

USAGE = {"input_tokens": 1_000, "output_tokens": 100, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
COST = Decimal("0.0075")
"""Of such an answer by a model at 5 and 25 dollars for a million tokens."""
SCRIPTS = {
    "once": [Answer([text("Done.")], usage=USAGE)],
    "held": [
        Answer([text("Half of it comes before, half of it while the disk is full.")], usage=USAGE, stands_still=True)
    ],
}
SESSION = "6f1c2d3e-0000-4000-8000-00000000d15c"


@asynccontextmanager
async def on_a_small_disk(tmp_path: Path, upstream: str) -> AsyncIterator[tuple[Stack, SmallDisk]]:
    """Its journals; everything else has room."""
    (tmp_path / "nexus").mkdir(mode=0o700)
    with mounted(tmp_path / "nexus" / "journals") as disk:
        if disk is None:
            pytest.skip("only root can mount a small disk")
        async with stack(tmp_path, upstream) as running:
            yield running, disk


async def ask(running: Stack, client: ClientSession, prompt: str, script: str = "once") -> UUID:
    """The client gets its whole answer, whatever becomes of the disk."""
    body = {
        "model": "claude-opus-4-5",
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": f"@@{script} {prompt}"}],
    }
    headers = {
        "x-api-key": FAKE_KEY,
        "x-claude-code-session-id": SESSION,
        "x-claude-code-request-class": "main",
        "anthropic-version": "2023-06-01",
    }
    async with client.post(f"{running.gateway}/v1/messages", json=body, headers=headers) as answer:
        assert answer.status == 200
        assert b"message_stop" in await answer.read()
        return request_id_of(answer.headers)


async def trouble(running: Stack, client: ClientSession) -> bool:
    async with client.get(f"{running.gateway}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return any(line.startswith("nexus_journal_trouble") and float(line.split()[-1]) > 0 for line in lines)


@dataclass
class Asked:
    """Requests by what is kept of them."""

    whole: set[UUID] = field(default_factory=set)
    lost: set[UUID] = field(default_factory=set)
    """Nothing was kept of their bodies."""
    torn: UUID | None = None
    """Its answer was kept to the half."""
    probes: set[UUID] = field(default_factory=set)
    """Nobody knows how much of them is kept."""

    @property
    def count(self) -> int:
        return len(self.whole) + len(self.lost) + len(self.probes) + 1


async def lived_through(api: ScriptedApi, running: Stack, client: ClientSession, disk: SmallDisk) -> Asked:
    asked = Asked()

    async def is_in_trouble() -> bool:
        asked.probes.add(await ask(running, client, f"probe {len(asked.probes)}"))
        return await trouble(running, client)

    async def is_well() -> bool:
        return not await trouble(running, client)

    asked.whole = {await ask(running, client, f"before {number}") for number in range(2)}
    async with asyncio.TaskGroup() as tasks:
        held = tasks.create_task(ask(running, client, "please", "held"))
        await api.standing.wait()
        disk.fill()
        await until_true(is_in_trouble, "the trouble to be told")
        asked.lost = {await ask(running, client, f"during {number}") for number in range(3)}
        api.released.set()
        asked.torn = await held
        disk.free()
    await until_true(is_well, "recording to resume by itself")
    asked.whole |= {await ask(running, client, f"after {number}") for number in range(2)}
    return asked


async def test_what_a_full_disk_did_not_keep_is_counted_and_has_no_cost(tmp_path: Path) -> None:
    async with (
        scripted_api(SCRIPTS) as api,
        on_a_small_disk(tmp_path, api.url) as (running, disk),
        ClientSession() as client,
    ):
        asked = await lived_through(api, running, client, disk)
        listed = await running.requests(asked.count)
        items: dict[UUID, dict[str, Any]] = {UUID(one["request_id"]): one for one in listed}
        assert len(items) == asked.count
        for one in asked.whole:
            assert (items[one]["unrecorded"], Decimal(items[one]["cost_usd"])) == (False, COST)
        for one in asked.lost:
            assert (items[one]["unrecorded"], items[one]["cost_usd"]) == (True, None)
        assert asked.torn
        torn = items[asked.torn]
        assert torn["unrecorded"]
        talk = await running.api(f"/api/conversations/{torn['conversation_id']}")
        assert (talk["unrecorded"], talk["cost_usd"]) == (1, torn["cost_usd"])
        unrecorded = sum(item["unrecorded"] for item in items.values())
        cost = sum(Decimal(item["cost_usd"]) for item in items.values() if item["cost_usd"] is not None)
        total = (await running.api("/api/usage"))["total"]
        assert (total["requests"], total["unrecorded"], Decimal(total["cost_usd"])) == (asked.count, unrecorded, cost)
        assert f"{unrecorded} answers could not be recorded whole" in await running.command("usage", "--by", "model")
