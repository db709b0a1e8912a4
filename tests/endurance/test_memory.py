"""After a hundred thousand requests, many of them given up, a worker is as small as it was."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bar import Figure
from tests.fake_upstream import CHUNKED, FakeUpstream, Received, Wire, fake_upstream, head
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.running_gateway import running_gateway
from tests.waiting import until
from tests.wire_client import WireClient, request_bytes, wire_client

CLIENTS = 8
PIECE = b"data: " + b"z" * 400 + b"\n\n"
ABORTED = 0.2
BODIES = [bytes(size) for size in (2_000, 5_000, 20_000, 200_000, 2_000_000)]
WEIGHTS = (70, 20, 8, 1.7, 0.3)
WARM_UP = 0.3
"""Of the requests: until then pools and caches fill."""


async def answer(received: Received, wire: Wire) -> None:
    """Short ones and streams. What was received is not kept."""
    is_long = received.target == b"/long"
    received.lines.clear()
    with suppress(ConnectionError):
        await wire.say(head(b"200 OK", CHUNKED))
        for _ in range(20 if is_long else 3):
            await wire.chunk(PIECE)
            await asyncio.sleep(0)
        await wire.end()


async def ask(client: WireClient, dice: random.Random, *, gives_up: bool) -> None:
    (body,) = dice.choices(BODIES, WEIGHTS)
    sent = request_bytes("POST", b"/long" if gives_up else b"/short", body=body)
    if not gives_up:
        await client.send(sent)
        assert (await client.answer()).complete
        return
    how = dice.randrange(3)
    await client.send(sent[: len(sent) // 2] if how == 0 else sent)
    if how == 2:
        await client.head()
    client.writer.transport.abort()


async def use(port: int, count: int, seed: int) -> None:
    """One client's requests; with each that it gives up it loses its connection."""
    dice = random.Random(seed)
    while count > 0:
        async with wire_client(port) as client:
            gives_up = False
            while count > 0 and not gives_up:
                gives_up = dice.random() < ABORTED
                await ask(client, dice, gives_up=gives_up)
                count -= 1


async def all_use(port: int, count: int, seed: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(CLIENTS):
            tasks.create_task(use(port, count // CLIENTS, seed * CLIENTS + number))


def forget_shipped(root: Path) -> None:
    """Full segments go, as the shipper would see to it."""
    for path in sorted(root.glob("*/*.seg"))[:-1]:
        path.unlink(missing_ok=True)


def slope(values: list[int]) -> float:
    """Of the best straight line, per step."""
    middle_x, middle_y = (len(values) - 1) / 2, sum(values) / len(values)
    over = sum((x - middle_x) * (y - middle_y) for x, y in enumerate(values))
    return over / sum((x - middle_x) ** 2 for x in range(len(values)))


@pytest.mark.bar(17)
async def test_memory_and_files_of_a_worker_stay_flat(tmp_path: Path, figure: Figure) -> None:
    count, steps = scaled(1_500, 100_000), 20
    async with fake_upstream(answer) as fake, gateway_process(tmp_path, fake.url) as gateway:
        memory = await used(gateway, fake, count, steps)
        await fake.until(lambda fake: fake.open <= CLIENTS * 3, seconds=30)
        files = gateway.files()
    settled = memory[int(steps * WARM_UP) :]
    per_10k = slope(settled) * steps / count * 10_000
    figure(f"{count} requests: {per_10k / 1e6:+.2f} MB per 10,000 after warm-up, {files} files open at the end")
    assert max(settled) - settled[0] < 30_000_000
    if count >= 100_000:  # fewer say nothing of the slope
        assert per_10k < 1_000_000
    assert files < 40 + CLIENTS * 3


async def used(gateway: GatewayProcess, fake: FakeUpstream, count: int, steps: int) -> list[int]:
    """Resident bytes after each step."""
    memory = list[int]()
    for step in range(steps):
        await all_use(gateway.port, count // steps, step)
        await gateway.rests()
        memory.append(gateway.memory())
        forget_shipped(gateway.root)
        fake.requests.clear()
    return memory


def handling() -> int:
    """Tasks that serve a connection or conduct an exchange."""
    return sum("RequestHandler." in repr(task.get_coro()) for task in asyncio.all_tasks())


def timers() -> int:
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # asyncio's own loop
    return sum(not timer.cancelled() for timer in scheduled)


@pytest.mark.bar(17)
async def test_no_task_and_no_timer_is_left_behind(tmp_path: Path) -> None:
    async with fake_upstream(answer) as fake, running_gateway(tmp_path, fake.url) as gateway:
        before = timers()
        await all_use(gateway.port, scaled(160, 2_000), 0)
        await until(lambda: handling() == 0, "all tasks of connections and exchanges to end")
        await until(lambda: timers() <= before + fake.open + 6, "all timers but those of pooled connections to end")
