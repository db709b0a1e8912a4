"""The whole demo but for Nexus itself: in its place a supervisor that leads straight to the stand-in."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from domain.errors import SetupError
from ops import plan
from ops.console import Console
from ops.demo import show, stack
from ops.demo.played import Played
from ops.demo.player import Story
from ops.demo.programme import STORIES
from ops.demo.show import Options, run
from ops.demo.stage import PlayError, Stage
from ops.home import Home
from ops.home_lock import HomeHeldError, held, holder_of, me
from ops.reports import Ready
from ops.settings import Settings

OnReady = Callable[[dict[str, Ready]], None]


class Straight:
    """Stands for the supervisor: the gateway's address is the stand-in's; ends on SIGTERM, or at once."""

    code = 0
    waits = True
    holder: object = None

    def __init__(self, settings: Settings, home: Home, on_ready: OnReady, _console: Console) -> None:
        self._settings = settings
        self._home = home
        self._on_ready = on_ready

    async def run(self) -> int:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        Straight.holder = holder_of(self._home)
        try:
            if not self.waits:
                return self.code
            dashboard = Ready("http://127.0.0.1:3001", login="http://127.0.0.1:3001/login?token=t")
            self._on_ready({plan.GATEWAY: Ready(self._settings.upstream_url), plan.DASHBOARD: dashboard})
            await stop.wait()
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
        return self.code


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(stack, "supervisor", Straight)
    monkeypatch.setattr(Straight, "code", 0)
    monkeypatch.setattr(Straight, "waits", True)
    for name in ("NEXUS_GATEWAY_PORT", "NEXUS_DASHBOARD_PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "nexus"))
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path / "nexus" / "demo"
    signal.signal(signal.SIGTERM, before)


def played(home: Path) -> list[Played]:
    lines = (home / "played.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Played) for line in lines]


def test_it_plays_everything_tells_the_truth_and_ends(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Options(fast=True, ends=True, seed="s")) == 0
    truth = played(home)
    assert {one.story for one in truth} == {story.name for story in STORIES}
    said = capsys.readouterr()
    assert "Log in     http://127.0.0.1:3001/login?token=t" in said.out
    assert f"All was played: {len(truth)} requests." in said.err
    assert "stays up" not in said.err
    assert "Traceback" not in said.err


def test_the_demos_home_is_its_own_and_held_while_it_runs(home: Path, tmp_path: Path) -> None:
    run(Options(fast=True, ends=True))
    assert home.is_dir()
    assert sorted(entry.name for entry in (tmp_path / "nexus").iterdir()) == ["demo"]
    assert "demo" in str(Straight.holder)
    assert holder_of(Home(home)) is None
    assert Path.cwd() == tmp_path


def test_another_home_can_be_chosen_also_relative_to_here(tmp_path: Path) -> None:
    assert run(Options(fast=True, ends=True, home=Path("elsewhere"))) == 0
    assert (tmp_path / "elsewhere" / "played.jsonl").exists()
    assert not (tmp_path / "nexus").exists()


def test_data_is_kept_between_runs_and_fresh_begins_with_nothing(home: Path) -> None:
    run(Options(fast=True, ends=True, seed="one"))
    once = len(played(home))
    run(Options(fast=True, ends=True, seed="two"))
    assert len(played(home)) == 2 * once
    assert len({one.request_id for one in played(home)}) == 2 * once
    with pytest.raises(SetupError, match="Seed one was played"):
        run(Options(fast=True, ends=True, seed="one"))
    run(Options(fast=True, ends=True, fresh=True, seed="one"))
    assert len(played(home)) == once


def test_a_script_is_told_in_json(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    run(Options(fast=True, ends=True, json_ready=True, seed="s"))
    (only,) = capsys.readouterr().out.splitlines()
    said = json.loads(only)
    assert (said["home"], said["seed"]) == (str(home), "s")
    assert said["login"]


def test_it_stops_before_the_curtain_without_a_word(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Straight, "waits", False)
    monkeypatch.setattr(Straight, "code", 2)
    assert run(Options(fast=True)) == 2
    assert played(home) == []


def stop_after(tell: Callable[[Stage], Awaitable[None]]) -> tuple[Story, ...]:
    async def telling(stage: Stage) -> None:
        await tell(stage)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()

    return (Story("last", 0.0, telling),)


def test_a_stop_in_the_middle_ends_the_play(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "STORIES", stop_after(lambda stage: stage.rest(0)))
    assert run(Options()) == 0
    assert "All was played" not in capsys.readouterr().err


def test_without_exit_it_goes_on_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def nothing(_: Stage) -> None:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGTERM)

    monkeypatch.setattr(show, "STORIES", (Story("short", 0.0, nothing),))
    assert run(Options(fast=True)) == 0
    assert "The dashboard stays up until Ctrl-C." in capsys.readouterr().err


def test_a_story_that_breaks_off_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_: Stage) -> None:
        raise PlayError("the light fell")

    monkeypatch.setattr(show, "STORIES", (Story("broken", 0.0, broken),))
    assert run(Options(fast=True, ends=True)) == 1
    assert "  the light fell" in capsys.readouterr().err


def test_a_home_that_is_held_is_not_played_in(home: Path) -> None:
    run(Options(fast=True, ends=True))
    with held(Home(home), me("demo", "http://127.0.0.1:3000")), pytest.raises(HomeHeldError):
        run(Options(fast=True, ends=True, fresh=True))
    assert played(home)


def test_a_home_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SetupError, match="not the demo's"):
        run(Options(home=tmp_path, fresh=True))
    assert (tmp_path / "thesis.txt").exists()
