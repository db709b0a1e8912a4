"""The command before a person: its folder, the schedule first, the report last, the exit code."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.torture import show
from ops.torture.command import ALL
from ops.torture.outcome import Outcome
from ops.torture.run import Plan, Say
from ops.torture.schedule import Fault
from ops.torture.show import Options, folder_of, planned, run

OPTIONS = Options(minutes=1.0, faults=ALL, seed=7, streams=5, home=None, as_json=False)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Nothing runs; the plans that would have."""
    return answering(monkeypatch, Outcome(repeat="again", settled_s=0.1))


def answering(monkeypatch: pytest.MonkeyPatch, outcome: Outcome | None) -> list[Plan]:
    plans: list[Plan] = []

    async def run_until(plan: Plan, _report: object, say: Say, _signals: Sequence[object]) -> Outcome | None:
        plans.append(plan)
        say("what is done now")
        assert plan.rig.folder.is_dir()
        return outcome and replace(outcome, repeat=plan.repeat)

    monkeypatch.setattr(show, "run_until", run_until)
    return plans


def test_a_clean_run(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(OPTIONS) == 0
    said = capsys.readouterr()
    assert "seed 7" in said.err
    assert "0 s  what is done now" in said.err
    for plant in plans[0].plants:
        assert str(plant) in said.err
    assert said.out.rstrip().endswith(f"again: nexus torture --seed 7 --minutes 1 --faults {ALL} --streams 5")
    assert not plans[0].rig.folder.exists(), "the temporary folder is gone"


def test_the_line_that_repeats_it_makes_the_same_schedule(plans: list[Plan]) -> None:
    run(replace(OPTIONS, seed=None))
    words = plans[0].repeat.split()
    assert words[2] == "--seed"
    run(replace(OPTIONS, seed=int(words[3])))
    assert plans[0].plants == plans[1].plants
    assert plans[0].repeat == plans[1].repeat


def test_violations_are_an_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answering(monkeypatch, Outcome(repeat="again", settled_s=0.1, violations=["I1 x: bytes"]))
    assert run(replace(OPTIONS, as_json=True)) == 1
    assert json.loads(capsys.readouterr().out)["violations"] == ["I1 x: bytes"]


def test_an_interrupted_run_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    plans = answering(monkeypatch, None)
    assert run(OPTIONS) == 130
    said = capsys.readouterr()
    assert "interrupted" in said.err
    assert said.out == ""
    assert not plans[0].rig.folder.exists()


def test_wrong_faults_are_refused(plans: list[Plan]) -> None:
    with pytest.raises(SetupError, match="no fault hail"):
        run(replace(OPTIONS, faults="hail"))
    assert plans == []


def test_what_is_not_asked_for_is_not_prepared(tmp_path: Path) -> None:
    plan = planned(OPTIONS, ("kill",), 1, tmp_path)
    assert (plan.rig.disk_mb, plan.rig.shim) == (0, False)
    assert plan.without == {}
    assert planned(OPTIONS, ("disk",), 1, tmp_path).rig.disk_mb == show.DISK_MB


def test_what_the_machine_cannot_do_is_said(
    plans: list[Plan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.torture.run.compiler", lambda: None)
    run(replace(OPTIONS, faults="clock,client"))
    assert "left out: clock" in capsys.readouterr().err
    assert {plant.fault for plant in plans[0].plants} == {Fault.CLIENT}


def test_a_given_folder_is_kept_and_must_be_empty(tmp_path: Path) -> None:
    with folder_of(tmp_path / "new" / "home") as folder:
        (folder / "something").touch()
    assert (folder / "something").exists()
    with pytest.raises(SetupError, match="not empty"), folder_of(folder):
        raise AssertionError
    with pytest.raises(SetupError, match="cannot be used"), folder_of(folder / "something" / "in"):
        raise AssertionError
