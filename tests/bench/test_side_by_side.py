"""A gateway that records is, on next to nothing and in the same rounds, not much slower than a bare pass-through.

Only coarse ratios, and of several rounds the best one counts: what fails here is broken, not unlucky.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.bar import Figure
from tests.bench import rows, traffic
from tests.bench.programs import started
from tests.bench.rows import Bench
from tests.bench.sizes import TINY
from tests.bench.targets import BARE, DIRECT, NEXUS, Target, Targets, bare
from tests.gateway_process import gateway_process

ROUNDS = 3


@asynccontextmanager
async def gateway_beside_bare(tools: Path, folder: Path) -> AsyncIterator[Bench]:
    """The gateway with its journal, without anything behind it."""
    asked = traffic.make(folder / "traffic", turns=TINY.turns)
    (folder / "journals").mkdir()
    async with AsyncExitStack() as stack:
        log = folder / "log"
        pid, port = await stack.enter_async_context(started(str(tools / "upstream"), str(asked.canned), log=log))
        url = f"http://127.0.0.1:{port}"
        gateway = await stack.enter_async_context(gateway_process(folder / "journals", url))
        found = Targets(pid)
        found.by_name[DIRECT] = Target(DIRECT, port, lambda: pid, pid)
        found.by_name[BARE] = await stack.enter_async_context(bare(url, log))
        found.by_name[NEXUS] = Target(NEXUS, gateway.port, lambda: gateway.pid, gateway.pid)
        yield Bench(tools / "load", found, asked, TINY, folder)


async def test_recording_costs_no_more_than_that(tools: Path, tmp_path: Path, figure: Figure) -> None:
    async with gateway_beside_bare(tools, tmp_path) as bench:
        found = [await rows.json_row(bench, round_) for round_ in range(ROUNDS)]
        streams = [await rows.streams_row(bench, round_) for round_ in range(ROUNDS)]
    for what, figures, at_least in (("small JSON", found, 0.3), ("streams of 200 chunks", streams, 0.35)):
        ratios = [one["nexus.per_s"] / one["bare.per_s"] for one in figures]
        figure(f"{what}, gateway against bare: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
        assert max(ratios) >= at_least, what
