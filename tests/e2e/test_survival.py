"""kill -9 of every part, one after the other, under streams: nothing that a client received is missing afterwards."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from aiohttp import ClientError, ClientSession

from tests.scripted_api import scripted_api, text
from tests.stack import Stack, is_alive, request_id_of, stack
from tests.waiting import until_true

CLIENTS = 6
WORDS = " ".join(f"word-{n}" for n in range(60))
BODY = '{{"model":"m","stream":true,"messages":[{{"role":"user","content":"@@long question {} of client {}"}}]}}'
PARTS = ("gateway", "shipper", "projector", "dashboard", "postgres")


@dataclass
class Received:
    """What a client got of one answer."""

    body: bytes
    data: bytearray = field(default_factory=bytearray)
    whole: bool = False


@dataclass
class Load:
    """Clients that ask one question after the other."""

    url: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[UUID, Received] = field(default_factory=dict)

    async def client(self, number: int) -> None:
        async with ClientSession() as session:
            question = 0
            while not self.stop.is_set():
                question += 1
                try:
                    await self._ask(session, BODY.format(question, number).encode())
                except (ClientError, OSError):
                    await asyncio.sleep(0.02)  # the gateway is being started again

    async def _ask(self, session: ClientSession, body: bytes) -> None:
        async with session.post(f"{self.url}/v1/messages", data=body) as response:
            got = self.answers[request_id_of(dict(response.headers))] = Received(body)
            async for data in response.content.iter_any():
                got.data += data
            got.whole = True


async def serves(running: Stack) -> bool:
    try:
        async with ClientSession() as session, session.get(f"{running.gateway}/health/live") as response:
            return response.status == 200
    except ClientError:
        return False


async def shows(running: Stack, count: int) -> bool:
    try:
        status, _ = await running.fetch("/api/requests")
        return status == 200 and len((await running.api("/api/requests", limit="500"))["items"]) >= count
    except (ClientError, AssertionError):
        return False


def postmaster(running: Stack) -> int:
    return int((running.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


async def kill_and_wait(running: Stack, load: Load, part: str) -> None:
    """Kill it in the middle of streams; it must serve again while the others went on."""
    before = len(load.answers)
    pid = postmaster(running) if part == "postgres" else running.part(part)
    os.kill(pid, signal.SIGKILL)
    await until_true(lambda: _gone(pid), f"{part} to die")
    await until_true(lambda: _more(load, before + 2 * CLIENTS), f"clients to go on after {part}")
    await until_true(lambda: serves(running), "the gateway")
    await until_true(lambda: shows(running, 1), "the dashboard")


async def _gone(pid: int) -> bool:
    return not is_alive(pid)


async def _more(load: Load, count: int) -> bool:
    return len(load.answers) >= count


async def test_nothing_received_is_missing_after_every_part_was_killed(tmp_path: Path) -> None:
    async with (
        scripted_api({"long": [[text(WORDS)]]}, pause_s=0.01) as api,
        stack(tmp_path, api.url) as running,
        asyncio.TaskGroup() as tasks,
    ):
        load = Load(running.gateway)
        for number in range(CLIENTS):
            tasks.create_task(load.client(number))
        await until_true(lambda: _more(load, CLIENTS), "the first answers")
        for part in PARTS:
            await kill_and_wait(running, load, part)
        load.stop.set()
        await until_true(lambda: _settled(running, load), "everything to be shipped and linked")
        await check(running, load)
        verified = await running.command("projections", "verify")
        assert "DIFFERENT" not in verified


async def _settled(running: Stack, load: Load) -> bool:
    items = {one["request_id"]: one for one in await _all_items(running)}
    known = [items.get(str(one)) for one in load.answers]
    return all(one is not None and one["outcome"] != "open" and one["edge"] for one in known)


async def _all_items(running: Stack) -> list[dict[str, str]]:
    out, cursor = list[dict[str, str]](), ""
    while True:
        page = await running.api("/api/requests", limit="500", **({"cursor": cursor} if cursor else {}))
        out += page["items"]
        if page["next_cursor"] is None:
            return out
        cursor = page["next_cursor"]


async def check(running: Stack, load: Load) -> None:
    outcomes = {one["request_id"]: one["outcome"] for one in await _all_items(running)}
    cut = 0
    for request_id, got in load.answers.items():
        status, body = await running.fetch(f"/api/requests/{request_id}/body")
        assert (status, body) == (200, got.body)
        status, answer = await running.fetch(f"/api/requests/{request_id}/response")
        assert status == 200
        assert answer.startswith(bytes(got.data)), "a byte that the client got is missing"
        if got.whole:
            assert answer == bytes(got.data)
            assert outcomes[str(request_id)] == "completed"
        else:
            cut += 1
            assert outcomes[str(request_id)] in {"gateway_crash", "completed"}
    assert cut >= 1, "the gateway was killed in the middle of a stream"
