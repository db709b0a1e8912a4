"""However often a projector is killed, wherever it is: every effect happens once."""

import signal
from pathlib import Path
from random import Random

import psutil
import pytest

from ops.db.pool import Pool
from tests.bar import Figure
from tests.counted import Counted
from tests.projectors import ForkServer, projectors
from tests.requirements import scaled
from tests.waiting import until_true

KILLS = scaled(6, 200)
POINTS = ("moved", "written", "committed")


@pytest.mark.bar(22)
async def test_every_effect_happens_once_however_often_the_projector_is_killed(
    fork_server: ForkServer, migrated_database: str, pool: Pool, tmp_path: Path, figure: Figure
) -> None:
    counted, chance = await Counted.over(pool), Random(22)

    async def is_over(pid: int) -> bool:
        return not psutil.pid_exists(pid) or await counted.is_right()

    async with projectors(fork_server, migrated_database, tmp_path, tally=True, lasts_s=0.2, ask_s=0.04) as running:
        for number in range(KILLS):
            trap = {"signal": int(signal.SIGKILL), "point": POINTS[number % 3], "batch": chance.randint(1, 3)}
            pid = running.start(**trap)
            while psutil.pid_exists(pid):
                await counted.append(chance.randint(1, 5))
                await until_true(lambda: is_over(pid), "a death or the end of the work")  # noqa: B023
        running.start()
        await counted.append()
        await counted.until_right()
    figure(f"{KILLS} kills in the middle of a batch, {len(counted.ids)} events: each counted once")
