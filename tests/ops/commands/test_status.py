"""``nexus status``: what runs, for people and for scripts."""

import json
import os
from pathlib import Path

import pytest

from gateway import published
from gateway.published import Family, Published, Sample
from ops.commands.status import NOT_RUNNING_EXIT, run
from ops.home import Home, prepare
from ops.home_lock import held, me
from ops.run_state import PartNow, RunState, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return prepare(tmp_path / "home")


def state(phase: str) -> RunState:
    return RunState(
        os.getpid(), parts={"gateway": PartNow(phase, 12, "http://127.0.0.1:3000", 2), "migrate": PartNow("done")}
    )


def test_nothing_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write(home, state("ready"))  # left behind by somebody who was killed
    assert run(as_json=False) == NOT_RUNNING_EXIT
    assert capsys.readouterr().out == f"Nothing runs on {home.root}. Start it with `nexus up`.\n"
    assert run(as_json=True) == NOT_RUNNING_EXIT
    nobody = {"recording": None, "store": None, "ship_bytes": None, "ship_seconds": None, "gaps": None}
    assert json.loads(capsys.readouterr().out) == {
        "holder": None,
        "parts": {},
        "numbers": {**nobody, "projector": None, "open_streams": None, "projections": {}, "silent": []},
    }


@pytest.mark.parametrize(("phase", "code"), [("ready", 0), ("resting", 1), ("starting", 1)])
def test_the_exit_code_says_whether_all_is_well(home: Home, phase: str, code: int) -> None:
    with held(home, me("up")):
        write(home, state(phase))
        assert run(as_json=False) == code


def test_each_part_is_a_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with held(home, me("up")):
        write(home, state("ready"))
        run(as_json=False)
        run(as_json=True)
    first, gateway, migrate, as_json = capsys.readouterr().out.splitlines()
    assert first.startswith(f"`nexus up` runs on {home.root} (pid {os.getpid()}, since ")
    assert gateway.split() == [
        "gateway",
        "ready",
        "pid",
        "12",
        "http://127.0.0.1:3000",
        "2",
        "deaths",
        "in",
        "a",
        "minute",
    ]
    assert migrate.split() == ["migrate", "done"]
    found = json.loads(as_json)
    assert found["holder"]["pid"] == os.getpid()
    assert found["parts"]["gateway"] == {"phase": "ready", "pid": 12, "address": "http://127.0.0.1:3000", "deaths": 2}


def test_a_worker_that_is_being_replaced_is_well_and_shows_both_processes(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(home, me("up")):
        write(home, RunState(os.getpid(), parts={"gateway-2": PartNow("ready", 12, beside=11)}))
        assert run(as_json=False) == 0
        run(as_json=True)
    _, worker, as_json = capsys.readouterr().out.splitlines()
    assert worker == "  gateway-2  ready     pid 12  is being replaced: beside it pid 11"
    assert json.loads(as_json)["parts"]["gateway-2"]["beside"] == 11


def test_another_command_that_holds_the_home_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with held(home, me("migrate")):
        assert run(as_json=False) == 1
    assert capsys.readouterr().out.startswith(f"`nexus migrate` runs on {home.root}")


def publish(home: Home, part: str, **values: float) -> None:
    families = tuple(Family(name, "gauge", "", (Sample(name, {}, value),)) for name, value in values.items())
    published.write(home.metrics, part, Published(families))


def test_what_the_parts_publish_is_shown_and_counts(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    publish(home, "gateway", nexus_recording=1, nexus_recording_gaps_total=0)
    publish(home, "shipper", nexus_store_up=0, nexus_ship_lag_seconds=99, nexus_ship_lag_bytes=5)
    with held(home, me("up")):
        write(home, state("ready"))
        assert run(as_json=False) == 1
        text = capsys.readouterr().out
        assert run(as_json=True) == 1
    assert text.splitlines()[-3:] == [
        "  recording: on",
        "  database: away; records wait on this disk",
        "  shipping: 99 s behind, 5 bytes wait",
    ]
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert (numbers["recording"], numbers["store"], numbers["ship_seconds"]) == ("on", "away", 99)


def test_parts_that_run_alone_are_shown_though_nobody_holds_the_home(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(home, "gateway", nexus_recording=1)
    assert run(as_json=False) == NOT_RUNNING_EXIT
    assert capsys.readouterr().out.splitlines()[1:] == ["Parts that run alone say:", "  recording: on"]
