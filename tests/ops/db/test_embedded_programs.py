"""Programs run to their end with nothing of our environment, servers outlive us, and complaints become one line."""

import os
import sys
from pathlib import Path

import pytest

from ops.db.embedded_programs import ENVIRONMENT, REASON_LIMIT, reason, run, spawn
from tests.waiting import until_sync


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_a_program_is_answered_with_its_code_and_both_outputs() -> None:
    ended = run(
        python("import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"), timeout_s=10
    )
    assert ended.code == 3
    assert ended.output.split() == ["out", "err"]


def test_what_is_said_to_a_program_is_its_input() -> None:
    assert run(["cat"], timeout_s=10, said="line\n").output == "line\n"


def test_a_program_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "made-up-secret")
    assert "made-up-secret" not in run(["env"], timeout_s=10).output
    assert run(["env"], timeout_s=10).output.split() == [f"{name}={value}" for name, value in ENVIRONMENT.items()]


def test_output_that_is_no_text_does_not_break_the_answer() -> None:
    assert run(python("import os; os.write(1, b'\\xff!')"), timeout_s=10).output.endswith("!")


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    told = tmp_path / "child"
    with pytest.raises(TimeoutError, match=r"^sh did not end within 0\.5 s$"):
        run(["sh", "-c", f"sleep 60 & echo $! > {told}; wait"], timeout_s=0.5)
    child = int(told.read_text())
    until_sync(lambda: not is_running(child), "the child's end")


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        run(["/no/such/program"], timeout_s=10)


def test_a_server_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    server = spawn(["sleep", "60"], log=tmp_path / "log", keep_open=())
    try:
        assert os.getsid(server.pid) == server.pid != os.getsid(0)
    finally:
        server.kill()
        server.wait()


def test_a_server_appends_to_its_log_which_is_private(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        spawn(["sh", "-c", f"echo {word}; echo {word} >&2"], log=log, keep_open=()).wait(10)
    assert log.read_text().split() == ["first", "first", "second", "second"]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_server_keeps_the_files_it_is_given_and_no_others(tmp_path: Path) -> None:
    kept, other = (os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("kept", "other"))
    try:
        server = spawn(["sleep", "60"], log=tmp_path / "log", keep_open=(kept,))
        held = {str(link.readlink()) for link in Path(f"/proc/{server.pid}/fd").iterdir()}
        server.kill()
        server.wait()
    finally:
        os.close(kept)
        os.close(other)
    assert str(tmp_path / "kept") in held
    assert str(tmp_path / "other") not in held


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("", "it said nothing"),
        ("\n \n", "it said nothing"),
        ("some words\nlast words\n", "last words"),
        ("2026 UTC [7] LOG:  starting\n2026 UTC [7] FATAL:  no room\n2026 UTC [7] LOG:  bye\n", "no room"),
        ("2026 UTC [7] FATAL:  first\n2026 UTC [8] PANIC:  second\n", "second"),
        (
            "making it\ninitdb: error: could not write: No space left on device\ninitdb: removing data directory\n",
            "could not write: No space left on device",
        ),
        (f"FATAL:  {'x' * 1000}", "x" * REASON_LIMIT),
    ],
)
def test_the_reason_is_the_last_complaint_else_the_last_line(output: str, why: str) -> None:
    assert reason(output) == why


def is_running(pid: int) -> bool:
    """Not gone, and no zombie either."""
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
