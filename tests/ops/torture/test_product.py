"""Running the product: nothing of the user's reaches it, whoever dies is started again, and all of it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from ops import run_state
from ops.home import Home, prepare
from ops.processes import Launch
from ops.run_state import PartNow, RunState
from ops.settings import Settings, inherited
from ops.settings_text import table
from ops.torture.client import Place
from ops.torture.product import DidNotRunError, Pieces, Up, environment, signalled, until_well, up
from tests.waiting import until

PART = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(sys.argv[1])))
print('{"type":"ready"}', flush=True)
signal.pause()
"""
"""It is ready at once, and ends with this exit code when it is told to."""


class Toys(Pieces):
    """Small programs instead of the parts."""

    def __init__(self, home: Home, names: tuple[str, ...], codes: Mapping[str, int]) -> None:
        super().__init__(home, Place("127.0.0.1", 1), inherited({}), (), names)
        self._wanted = codes

    def _launch(self, name: str) -> Launch:
        code = str(self._wanted.get(name, 0))
        return Launch([sys.executable, "-c", PART, code], self.environment, self.home.logs / f"{name}.log")


@pytest.fixture
async def toys(tmp_path: Path) -> AsyncIterator[Toys]:
    toys = Toys(prepare(tmp_path), ("gateway", "gateway-2", "shipper"), {"shipper": 3})
    async with asyncio.TaskGroup() as tasks:
        for name in toys.names:
            tasks.create_task(toys.keep(name))
        await until_well(toys)
        yield toys
        await toys.stop()


async def test_who_is_killed_is_started_again(toys: Toys) -> None:
    before = {name: toys.pid(name) for name in toys.names}
    assert signalled(toys, "gateway-2", signal.SIGKILL) == before["gateway-2"]
    await until(lambda: toys.pid("gateway-2") not in {None, before["gateway-2"]}, "a new process")
    await until(toys.is_well, "all to be ready")
    assert {name for name in toys.names if toys.pid(name) != before[name]} == {"gateway-2"}
    assert toys.codes["gateway-2"] == -signal.SIGKILL


async def test_all_end_and_the_worst_exit_code_is_told(toys: Toys) -> None:
    pids = [toys.pid(name) for name in toys.names]
    assert await toys.stop() == 3
    assert [toys.pid(name) for name in toys.names] == [None] * 3
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_the_gateway_ends_before_its_shipper(tmp_path: Path) -> None:
    """What it says last must still be shipped."""
    ended: list[str] = []

    class Told(Toys):
        async def _stop(self, names: list[str]) -> None:
            await super()._stop(names)
            ended.extend(names)

    toys = Told(prepare(tmp_path), ("gateway", "shipper"), {})
    async with asyncio.TaskGroup() as tasks:
        for name in toys.names:
            tasks.create_task(toys.keep(name))
        await until_well(toys)
        assert await toys.stop() == 0
    assert ended == ["gateway", "shipper"]


def test_who_does_not_run_gets_no_signal(tmp_path: Path) -> None:
    assert signalled(Toys(Home(tmp_path), ("gateway",), {}), "gateway", signal.SIGKILL) is None


async def test_who_never_gets_ready_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(DidNotRunError, match="Not all parts got ready"):
        await until_well(Toys(Home(tmp_path), ("gateway",), {}), 0.05)


def test_nothing_of_the_users_settings_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = [row.variable for row in table(Settings)]
    for variable in variables:
        monkeypatch.setenv(variable, "users")
    made = environment(tmp_path, "http://up", "postgresql://base", {"NEXUS_GATEWAY_WORKERS": "2"})
    assert "users" not in made.values()
    assert (made["NEXUS_HOME"], made["NEXUS_UPSTREAM_URL"]) == (str(tmp_path), "http://up")
    assert (made["DATABASE_URL"], made["NEXUS_GATEWAY_WORKERS"]) == ("postgresql://base", "2")
    assert made["NEXUS_GATEWAY_PORT"] == made["NEXUS_DASHBOARD_PORT"] == "0"


async def test_nexus_up_that_cannot_start_says_why(tmp_path: Path) -> None:
    env = environment(tmp_path, "ftp://nowhere", "postgresql://base", {})
    with pytest.raises(DidNotRunError, match="NEXUS_UPSTREAM_URL"):
        async with up(tmp_path, env):
            raise AssertionError


async def test_nexus_up_is_known_by_its_state_file(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PART, "0", stdout=asyncio.subprocess.PIPE)
    running = Up(process, prepare(tmp_path), Place("127.0.0.1", 1))
    assert (running.pid("gateway"), running.is_well()) == (None, False)
    parts = {"gateway": PartNow("ready", 77), "migrate": PartNow("done")}
    run_state.write(running.home, RunState(os.getpid(), parts=parts))
    assert (running.pid("gateway"), running.pid("shipper"), running.is_well()) == (77, None, True)
    run_state.write(running.home, RunState(os.getpid(), parts={**parts, "shipper": PartNow("resting")}))
    assert not running.is_well()
    process.kill()
    assert await running.stop() == -signal.SIGKILL
