"""Two gateway hosts, two shippers on one of them, killed again and again: every exchange is stored, once, whole."""

import asyncio
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from ops import plan
from ops.configs import Context
from ops.db.pool import Pool
from ops.home import prepare
from tests.bar import Figure
from tests.fake_upstream import fake_upstream, fixed
from tests.living import living, settings
from tests.requirements import scaled
from tests.stack import NEXUS, environment
from tests.waiting import until_true

KILLS = scaled(1, 12)
PER_ROUND = 8
STREAMS = """
SELECT originator_id, count(*) AS events,
    count(*) FILTER (WHERE topic IN ('response-completed', 'response-aborted')) AS ends
FROM nexus_events GROUP BY originator_id
"""


class Shipper:
    """``nexus shipper`` as a process; it may be replaced by a new one."""

    def __init__(self, home: Path, database_url: str) -> None:
        self._home, self._url = home, database_url
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """If it does not run."""
        if self.process is not None and self.process.returncode is None:
            return
        with (self._home.parent / "shipper.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *NEXUS, "shipper", stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(self._home.parent, DATABASE_URL=self._url, NEXUS_HOME=str(self._home)),
            )  # fmt: skip

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            await self.process.wait()


async def send(addresses: list[str], count: int) -> set[str]:
    """Requests to all gateways in turn; the ids that they were told."""
    async with aiohttp.ClientSession() as client:

        async def one(number: int) -> str:
            url = f"{addresses[number % len(addresses)]}/v1/messages"
            async with client.post(url, data=b'{"model":"m"}') as answer:
                assert await answer.read() == b'{"type":"message"}'
                return answer.headers["x-nexus-request-id"]

        return set(await asyncio.gather(*map(one, range(count))))


@pytest.mark.bar(3)
async def test_two_hosts_and_two_shippers_on_one_of_them_killed_again_and_again(
    migrated_database: str, pool: Pool, tmp_path: Path, figure: Figure
) -> None:
    sent, (first, second) = set[str](), (tmp_path / "one" / "nexus", tmp_path / "two" / "nexus")
    for home in (first, second):
        home.mkdir(parents=True)
    shippers = [Shipper(first, migrated_database), Shipper(first, migrated_database)]

    async def stored(least: int) -> bool:
        ended = [row for row in await pool.fetch(STREAMS) if row["ends"] == 1]
        return len(ended) >= least

    async with fake_upstream(fixed(b'{"type":"message"}')) as upstream:
        here, there = (Context(settings(upstream_url=upstream.url), prepare(home)) for home in (first, second))
        try:
            async with (
                living(plan.SHIPPER, replace(there, database_url=migrated_database)),
                living(plan.GATEWAY, here) as one, living(plan.GATEWAY, there) as two,
            ):  # fmt: skip
                for number in range(KILLS):
                    for each in shippers:
                        await each.start()
                    sent |= await send([one.address, two.address], PER_ROUND)
                    await until_true(partial(stored, len(sent)), "all of it to be stored")
                    sent |= await send([one.address, two.address], PER_ROUND)
                    await shippers[number % 2].kill()
                    sent |= await send([one.address, two.address], PER_ROUND)
                    await until_true(partial(stored, len(sent)), "the other shipper to go on")
            rows = {str(row["originator_id"]): row for row in await pool.fetch(STREAMS)}
            assert set(rows) == sent
            assert {(row["events"], row["ends"]) for row in rows.values()} == {(4, 1)}
        finally:
            for each in shippers:
                await each.kill()
    figure(f"{len(sent)} exchanges over two hosts, a shipper killed {KILLS} times: each stored once")
