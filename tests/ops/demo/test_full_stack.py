"""The demo through the whole product: every link is what the stories know, every byte that a client got is stored, and
what it used and cost is what a second program reads off the raw answers."""

import hashlib
import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from tests.ops.demo.costs import check_costs
from tests.requirements import scaled
from tests.stack import Stack, ended, environment, is_alive, start
from tests.waiting import until_true

PARTS = ("gateway", "shipper", "projector", "postgres")
BEFORE, BETWEEN = 4, 3
"""Requests played before the first part is killed, and between two."""


def played(home: Path) -> list[dict[str, Any]]:
    """What the demo's clients did and got, as far as they are done."""
    lines = (home / "played.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


async def stored(running: Stack) -> dict[str, dict[str, Any]]:
    """Every request of the read API."""
    out, cursor = dict[str, dict[str, Any]](), dict[str, str]()
    while True:
        page = await running.api("/api/requests", limit="500", **cursor)
        out |= {one["request_id"]: one for one in page["items"]}
        if page["next_cursor"] is None:
            return out
        cursor = {"cursor": page["next_cursor"]}


async def until_stored(running: Stack, done: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    async def settled() -> bool:
        items = await stored(running)
        mine = [items.get(one["request_id"]) for one in done]
        return all(one is not None and one["edge"] and one["outcome"] != "open" for one in mine)

    await until_true(settled, "everything to be shipped and linked")
    return await stored(running)


async def check(running: Stack, done: list[dict[str, Any]]) -> None:
    items = await until_stored(running, done)
    for one in done:
        got = items[one["request_id"]]
        if one["edge"] is not None:
            want = (one["request_class"], one["edge"], one["parent"])
            assert (got["class"], got["edge"], got["parent_request_id"]) == want, one["story"]
        status, answer = await running.fetch(f"/api/requests/{one['request_id']}/response")
        assert status == 200
        received = answer[: one["received_bytes"]]
        assert hashlib.sha256(received).hexdigest() == one["received_sha256"], one["story"]
    assert "DIFFERENT" not in await running.command("projections", "verify")


def demo_environment(home: Path) -> dict[str, str]:
    return environment(home, NEXUS_GATEWAY_PORT="0", NEXUS_DASHBOARD_PORT="0")


async def demo(home: Path, *options: str) -> Stack:
    """A running demo; commands go to its home."""
    running = await start(demo_environment(home), "demo", *options)
    running.environment = environment(home, NEXUS_HOME=str(running.home))
    return running


async def test_every_story_is_linked_as_it_was_played(tmp_path: Path) -> None:
    async with ended(await demo(tmp_path, "--fast")) as running:
        await until_true(lambda: _at_least(running, 114), "all stories to be played")
        done = played(running.home)
        assert len({one["story"] for one in done}) == 12
        await check(running, done)
        lines = await check_costs(running.database_url)
        assert {line["request_class"] for line in lines} >= {"main", "subagent", "auxiliary", "compaction"}
        assert max(len(line["tasks"]) for line in lines) > 1
        assert any(line["estimated"] for line in lines)


async def test_nothing_is_missing_when_every_part_is_killed_in_the_middle_of_a_demo(tmp_path: Path) -> None:
    async with ended(await demo(tmp_path)) as running:
        await until_true(lambda: _at_least(running, BEFORE), "the first requests")
        for number, part in enumerate(PARTS[:: scaled(3, 1)], start=1):
            pid = running.part(part)
            os.kill(pid, signal.SIGKILL)
            await until_true(partial(_gone, pid), f"{part} to die")
            await until_true(partial(_at_least, running, BEFORE + number * BETWEEN), "the demo to go on")
        await check(running, played(running.home))


async def _at_least(running: Stack, count: int) -> bool:
    return (running.home / "played.jsonl").exists() and len(played(running.home)) >= count


async def _gone(pid: int) -> bool:
    return not is_alive(pid)
