"""``nexus restart``: what it sends to whom, what it waits for, and what it says."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ops.commands import restart
from ops.commands.restart import CannotRestartError
from ops.home import Home, prepare
from ops.home_lock import held, me
from ops.run_state import PartNow, Roll, RunState, remove, write

Story = Callable[[RunState | None], None]
BEFORE = RunState(
    os.getpid(),
    parts={"gateway": PartNow("ready", 11), "gateway-2": PartNow("ready", 12), "shipper": PartNow("ready", 13)},
    roll=Roll(1, 1),
)
HALF = {**BEFORE.parts, "gateway": PartNow("ready", 21, beside=11)}
AFTER = {**BEFORE.parts, "gateway": PartNow("ready", 21), "gateway-2": PartNow("ready", 22)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return prepare(tmp_path / "home")


@pytest.fixture
def asked() -> Iterator[list[int]]:
    """How often this process, which stands for the supervisor, was asked."""
    calls: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: calls.append(number))
    yield calls
    signal.signal(signal.SIGUSR1, before)


def plays(home: Home, monkeypatch: pytest.MonkeyPatch, *states: RunState | None) -> None:
    """Whenever the command waits, the supervisor is one step further; None: it is gone."""
    left = list(states)

    def step(_: float) -> None:
        now = left.pop(0)
        if now is None:
            remove(home)
        else:
            write(home, now)

    monkeypatch.setattr("time.sleep", step)


def rolling(parts: dict[str, PartNow], roll: Roll) -> RunState:
    return msgspec.structs.replace(BEFORE, parts=parts, roll=roll)


BEGUN = rolling(dict(BEFORE.parts), Roll(2, 1, ("gateway", "gateway-2")))
NEXT = rolling(HALF, Roll(2, 1, ("gateway-2",)))
LEAVING = rolling({**AFTER, "gateway-2": PartNow("ready", 22, beside=12)}, Roll(2, 1))
DONE = rolling(AFTER, Roll(2, 2))


def test_it_asks_once_and_waits_until_the_last_old_one_has_ended(
    home: Home, asked: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(home, me("up")):
        write(home, BEFORE)
        plays(home, monkeypatch, BEFORE, BEGUN, BEGUN, NEXT, LEAVING, LEAVING, DONE)
        assert restart.run(as_json=False) == 0
    assert len(asked) == 1
    said = capsys.readouterr()
    assert said.out == "The gateway is new: gateway, gateway-2.\n"
    assert said.err.splitlines() == [
        "nexus: replacing gateway; 2 to go",
        "nexus: replacing gateway-2; 1 to go",
        "nexus: all new ones serve; waiting for the old ones to end what they have begun",
    ]


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (rolling(HALF, Roll(2, 1, failed="The new gateway-2 ended.")), "The new gateway-2 ended."),
        (None, "Nexus was stopped meanwhile."),
    ],
)
def test_what_went_wrong_is_said_and_what_was_replaced(
    home: Home,
    asked: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: RunState | None,
    message: str,
) -> None:
    with held(home, me("up")):
        write(home, BEFORE)
        plays(home, monkeypatch, BEGUN, NEXT, end)
        assert restart.run(as_json=True) == 1
    replaced = ["gateway"] if end else []
    assert json.loads(capsys.readouterr().out) == {"ok": False, "replaced": replaced, "message": message}
    assert len(asked) == 1


def test_a_supervisor_that_does_not_answer_is_not_waited_for_for_ever(
    home: Home, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "_ANSWER_S", 0.05)
    with held(home, me("up")):
        write(home, BEFORE)
        with pytest.raises(CannotRestartError, match="does not answer"):
            restart.run(as_json=False)


@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_runs(home: Home, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    write(home, BEFORE)  # left behind by somebody who was killed
    assert restart.run(as_json=as_json) == 3
    said, message = capsys.readouterr().out, f"Nothing runs on {home.root}. Start it with `nexus up`."
    assert json.loads(said)["message"] == message if as_json else said == f"{message}\n"


@pytest.mark.parametrize(
    "state", [None, msgspec.structs.replace(BEFORE, roll=None), msgspec.structs.replace(BEFORE, pid=os.getppid())]
)
def test_who_may_not_know_the_signal_is_not_sent_it(home: Home, asked: list[int], state: RunState | None) -> None:
    with held(home, me("migrate")):
        if state is not None:
            write(home, state)
        with pytest.raises(CannotRestartError, match="`nexus migrate` cannot be restarted in place"):
            restart.run(as_json=False)
    assert asked == []


@pytest.mark.parametrize("state", [BEGUN, LEAVING])
def test_a_restart_that_is_under_way_is_not_disturbed(home: Home, asked: list[int], state: RunState) -> None:
    with held(home, me("up")):
        write(home, state)
        with pytest.raises(CannotRestartError, match="being restarted already"):
            restart.run(as_json=False)
    assert asked == []
