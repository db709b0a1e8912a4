"""A gateway that records is, on next to nothing and in the same rounds, not much slower than a bare pass-through.

Only coarse ratios, journals in memory, and the best of several rounds counts: what fails here is broken, not unlucky.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bar import Figure
from tests.bench import traffic
from tests.bench.programs import started
from tests.bench.rows import ROWS, Bench
from tests.bench.sizes import TINY
from tests.bench.targets import BARE, DIRECT, NEXUS, Target, Targets, bare
from tests.gateway_process import gateway_process

MOST_ROUNDS = 6


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
async def beside(tools: Path, journals: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    """The gateway with its journal, without anything behind it."""
    asked = traffic.make(tmp_path / "traffic", turns=TINY.turns)
    async with AsyncExitStack() as stack:
        log = tmp_path / "log"
        pid, port = await stack.enter_async_context(started(str(tools / "upstream"), str(asked.canned), log=log))
        url = f"http://127.0.0.1:{port}"
        gateway = await stack.enter_async_context(gateway_process(journals, url))
        found = Targets()
        found.by_name[DIRECT] = Target(DIRECT, port, lambda: pid, pid)
        found.by_name[BARE] = await stack.enter_async_context(bare(url, log))
        found.by_name[NEXUS] = Target(NEXUS, gateway.port, lambda: gateway.pid, gateway.pid)
        yield Bench(tools / "load", found, asked, TINY, tmp_path)


@pytest.mark.parametrize(
    ("name", "at_least"), [("json", 0.3), ("streams", 0.35)], ids=["small JSON", "streams of 200 chunks"]
)
async def test_recording_costs_no_more_than_that(name: str, at_least: float, beside: Bench, figure: Figure) -> None:
    ratios = list[float]()
    while not ratios or (max(ratios) < at_least and len(ratios) < MOST_ROUNDS):
        found = await ROWS[name](beside, len(ratios))
        ratios.append(found["nexus.per_s"] / found["bare.per_s"])
    figure(f"{name}, gateway against bare: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    assert max(ratios) >= at_least
