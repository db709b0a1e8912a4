"""How long do well-behaved clients wait while something else goes on?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.gateway_process import GatewayProcess

PROMISED_S = 0.05
BODY = b'{"model": "m", "messages": []}'


@dataclass
class Pace:
    """How long the slowest but one in a hundred waits, of one client's requests one after the other."""

    gateway: GatewayProcess
    requests: int = 200
    limit_s: float = PROMISED_S

    async def learn(self) -> None:
        """While nothing else goes on. A machine that is busy with other things by itself is not held to the promise."""
        self.limit_s = max(PROMISED_S, 5 * await self._round())

    async def p99_s(self) -> float:
        """The best of three rounds; the first good one is enough."""
        found = [await self._round()]
        while found[-1] >= self.limit_s and len(found) < 3:
            found.append(await self._round())
        return min(found)

    async def _round(self) -> float:
        times = []
        async with self.gateway.client() as client:
            for _ in range(self.requests):
                began = time.perf_counter()
                answer = await client.request("POST", b"/v1/messages", body=BODY)
                times.append(time.perf_counter() - began)
                assert answer.status == 200
        return sorted(times)[len(times) * 99 // 100]


async def all_of(count: int, one: Callable[[int], Awaitable[None]], side_by_side: int = 50) -> None:
    """``one(0)`` … ``one(count - 1)``, some of them at a time."""
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await one(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(count, side_by_side)):
            tasks.create_task(some())
