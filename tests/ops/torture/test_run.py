"""The run's parts: faults at their time, healed whatever happens, a signal ends it. All of it: tests/endurance."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ops.checking.checker import Checked
from ops.checking.violations import Counts, Violation
from ops.torture import run as run_module
from ops.torture.faults import Heal
from ops.torture.outcome import Outcome
from ops.torture.rig import Rig
from ops.torture.run import Plan, impossible, run_until, torment, unsaid, violations_of
from ops.torture.schedule import Fault, Plant

PLANTS = (Plant(0.0, Fault.KILL, "gateway", 0.0), Plant(0.05, Fault.PROXY, "delay", 0.05))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is planted and healed."""
    words: list[str] = []

    async def plant(_scene: object, what: Plant) -> Heal:
        words.append(f"plant {what.target}")

        async def heal() -> None:
            words.append(f"heal {what.target}")

        return heal

    monkeypatch.setattr(run_module, "plant", plant)
    return words


async def test_each_fault_is_healed_before_the_next(told: list[str]) -> None:
    seen: list[tuple[int, int]] = []
    scene: Any = None
    await torment(scene, PLANTS, 1.2, lambda done, total: seen.append((done, total)))
    assert told == ["plant gateway", "heal gateway", "plant delay", "heal delay"]
    assert seen[-1] == (1, 1)


async def test_it_is_healed_when_it_is_interrupted(told: list[str]) -> None:
    scene: Any = None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await torment(scene, [Plant(0.0, Fault.PROXY, "delay", 60.0)], 60.0, lambda *_: None)
    assert told == ["plant delay", "heal delay"]


def a_plan(folder: Path) -> Plan:
    return Plan(Rig(folder), (), 60.0, 1, "again")


async def test_a_signal_ends_it_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def run(*_: object) -> Outcome:
        try:
            os.kill(os.getpid(), signal.SIGUSR2)
            await asyncio.sleep(60)
        finally:
            ended.append("in order")
        raise AssertionError

    monkeypatch.setattr(run_module, "run", run)
    assert await run_until(a_plan(tmp_path), lambda *_: None, unsaid, [signal.SIGUSR2]) is None
    assert ended == ["in order"]


async def test_without_one_its_outcome_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome(repeat="again")

    async def run(*_: object) -> Outcome:
        return outcome

    monkeypatch.setattr(run_module, "run", run)
    assert await run_until(a_plan(tmp_path), lambda *_: None, unsaid, [signal.SIGUSR2]) is outcome


def test_what_a_machine_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "can_mount", lambda: True)
    monkeypatch.setattr(run_module, "compiler", lambda: "/usr/bin/cc")
    assert impossible(Rig(tmp_path, disk_mb=1), list(Fault)) == {}
    assert list(impossible(Rig(tmp_path), list(Fault))) == [Fault.DISK_FULL]
    monkeypatch.setattr(run_module, "can_mount", lambda: False)
    monkeypatch.setattr(run_module, "compiler", lambda: None)
    found = impossible(Rig(tmp_path, disk_mb=1), list(Fault))
    assert set(found) == {Fault.DISK_FULL, Fault.DISK_SLOW, Fault.CLOCK}
    assert "root" in found[Fault.DISK_FULL]
    assert impossible(Rig(tmp_path), [Fault.KILL]) == {}


def test_what_clients_met_is_not_judged_twice() -> None:
    """A gateway that is killed between the record of the end and the end itself: all is kept, the client was cut."""
    lost = Violation("I1", UUID(int=1), "bytes")
    checked = Checked(Counts(), (Violation("I8", UUID(int=1), "the client failed"), lost))
    assert violations_of(checked) == [lost]
