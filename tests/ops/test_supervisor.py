"""The supervisor over real processes: tiny stand-ins for the parts, real signals, real kills."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from ops.home import Home
from ops.run_state import Roll, RunState
from tests.waiting import until_sync

STAND_INS = Path(__file__).parents[1] / "stand_ins.py"


@dataclass
class Stage:
    """A supervisor with its stand-ins, and what they wrote into their diary."""

    home: Home
    diary_file: Path
    process: subprocess.Popen[str] | None = None

    def start(self, plan: dict[str, list[str]]) -> None:
        argv = [sys.executable, "-P", str(STAND_INS), "supervisor", str(self.home.root), str(self.diary_file)]
        self.process = subprocess.Popen(
            [*argv, json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start_and_wait(self, plan: dict[str, list[str]]) -> None:
        self.start(plan)
        assert self.process
        assert self.process.stdout
        assert json.loads(self.process.stdout.readline()) == sorted(plan)

    @property
    def supervisor(self) -> subprocess.Popen[str]:
        assert self.process
        return self.process

    def end(self) -> tuple[int, str]:
        """Wait for its end; exit code and what it said to the user."""
        _, said = self.supervisor.communicate(timeout=30)
        return self.supervisor.returncode, said

    def diary(self) -> list[tuple[str, str, int]]:
        lines = self.diary_file.read_text().splitlines() if self.diary_file.exists() else []
        return [(name, what, int(pid)) for name, what, pid in (line.split() for line in lines)]

    def order(self, what: str) -> list[str]:
        return [name for name, said, _ in self.diary() if said == what]

    def pids(self, name: str) -> list[int]:
        return [pid for who, what, pid in self.diary() if who == name and what == "began"]

    def all_gone(self) -> bool:
        return not any(is_alive(pid) for _, _, pid in self.diary())

    def state(self) -> RunState:
        return msgspec.json.decode(self.home.state_file.read_bytes(), type=RunState)


def is_alive(pid: int) -> bool:
    """Not a zombie either: whose parent is dead, somebody else has to reap it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return sys.platform != "linux"
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(Home(tmp_path / "a home"), tmp_path / "diary")
    yield stage
    if stage.process:
        if stage.process.poll() is None:
            stage.process.kill()
        stage.process.communicate()
    for _, _, pid in stage.diary():
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_ctrl_c_stops_all_in_order_and_reaches_the_supervisor_only(stage: Stage) -> None:
    stage.start_and_wait(
        {"gateway": ["serves"], "database": ["serves", "gateway", "shipper"], "shipper": ["serves", "gateway"]}
    )
    os.killpg(stage.supervisor.pid, signal.SIGINT)
    code, said = stage.end()
    assert code == 0
    assert "Stopping" in said
    assert stage.order("stops") == stage.order("ended") == ["gateway", "shipper", "database"]
    told = [(name, what) for name, what, _ in stage.diary() if what in {"closes", "stops"}]
    assert (told[0], stage.order("closes")) == (("supervisor", "closes"), ["supervisor"])
    assert stage.order("aborts") == []
    assert stage.all_gone()
    assert not stage.home.state_file.exists()


def test_a_terminal_that_is_closed_stops_all_in_order_too(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["serves"]})
    stage.supervisor.send_signal(signal.SIGHUP)
    assert stage.end()[0] == 0
    assert stage.order("ended") == ["gateway"]


def test_a_killed_part_serves_again_while_the_others_go_on(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["serves"], "shipper": ["serves"]})
    before = stage.state().parts
    assert before["gateway"].pid == stage.pids("gateway")[0]
    os.kill(stage.pids("gateway")[0], signal.SIGKILL)
    until_sync(lambda: len(stage.pids("gateway")) == 2 and stage.state().parts["gateway"].phase == "ready")
    after = stage.state().parts
    assert after["gateway"].pid == stage.pids("gateway")[1]
    assert after["shipper"] == before["shipper"]
    stage.supervisor.terminate()
    code, said = stage.end()
    assert code == 0
    assert "gateway was ended by SIGKILL; it is started again now." in said


def test_what_a_killed_part_had_started_goes_with_it(stage: Stage) -> None:
    stage.start_and_wait({"dashboard": ["parent"]})
    (child,) = stage.pids("dashboard-child")
    os.kill(stage.pids("dashboard")[0], signal.SIGKILL)
    until_sync(lambda: not is_alive(child), "the end of the orphan")
    until_sync(lambda: len(stage.pids("dashboard-child")) == 2)
    stage.supervisor.terminate()
    assert stage.end()[0] == 0
    assert stage.all_gone()


def test_no_part_outlives_a_killed_supervisor_and_a_new_one_starts(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["serves"], "shipper": ["serves"], "projector": ["stubborn"]})
    stage.supervisor.kill()
    stage.supervisor.communicate()
    until_sync(stage.all_gone, "the end of the parts")
    assert sorted(stage.order("ended")) == ["gateway", "shipper"], "they end in order, the stubborn one by force"
    stage.start_and_wait({"gateway": ["serves"]})
    stage.supervisor.terminate()
    assert stage.end()[0] == 0


def test_the_second_signal_aborts_who_does_not_drain(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["stubborn"], "shipper": ["serves", "gateway"]})
    stage.supervisor.terminate()
    until_sync(lambda: stage.order("stops") == ["gateway"])
    stage.supervisor.terminate()
    assert stage.end()[0] == 1
    assert stage.order("aborts") == ["gateway"]
    assert stage.order("ended") == ["gateway", "shipper"]
    assert stage.all_gone()


def test_the_third_signal_kills_who_does_not_even_abort(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["deaf"], "shipper": ["deaf"]})
    assert stage.supervisor.stderr
    for _ in range(3):
        stage.supervisor.send_signal(signal.SIGTERM)
        while "Stopping" not in stage.supervisor.stderr.readline():
            pass
    assert stage.end()[0] == 1
    assert stage.all_gone()


def test_a_part_that_cannot_work_ends_everything_with_its_own_line(stage: Stage) -> None:
    stage.start({"gateway": ["serves"], "database": ["refuses"]})
    code, said = stage.end()
    assert code == 2
    assert "nexus: Set NEXUS_SOMETHING to another value." in said.splitlines()
    assert "NEXUS_SOMETHING" in (stage.home.logs / "database.log").read_text()
    assert "Traceback" not in said
    assert stage.all_gone()


def test_a_part_that_cannot_be_started_does_not_stop_the_others(stage: Stage) -> None:
    stage.start({"shipper": ["missing"], "gateway": ["serves"]})
    until_sync(lambda: stage.home.state_file.exists() and stage.state().parts["gateway"].phase == "ready")
    stage.supervisor.terminate()
    code, said = stage.end()
    assert code == 0
    assert "shipper cannot be started" in said


def test_the_gateway_is_replaced_by_a_new_one_and_the_others_go_on(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["serves"], "gateway-2": ["lingers"], "shipper": ["serves", "gateway"]})
    before = stage.state()
    assert before.roll == Roll(number=1, done=1)
    stage.supervisor.send_signal(signal.SIGUSR1)
    until_sync(lambda: stage.state().roll == Roll(number=2, done=1) and stage.state().parts["gateway"].beside is None)
    now = stage.state().parts
    assert (now["gateway"].pid, now["gateway-2"].pid) == (stage.pids("gateway")[1], stage.pids("gateway-2")[1])
    assert now["gateway-2"].beside == before.parts["gateway-2"].pid, "the old one has something to end"
    until_sync(lambda: stage.order("retires") == ["gateway", "gateway-2"])  # each writes that down in its own time
    assert now["shipper"] == before.parts["shipper"]
    os.kill(stage.pids("gateway-2")[0], signal.SIGTERM)
    until_sync(lambda: stage.state().roll == Roll(number=2, done=2))
    stage.supervisor.terminate()
    code, said = stage.end()
    assert code == 0
    assert "The gateway was replaced." in said
    assert stage.all_gone()


def test_a_new_gateway_that_cannot_start_leaves_the_old_one_serving_and_says_why(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["once"]})
    before = stage.state().parts["gateway"]
    stage.supervisor.send_signal(signal.SIGUSR1)
    why = "The new gateway ended with exit code 1 (Once is enough); whoever was not replaced yet serves on."
    until_sync(lambda: stage.state().roll == Roll(number=2, done=1, failed=why))
    assert stage.state().parts["gateway"] == before
    stage.supervisor.terminate()
    code, said = stage.end()
    assert code == 0
    assert why in said


def test_a_stop_in_the_middle_of_a_roll_ends_old_and_new(stage: Stage) -> None:
    stage.start_and_wait({"gateway": ["lingers"]})
    stage.supervisor.send_signal(signal.SIGUSR1)
    until_sync(lambda: stage.order("retires") == ["gateway"])
    stage.supervisor.terminate()
    assert stage.end()[0] == 0
    assert stage.order("ended") == ["gateway", "gateway"]
    assert stage.all_gone()
