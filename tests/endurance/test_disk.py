"""Whatever becomes of the disk, no client notices; what is missing is named; recording resumes by itself."""

import asyncio
import errno
import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

import gateway.app
from gateway.journal_log import LogOptions
from schemas.stored.events import RequestReceived, ResponseAborted, ResponseCompleted, ResponseStarted
from tests.bar import Figure
from tests.endured import Kept, Load, answer_to, answering, chunks_for, kept_in, ship_all
from tests.fake_store import FakeStore
from tests.fake_upstream import CHUNKED, Received, Wire, fake_upstream, head
from tests.faulty_disk import FaultyDisk
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.running_gateway import RunningGateway, running_gateway
from tests.small_disk import SmallDisk, mounted, small_disk
from tests.waiting import until, until_true

STREAMS = 50


@dataclass
class Phased:
    """An upstream whose answers wait in the middle for what happens to the disk."""

    fault: asyncio.Event = field(default_factory=asyncio.Event)
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, received: Received, wire: Wire) -> None:
        """Every second answer ends while the disk is in trouble."""
        await wire.say(head(b"200 OK", CHUNKED))
        first, middle, last = self.parts(received.body)
        await self._say(wire, first)
        await self.fault.wait()
        await self._say(wire, middle)
        if not received.body.startswith(b"short"):
            await self.healed.wait()
            await self._say(wire, last)
        await wire.end()

    async def _say(self, wire: Wire, chunks: list[bytes]) -> None:
        for data in chunks:
            await wire.chunk(data)

    def parts(self, body: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
        chunks = chunks_for(body)
        third = len(chunks) // 3 + 1
        last = [] if body.startswith(b"short") else chunks[2 * third :]
        return chunks[:third], chunks[third : 2 * third], last

    def answer(self, body: bytes, parts: int = 3) -> bytes:
        return b"".join(b"".join(part) for part in self.parts(body)[:parts])


def bodies(count: int, word: str = "") -> list[bytes]:
    return [f"{'short' if number % 2 else 'long'} {word} {number}".encode() * 40 for number in range(count)]


def received(load: Load, body: bytes) -> bytes:
    return load.answers[body].body if body in load.answers else b""


async def all_have(load: Load, upstream: Phased, asked: list[bytes], parts: int) -> None:
    wanted = {body: upstream.answer(body, parts) for body in asked}
    await until(lambda: all(received(load, body) == data for body, data in wanted.items()), f"{parts} parts")


def exchange_of(load: Load, kept: dict[UUID, Kept], body: bytes) -> Kept:
    return kept[UUID(load.answers[body].one(b"x-nexus-request-id").decode())]


async def is_well(gateway: RunningGateway) -> bool:
    return await gateway.metric("nexus_journal_trouble") == 0


async def live_through(
    root: Path, count: int, fault: Callable[[], None], heal: Callable[[], None]
) -> tuple[Load, Phased]:
    """Streams before, during and after the fault; every client must get every byte."""
    upstream = Phased()
    before, during, after = bodies(count, "before"), bodies(count // 5, "during"), bodies(3, "after")
    async with fake_upstream(upstream) as fake, running_gateway(root, fake.url) as gateway:
        load = Load(gateway.port)
        async with asyncio.TaskGroup() as tasks:
            for body in before:
                tasks.create_task(load.run([body]))
            await all_have(load, upstream, before, 1)
            fault()
            upstream.fault.set()
            for body in during:
                tasks.create_task(load.run([body]))
            await all_have(load, upstream, [*before, *during], 2)
            await until_true(lambda: _in_trouble(gateway), "the trouble to be told")
            heal()
            await until_true(lambda: is_well(gateway), "recording to resume by itself")
            upstream.healed.set()
        await load.run(after)
        assert await gateway.metric("nexus_swallowed_errors_total") == 0
    for body in (*before, *during, *after):
        assert load.answers[body].complete
        assert received(load, body) == upstream.answer(body)
    return load, upstream


async def _in_trouble(gateway: RunningGateway) -> bool:
    return not await is_well(gateway)


async def stored(root: Path) -> dict[UUID, Kept]:
    store = FakeStore()
    await ship_all(root, store)
    kept = kept_in(store)
    for one in kept.values():
        one.check_order()
    return kept


def check_facts(one: Kept, body: bytes, answer: bytes) -> None:
    """All but bytes is kept, and the bytes that are not are named."""
    assert isinstance(one.events[0], RequestReceived)
    assert any(isinstance(event, ResponseStarted) for event in one.events)
    assert isinstance(one.events[-1], ResponseCompleted)
    one.check_exact(answer)
    assert all("lost" not in gap.reason for gap in one.gaps), "the gateway names them, no reader has to find them"
    lost = sum(gap.byte_count for gap in one.gaps if gap.part == "request")
    assert lost == (0 if one.body == body else len(body))


@pytest.mark.bar(8)
async def test_a_full_disk_costs_bytes_of_the_record_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    with small_disk(tmp_path / "disk", monkeypatch) as disk:
        root = disk.root / "journals"
        load, upstream = await live_through(root, STREAMS, disk.fill, disk.free)
        kept = await stored(root)
    missing = 0
    for body in load.answers:
        one = exchange_of(load, kept, body)
        check_facts(one, body, upstream.answer(body))
        missing += sum(gap.byte_count for gap in one.gaps)
        assert one.is_whole or b" after " not in body
    assert missing
    where = type(disk).__name__
    figure(f"full disk ({where}) under {STREAMS} streams: 0 client failures, {missing} bytes in gaps, no fact lost")


@pytest.mark.bar(8)
async def test_facts_of_a_full_disk_outlive_the_process(tmp_path: Path, figure: Figure) -> None:
    """Its log lies on the same disk."""
    upstream, asked = Phased(), bodies(20, "before")
    with mounted(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only root can mount a small disk")
        async with fake_upstream(upstream) as fake, gateway_process(disk.root, fake.url) as running:
            load = await _killed_while_full(running, disk, upstream, asked)
        disk.free()
        kept = await stored(disk.root)
    for body in asked:
        one = exchange_of(load, kept, body)
        if body.startswith(b"short"):
            check_facts(one, body, upstream.answer(body))
        else:
            assert isinstance(one.events[-1], ResponseAborted)
            assert one.gaps or one.answer == received(load, body), "that bytes are missing is known"
    figure(f"kill -9 while the disk is full: {len(asked)} of {len(asked)} exchanges with all their facts")


async def _killed_while_full(running: GatewayProcess, disk: SmallDisk, upstream: Phased, asked: list[bytes]) -> Load:
    load = Load(running.port)
    async with asyncio.TaskGroup() as tasks:
        for body in asked:
            tasks.create_task(load.run([body]))
        await all_have(load, upstream, asked, 1)
        disk.fill()
        upstream.fault.set()
        await all_have(load, upstream, asked, 2)
        await until(lambda: all(load.answers[body].complete for body in asked if body.startswith(b"short")))
        os.kill(running.pid, signal.SIGKILL)
        upstream.healed.set()
    return load


@pytest.mark.bar(8)
async def test_a_gateway_that_starts_on_a_full_disk_serves_and_records_what_it_kept_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, asked = Phased(), bodies(6)
    upstream.fault.set()
    upstream.healed.set()
    with small_disk(tmp_path / "disk", monkeypatch) as disk:
        disk.fill()
        root, metrics, limits = (disk.root / name for name in ("journals", "metrics", "limits"))
        async with (
            fake_upstream(upstream) as fake,
            running_gateway(root, fake.url, metrics_dir=metrics, limits_dir=limits) as running,
        ):
            load = Load(running.port)
            await load.run(asked)
            assert await _in_trouble(running)
            disk.free()
            await until_true(lambda: is_well(running), "recording to begin by itself")
        kept = await stored(root)
    for body in asked:
        assert received(load, body) == upstream.answer(body)
        check_facts(exchange_of(load, kept, body), body, upstream.answer(body))


# ------------------------------------------------------------------------------------------------ read-only, gone, EIO


@contextmanager
def faulty(patch: pytest.MonkeyPatch, disk: FaultyDisk) -> Iterator[None]:
    with patch.context() as patched:
        patched.setattr(gateway.app, "LogOptions", partial(LogOptions, system=disk.system))
        yield


@pytest.mark.bar(9)
@pytest.mark.parametrize("error", [errno.EIO, errno.EROFS])
async def test_a_disk_that_breaks_or_is_read_only_costs_bytes_of_the_record_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    disk = FaultyDisk(reserves=True)

    def breaks(number: int | None) -> None:
        disk.write_error = disk.sync_error = number
        disk.open_error = number if number == errno.EROFS else None

    with faulty(monkeypatch, disk):
        load, upstream = await live_through(tmp_path, 20, lambda: breaks(error), lambda: breaks(None))
        kept = await stored(tmp_path)
    for body in load.answers:
        check_facts(exchange_of(load, kept, body), body, upstream.answer(body))


def _segments(root: Path) -> None:
    for path in root.glob("*/*.seg"):
        path.unlink()


@pytest.mark.bar(9)
@pytest.mark.parametrize("remove", [shutil.rmtree, _segments])
async def test_a_journal_that_somebody_removes_is_begun_again(tmp_path: Path, remove: Callable[[Path], None]) -> None:
    root, upstream, asked, after = tmp_path / "journals", Phased(), bodies(20), bodies(3, "after")
    async with fake_upstream(upstream) as fake, running_gateway(root, fake.url) as running:
        load = Load(running.port)
        async with asyncio.TaskGroup() as tasks:
            for body in asked:
                tasks.create_task(load.run([body]))
            await all_have(load, upstream, asked, 1)
            remove(root)
            upstream.fault.set()
            await all_have(load, upstream, asked, 2)
            await until(lambda: list(root.glob("*/*.seg")), "a new segment where a shipper looks")
            upstream.healed.set()
        await load.run(after)
    kept = await stored(root)
    for body in (*asked, *after):
        assert received(load, body) == upstream.answer(body)
    assert all(exchange_of(load, kept, body).is_whole for body in after)
    assert all(one.gaps or one.is_whole for one in kept.values()), "what was not flushed yet is written again"


# ---------------------------------------------------------------------------------------------------------- a slow disk


class SlowDisk(FaultyDisk):
    """A flush takes 200 ms, one in a hundred 2 s."""

    def _sync_data(self, descriptor: int) -> None:
        threading.Event().wait(2.0 if random.Random(self.syncs).random() < 0.01 else 0.2)
        super()._sync_data(descriptor)


@pytest.mark.bar(10)
async def test_a_slow_disk_holds_a_request_up_for_its_deadline_and_a_chunk_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    clients, each = 8, scaled(3, 40)
    with faulty(monkeypatch, SlowDisk()):
        async with (
            fake_upstream(answering(lambda _: None, most=40)) as fake,
            running_gateway(tmp_path, fake.url) as running,
        ):
            load = Load(running.port)
            async with asyncio.TaskGroup() as tasks:
                for client in range(clients):
                    tasks.create_task(load.run([b"%d-%d" % (client, number) for number in range(each)]))
                await asyncio.to_thread(lambda: None)
            held = {part: await _held(running, part) for part in ("request", "answer")}
            deferred = await running.metric("nexus_deferred_total")
            threads = [one.name for one in threading.enumerate()].count("journal-flush")
            recorded = running.recorded()
    count = clients * each
    assert all(load.answers[body].body == answer_to(body, most=40) for body in load.answers)
    assert [number for _, number in held.values()] == [count, count], "once for the request, once for the answer"
    assert deferred == 2 * count
    assert all(one.forwarded is not None and one.forwarded.deferred for one in recorded)
    assert threads == 1, "flushes never queue up on threads that others need"
    means = {part: seconds / number for part, (seconds, number) in held.items()}
    assert max(means.values()) < 0.5, "the deadline is 50 ms"
    figure(", ".join(f"{part} held up {1000 * mean:.0f} ms on average" for part, mean in means.items()))


async def _held(running: RunningGateway, part: str) -> tuple[float, float]:
    name = "nexus_added_latency_seconds"
    labels = f'{{phase="{part}"}}'
    return await running.metric(f"{name}_sum{labels}"), await running.metric(f"{name}_count{labels}")
