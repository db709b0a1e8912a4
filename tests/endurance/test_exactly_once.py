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
    alive, died = list[int](), 0

    async def is_over() -> bool:
        return not all(map(psutil.pid_exists, alive)) or await counted.is_right()

    async with projectors(fork_server, migrated_database, tmp_path, tally=True, lasts_s=0.2, ask_s=0.04) as running:
        while died < KILLS:
            while len(alive) < 2:
                point, batch = POINTS[len(running.pids) % 3], chance.randint(1, 2)
                alive.append(running.start(signal=int(signal.SIGKILL), point=point, batch=batch))
            await counted.append(chance.randint(1, 5))
            await until_true(is_over, "a death or the end of the work")
            left = [pid for pid in alive if psutil.pid_exists(pid)]
            died, alive[:] = died + len(alive) - len(left), left
        running.start()
        await counted.append()
        await counted.until_right()
    figure(f"{died} kills in the middle of a batch, {len(counted.ids)} events: each counted once")
