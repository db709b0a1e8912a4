"""``run.py``: installs when it must and only then, becomes the command, and says in one line why it cannot."""

import ast
import importlib.util
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
UV = f"""#!{sys.executable}
import os, sys, time
from pathlib import Path
venv = Path(".venv/bin")
with open("calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if Path("complaint").exists():
    print(Path("complaint").read_text())
    sys.exit(1)
if sys.argv[1] == "venv":
    venv.mkdir(parents=True)
    (venv / "python").symlink_to({sys.executable!r})
    nexus = venv / "nexus"
    nexus.write_text("#!/bin/sh\\nprintf '%s|' $$ \\"$@\\"\\nif [ \\"$1\\" = wait ]; then echo; exec sleep 600; fi\\n")
    nexus.chmod(0o755)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with a stand-in for uv that installs nothing but a ``nexus`` that says how it was called."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("run.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "uv").write_text(UV)
    (folder / "uv").chmod(0o755)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(folder), "HOME": str(folder)}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(folder / "run.py"), *words]
    return subprocess.run(
        argv, env=environment(folder), capture_output=True, text=True, timeout=60, check=False, cwd=folder.parent
    )


def called(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The arguments that ``nexus`` got."""
    return done.stdout.splitlines()[-1].split("|")[1:-1]


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nexus_run", ROOT / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["up"]),
        (["--json-ready"], ["up", "--json-ready"]),
        (["demo", "--fast"], ["demo", "--fast"]),
        (["claude", "-p", "two words"], ["claude", "-p", "two words"]),
    ],
)
def test_it_becomes_nexus_with_up_unless_told_otherwise(folder: Path, words: list[str], expected: list[str]) -> None:
    assert called(run(folder, *words)) == expected


def test_it_installs_once_and_again_only_when_what_is_needed_changes(folder: Path) -> None:
    done = run(folder, "version")
    assert re.match(r"Installing Nexus into \.venv\nNexus was installed into \.venv in \d+ s\.\n", done.stdout)
    assert len(calls(folder)) == 2
    assert run(folder, "version").stdout.count("\n") == 0
    assert len(calls(folder)) == 2
    with (folder / "constraints.txt").open("a") as constraints:
        constraints.write("# changed\n")
    run(folder, "version")
    assert len(calls(folder)) == 3, "only the packages, the environment is there"


def test_the_tests_need_more_and_what_has_more_needs_nothing_again(folder: Path) -> None:
    run(folder, "install")
    done = run(folder, "test", "--version")
    assert done.stderr.startswith("pytest ") or done.stdout.splitlines()[-1].startswith("pytest ")
    assert "--group dev" in calls(folder)[-1]
    made = len(calls(folder))
    run(folder, "version")
    run(folder, "test", "--version")
    assert len(calls(folder)) == made
    with (folder / "constraints.txt").open("a") as constraints:
        constraints.write("# changed\n")
    run(folder, "version")
    assert "--group dev" in calls(folder)[-1], "an update does not take the tests away"


@pytest.mark.parametrize("words", [[], ["tests/domain", "-x"]])
def test_all_tests_run_on_several_cores_and_chosen_ones_as_they_are_told(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(module, "install", lambda **_: None)
    monkeypatch.setattr(module.os, "execv", lambda _, argv: called.append(argv))
    monkeypatch.setattr(module.os, "chdir", lambda _: None)
    module.main(["test", *words])
    assert called[0][1:] == ["-m", "pytest", *(words or module.ALL_TESTS)]


def test_install_only_installs(folder: Path) -> None:
    done = run(folder, "install")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("Nexus is installed. Start it with")


def test_it_honours_the_constraints(folder: Path) -> None:
    run(folder, "install")
    assert calls(folder)[0].startswith("venv --python ")
    assert re.fullmatch(r"pip install --python \S.*/\.venv/bin/python -c constraints\.txt -e \.", calls(folder)[1])


def test_an_environment_whose_python_is_gone_is_made_anew(folder: Path) -> None:
    run(folder, "install")
    (folder / ".venv/bin/python").unlink()
    (folder / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert called(run(folder, "version")) == ["version"]
    assert [call.split()[0] for call in calls(folder)] == ["venv", "pip", "venv", "pip"]


def test_a_folder_that_was_moved_is_installed_anew(folder: Path) -> None:
    run(folder, "install")
    moved = folder.rename(folder.with_name("moved"))
    assert called(run(moved, "version")) == ["version"]
    assert len(calls(moved)) == 3


def test_signals_reach_the_command_because_it_is_this_process(folder: Path) -> None:
    run(folder, "install")
    argv = [sys.executable, str(folder / "run.py"), "wait"]
    with subprocess.Popen(argv, env=environment(folder), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{process.pid}|wait|\n"
        process.send_signal(signal.SIGTERM)
    assert process.returncode == -signal.SIGTERM


def test_two_at_once_install_once(folder: Path) -> None:
    argv = [sys.executable, str(folder / "run.py"), "install"]
    both = [subprocess.Popen(argv, env=environment(folder), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(calls(folder)) == 2


def test_a_failure_is_one_line_with_what_to_do_and_where_to_read_on(folder: Path) -> None:
    (folder / "complaint").write_text("error: Failed to fetch\n  Caused by: dns error: failed to lookup address")
    done = run(folder, "version")
    assert done.returncode == 1
    found = re.fullmatch(r"run\.py: The package index does not answer\. .* Details: (\S.*\.log)\n", done.stderr)
    assert found
    assert "dns error" in Path(found[1]).read_text()
    (folder / "complaint").unlink()
    assert called(run(folder, "version")) == ["version"], "what failed once is tried again"


def test_the_log_of_a_good_installation_is_not_kept(folder: Path) -> None:
    run(folder, "install")
    assert list(folder.glob("*.log")) == []


def test_on_a_terminal_one_line_counts_the_seconds(folder: Path) -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, str(folder / "run.py"), "install"]
    with subprocess.Popen(argv, env=environment(folder), stdout=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while more := os.read(ours, 4096):
                said += more
        except OSError:
            pass
        os.close(ours)
    assert process.returncode == 0
    assert re.match(r"Installing Nexus into \.venv(\rInstalling Nexus into \.venv: \d+ s )+\rNexus was ", said.decode())


def test_help_installs_nothing(folder: Path) -> None:
    done = run(folder, "--help")
    assert "python3 run.py test" in done.stdout
    assert not (folder / "calls").exists()


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("The virtual environment was not created because ensurepip is not available.", "apt install python3-venv"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("error: failed to create directory: Permission denied (os error 13)", "cannot write"),
        ("Error: [Errno 30] Read-only file system: '.venv'", "cannot write"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError(...)'", "does not answer"),
        (
            "ERROR: Could not find a version that satisfies the requirement setuptools>=80 (from versions: none)",
            "index",
        ),
        ("Resolved 96 packages in 20ms\nerror: something else", ""),
    ],
)
def test_known_reasons_come_with_advice(module: ModuleType, output: str, advice: str) -> None:
    assert advice in module.explain(output)
    assert bool(module.explain(output)) == bool(advice)


def test_without_uv_pythons_own_tools_do_it(module: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VENV", folder / ".venv")
    monkeypatch.setattr(module, "PYTHON", folder / ".venv/bin/python")
    python = str(module.PYTHON)
    install = [python, "-m", "pip", "install"]
    assert module.steps(None, with_tests=True) == [
        [sys.executable, "-m", "venv", str(folder / ".venv")],
        [*install, "--upgrade", "pip>=25.1"],
        [*install, "-c", "constraints.txt", "--group", "dev", "-e", "."],
    ]
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/pip").touch()
    assert module.steps(None, with_tests=False) == [[*install, "-c", "constraints.txt", "-e", "."]]


def test_an_old_python_is_told_so(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "hexversion", 0x030A00F0)
    with pytest.raises(SystemExit, match=r"run\.py: Nexus needs Python 3\.11 or newer; this is "):
        module.main([])


def test_an_old_python_can_read_the_file_that_tells_it() -> None:

    ast.parse((ROOT / "run.py").read_text(), feature_version=(3, 8))


def test_another_system_is_told_so(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "name", "nt")
    with pytest.raises(SystemExit, match="WSL"):
        module.main([])


def test_a_file_that_is_missing_is_one_line(folder: Path) -> None:
    (folder / "constraints.txt").unlink()
    done = run(folder)
    assert done.returncode == 1
    assert re.fullmatch(r"run\.py: The installation failed: .*constraints\.txt'\.\n", done.stderr)
