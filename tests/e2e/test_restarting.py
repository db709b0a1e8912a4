"""Rolling restarts under load: clients that never try twice see no failure; each request is recorded exactly once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from aiohttp import ClientSession, TCPConnector

from ops.db.dsn import parse_dsn
from tests.requirements import scaled
from tests.scripted_api import scripted_api, text
from tests.stack import Stack, is_alive, request_id_of, stack
from tests.waiting import until_true

STEADY, FRESH, LONG = 10, 6, 3
"""Clients: on one connection each, on a new connection for each request, with long streams."""
PAUSE_S = 0.3
"""Between two requests of a client; all together ask about 50 times a second."""
LONG_WORDS = " ".join(f"word-{n}" for n in range(300))
BODY = '{{"model":"m","stream":true,"messages":[{{"role":"user","content":"@@{} question {}"}}]}}'
RECORDED = """
SELECT originator_id,
       count(*) FILTER (WHERE topic = 'request-received'),
       count(*) FILTER (WHERE topic = 'response-completed'),
       count(*) FILTER (WHERE topic = 'response-aborted')
FROM nexus_events GROUP BY originator_id
"""


@dataclass
class Load:
    """Clients that ask until they are told to stop. The first failure of any is the failure of the test."""

    url: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    answered: Counter[UUID] = field(default_factory=Counter)
    asked: int = 0

    async def client(self, kind: str, *, fresh: bool = False) -> None:
        async with ClientSession(connector=TCPConnector(limit=1, force_close=fresh)) as session:
            while not self.stop.is_set():
                await self._ask(session, kind)
                try:
                    async with asyncio.timeout(PAUSE_S):
                        await self.stop.wait()
                except TimeoutError:
                    continue

    async def _ask(self, session: ClientSession, kind: str) -> None:
        self.asked += 1
        async with session.post(f"{self.url}/v1/messages", data=BODY.format(kind, self.asked)) as response:
            body = await response.read()  # raises if the stream was cut
            assert response.status == 200, body
            assert b"message_stop" in body
            self.answered[request_id_of(dict(response.headers))] += 1

    async def more(self, count: int) -> bool:
        return self.answered.total() >= count


@asynccontextmanager
async def loaded(home: Path, **settings: str) -> AsyncIterator[tuple[Stack, Load]]:
    """A running Nexus under load; at the end every answer must have been recorded once."""
    scripts = {"long": [[text(LONG_WORDS)]], "short": [[text("Yes.")]]}
    async with scripted_api(scripts, pause_s=0.01) as api, stack(home, api.url, **settings) as running:
        load = Load(running.gateway)
        async with asyncio.TaskGroup() as tasks:
            for number in range(STEADY + FRESH):
                tasks.create_task(load.client("short", fresh=number >= STEADY))
            for _ in range(LONG):
                tasks.create_task(load.client("long"))
            await until_true(lambda: load.more(2 * (STEADY + FRESH)), "the first answers")
            yield running, load
            load.stop.set()
        await until_true(lambda: recorded_once(running, load), "each request to be recorded exactly once")
        assert load.answered.total() == load.asked == len(load.answered)


async def recorded_once(running: Stack, load: Load) -> bool:
    connection = await asyncpg.connect(parse_dsn(running.database_url).for_asyncpg())
    try:
        rows = await connection.fetch(RECORDED)
    finally:
        await connection.close()
    assert all(row[1] <= 1 and row[2] <= 1 for row in rows)
    assert not any(row[3] for row in rows), "an answer was cut"
    return {row[0] for row in rows if row[2]} == set(load.answered)


async def roll(running: Stack, load: Load, workers: int) -> None:
    """Restart, and let the load go on a little with the new ones."""
    before = {name: running.part(name) for name in names(workers)}
    answered = load.answered.total()
    assert "The gateway is new" in await running.command("restart")
    after = {name: running.part(name) for name in names(workers)}
    assert not set(before.values()) & set(after.values())
    assert not any(is_alive(pid) for pid in before.values())
    await until_true(lambda: load.more(answered + STEADY + FRESH), "answers of the new workers")


def names(workers: int) -> list[str]:
    return ["gateway", *(f"gateway-{number}" for number in range(2, workers + 1))]


@pytest.mark.bar(16)
@pytest.mark.parametrize("workers", [2, 1][: scaled(1, 2)])
async def test_restarts_fail_no_request(tmp_path: Path, workers: int) -> None:
    async with loaded(tmp_path, NEXUS_GATEWAY_WORKERS=str(workers)) as (running, load):
        for _ in range(scaled(2, 20)):
            await roll(running, load, workers)
