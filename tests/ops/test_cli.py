"""The command line: what it lists, what it loads, and how it ends."""

import importlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.main import get_command

from domain.errors import NexusError, SetupError, StoreUnavailableError
from ops import cli
from ops.commands import claude, restart, run_part, status
from ops.settings import inherited

NEXUS = [sys.executable, "-P", "-m", "ops.cli"]
HEAVY = ("aiohttp", "asyncpg", "bokeh", "eventsourcing", "google", "panel", "psycopg", "pydantic", "sqlite3", "uvloop")


@pytest.fixture(autouse=True)
def _keep_sigterm() -> object:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def exit_code(*words: str) -> object:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(words))
    return caught.value.code or 0


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NEXUS, *words], capture_output=True, text=True, timeout=30, check=False, env=inherited(environment)
    )


def test_help_lists_the_commands_with_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    said = capsys.readouterr().out
    for command in ("up", "claude", "status", "migrate", "gateway", "shipper", "projector", "dashboard", "version"):
        assert f"\n  {command} " in said
    assert "postgres" not in said


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom ops import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_no_command_is_help_and_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code() == 2
    assert exit_code("no-such-command") == 2
    assert exit_code("status", "--no-such-option") == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SetupError("Set it."), 2),
        (StoreUnavailableError("It is away."), 1),
        (NexusError("Anything."), 1),
        (ExceptionGroup("tasks", [ExceptionGroup("more", [SetupError("Set it.")])]), 2),
    ],
)
def test_a_known_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fail(*, as_json: bool) -> int:
        raise error

    monkeypatch.delenv("DEBUG", raising=False)
    monkeypatch.setattr(status, "run", fail)
    assert exit_code("status") == code
    line = capsys.readouterr().err
    assert line.startswith("nexus: ")
    assert line.count("\n") == 1


def test_with_debug_a_known_error_shows_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "wrong")
    with pytest.raises(SetupError):
        cli.main(["status"])


def test_a_mistake_of_ours_is_not_made_into_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, as_json: bool) -> int:
        raise ExceptionGroup("tasks", [SetupError("Set it."), KeyError("a mistake")])

    monkeypatch.setattr(status, "run", fail)
    with pytest.raises(ExceptionGroup):
        cli.main(["status"])
    assert cli.known_error(KeyError("x")) is None


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "run", interrupted)
    monkeypatch.setattr(claude, "run", interrupted)
    assert exit_code("status") == exit_code("claude") == 130


def test_sigterm_leaves_every_with_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []

    def wait(*, as_json: bool) -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            left.append("in order")
        return 0

    monkeypatch.setattr(status, "run", wait)
    assert exit_code("status") == 143
    assert left == ["in order"]


def test_a_command_ends_with_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "run", lambda *, as_json: 3 if as_json else 0)
    assert exit_code("status") == 0
    assert exit_code("status", "--json") == 3


@pytest.mark.parametrize("part", ["gateway", "shipper", "projector", "dashboard", "postgres", "migrate"])
def test_every_part_runs_by_its_name(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    ran: list[tuple[str, bool]] = []
    monkeypatch.setattr(run_part, "run", lambda it, *, supervised, **_: ran.append((it, supervised)))
    assert exit_code(part, "--supervised") == 0
    assert ran == [(part, True)]


def test_a_gateway_worker_is_told_its_sockets_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[list[int], str]] = []
    monkeypatch.setattr(run_part, "run", lambda _, *, supervised, sockets, name: told.append((list(sockets), name)))
    assert exit_code("gateway", "--name=gateway-2", "--socket=7", "--socket=8") == exit_code("gateway") == 0
    assert told == [([7, 8], "gateway-2"), ([], "gateway")]


def test_restart_hands_on_its_exit_code_and_shows_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(restart, "run", lambda *, as_json: 1 if as_json else 3)
    assert (exit_code("restart"), exit_code("restart", "--json")) == (3, 1)
    assert exit_code("restart", "--help") == 0
    assert "Example: nexus restart" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["-p", "--", "x"], ["--resume", "a b"], ["--", "--print-env"], []])
def test_claude_codes_arguments_are_its_own(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(claude, "run", lambda given: ran.append(list(given)))
    assert exit_code("claude", *words) == 0
    assert ran == [words]


SUB_COMMAND = """
import typer

app = typer.Typer(help="Play.")

@app.callback(invoke_without_command=True)
def play(fast: bool = False) -> None:
    print(f"{fast=}")
"""


def test_a_command_in_a_folder_of_its_own_is_there_with_the_folder_and_not_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "SUB_COMMANDS", (("play", "nexus_test_play.command", "Play something."),))
    monkeypatch.setattr(cli.app, "registered_groups", [])
    monkeypatch.setattr(cli.app, "registered_commands", list(cli.app.registered_commands))
    monkeypatch.syspath_prepend(tmp_path)
    assert exit_code("play") == 2
    assert "No such command 'play'" in capsys.readouterr().err
    folder = tmp_path / "nexus_test_play"
    folder.mkdir()
    (folder / "__init__.py").touch()
    assert exit_code("play") == 2, "a folder without the module is no command either"
    (folder / "command.py").write_text(SUB_COMMAND)
    importlib.invalidate_caches()
    assert exit_code("play", "--fast") == 0
    assert "fast=True" in capsys.readouterr().out
    cli.app.registered_groups.clear()
    assert exit_code("--help") == 0
    assert re.search(r"^  play +Play something\.$", capsys.readouterr().out, re.MULTILINE)


def test_an_output_that_nobody_reads_on_is_no_traceback() -> None:
    with subprocess.Popen([*NEXUS, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()


def test_it_imports_its_own_code_wherever_the_user_stands(tmp_path: Path) -> None:
    for name in ("ops", "domain", "gateway"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('somebody else')")
    done = subprocess.run([*NEXUS, "version"], capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
    assert done.stdout.startswith("nexus 0.")


def _commands(group: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *words, name)
        elif not command.hidden:
            yield (*words, name), command


def test_every_command_shows_an_example_of_itself() -> None:
    main = Typer()
    for name, module, _ in cli.SUB_COMMANDS:
        main.add_typer(import_module(module).app, name=name)
    main.registered_commands += cli.app.registered_commands
    lacking = [
        words
        for words, command in _commands(get_command(main))
        if f"nexus {' '.join(words)}" not in (command.epilog or "")
    ]
    assert lacking == []
