"""Power is cut at any moment: what a client saw whole is whole, and no request went upstream that is not known."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

import gateway.app
import gateway.exchange
from gateway.journal_log import LogOptions
from schemas.stored.events import ResponseCompleted
from tests.bar import Figure
from tests.endured import Kept, Load, answer_to, answering, by_body, kept_in, ship_all
from tests.fake_store import FakeStore
from tests.fake_upstream import fake_upstream
from tests.requirements import scaled
from tests.running_gateway import running_gateway
from tests.synced_disk import Left, SyncedDisk

CUTS_A_RUN = 25
CLIENTS, QUESTIONS = 4, 8
pytestmark = pytest.mark.bar(6)


@dataclass
class Moment:
    """The power fails now."""

    left: Left
    whole: set[bytes]
    """What clients have seen whole, by request body."""
    seen: set[bytes]
    """Requests that upstream has."""
    partial: dict[bytes, int]
    """Bytes that clients have of the others."""


@dataclass
class Run:
    """A gateway under load, and moments of it."""

    home: Path
    """A folder that is there before."""
    disk: SyncedDisk
    rng: random.Random
    moments: list[Moment] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    load: Load | None = None
    events: int = 0

    def __post_init__(self) -> None:
        self.home.mkdir()

    @property
    def root(self) -> Path:
        """Of the journals."""
        return self.home / "nexus" / "journals"

    def look(self) -> None:
        """Something has just become visible outside: the worst moment for a cut. Keeps a fair choice of them."""
        self.events += 1
        at = len(self.moments) if len(self.moments) < CUTS_A_RUN else self.rng.randrange(self.events)
        if at < CUTS_A_RUN and self.load is not None:
            partly = {body: len(answer.body) for body, answer in self.load.answers.items() if not answer.complete}
            moment = Moment(self.disk.now(self.root), self.load.whole, set(self.seen), partly)
            self.moments[at : at + 1] = [moment]

    def upstream_saw(self, body: bytes) -> None:
        self.seen.add(body)
        self.look()


async def run_under_load(home: Path, seed: int, disk: SyncedDisk) -> Run:
    run = Run(home, disk, random.Random(seed))
    async with (
        fake_upstream(answering(run.upstream_saw)) as fake,
        running_gateway(run.root, fake.url, segment_bytes=40_000) as gateway,
    ):
        load = run.load = Load(gateway.port)
        async with asyncio.TaskGroup() as tasks:
            for client in range(CLIENTS):
                bodies = [b"%d-%d-%d" % (seed, client, number) * 9 for number in range(QUESTIONS)]
                tasks.create_task(load.run(bodies, run.look))
    return run


async def after(run: Run, moment: Moment, into: Path) -> dict[bytes, Kept]:
    """What is in the store once the machine has come back."""
    store = FakeStore()
    moment.left.restore(run.home, into, run.rng)
    await ship_all(into / "nexus" / "journals", store)
    kept = kept_in(store)
    for one in kept.values():
        one.check_order()
    return by_body(kept.values())


def missing(moment: Moment, kept: dict[bytes, Kept]) -> list[str]:
    """Promises that were broken."""
    broken = [f"upstream saw {body!r}" for body in moment.seen if body not in kept]
    broken += [f"a client saw {body!r} whole" for body in moment.whole if body in kept and not kept[body].is_whole]
    for body, one in kept.items():
        if not answer_to(body).startswith(one.answer) and not one.gaps:
            broken.append(f"{body!r} is not what upstream said")
        if isinstance(one.events[-1], ResponseCompleted) and one.is_whole and one.answer != answer_to(body):
            broken.append(f"{body!r} ended early")
    return broken


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SyncedDisk:
    """The gateway's, which no deadline hurries: that a slow disk is not waited for is another promise."""
    disk = SyncedDisk()
    monkeypatch.setattr(gateway.app, "LogOptions", partial(LogOptions, system=disk.system))
    monkeypatch.setattr(gateway.exchange, "SYNC_DEADLINE_S", 30.0)
    return disk


async def test_what_clients_saw_whole_is_whole_after_a_power_cut(
    tmp_path: Path, disk: SyncedDisk, figure: Figure
) -> None:
    cuts = unsynced = most = 0
    for seed in range(scaled(1, 8)):
        run = await run_under_load(tmp_path / f"{seed}", seed, disk)
        for number, moment in enumerate(run.moments):
            kept = await after(run, moment, tmp_path / f"{seed}-{number}")
            assert missing(moment, kept) == [], f"seed {seed}, cut {number}"
            cuts += 1
            lost = [size - len(kept[body].answer) for body, size in moment.partial.items()]
            unsynced += sum(max(0, one) for one in lost)
            most = max(most, *lost, 0)
    figure(f"{cuts} power cuts; of answers that were not over, {most} bytes at most of one were not on the disk yet")


@pytest.mark.bar(15)
async def test_a_worker_that_was_stopped_leaves_nothing_that_a_power_cut_could_take(
    tmp_path: Path, disk: SyncedDisk
) -> None:
    run = await run_under_load(tmp_path / "home", 5, disk)
    left = disk.now(run.root)
    assert run.load is not None
    assert len(left.written) > 1
    assert {inode: left.sizes[inode] for inode in left.written} == left.written
    kept = await after(run, Moment(left, run.load.whole, run.seen, {}), tmp_path / "cut")
    assert len(kept) == CLIENTS * QUESTIONS
    assert all(one.is_whole for one in kept.values())


Plant = Callable[[pytest.MonkeyPatch, SyncedDisk], None]


def _no_folder_is_flushed(_: pytest.MonkeyPatch, disk: SyncedDisk) -> None:
    disk.folder_is_synced = False


def _nothing_waits_for_the_disk(patch: pytest.MonkeyPatch, _: SyncedDisk) -> None:
    patch.setattr(gateway.exchange, "SYNC_DEADLINE_S", 0.0)


@pytest.mark.parametrize("plant", [_no_folder_is_flushed, _nothing_waits_for_the_disk])
async def test_a_gateway_that_does_not_flush_is_found_out(
    tmp_path: Path, disk: SyncedDisk, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch, disk)
    run = await run_under_load(tmp_path / "home", 1, disk)
    broken = []
    for number, moment in enumerate(run.moments):
        broken += missing(moment, await after(run, moment, tmp_path / f"cut-{number}"))
    assert broken
