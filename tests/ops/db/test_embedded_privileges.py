"""Root becomes somebody who is not root, and still reaches what only root may enter."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.db import embedded_privileges
from ops.db.embedded_privileges import ACCOUNTS, ORDINARY_ID, can_reach, give, unprivileged

SOMEBODY = 54321
"""A user id that no account has."""

KNOWN = 65534
"""A user id that an account has."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

WHO = ["/bin/sh", "-c", 'id -u; cat "$1/data/letter"; touch "$1/data/answer"', "sh"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with data of root's, which root alone may enter."""
    directory = tmp_path / "home"
    (directory / "data").mkdir(parents=True)
    directory.chmod(0o700)
    (directory / "data" / "letter").write_text("dear")
    (directory / "data").chmod(0o700)
    return directory


def become(directory: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = unprivileged(argv, directory)
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, extra_groups=[SOMEBODY])


def answer(directory: Path) -> list[str]:
    ended = become(directory, *WHO, str(directory))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def owner(path: Path) -> int:
    return path.stat().st_uid


def make_namespaces_useless(home: Path) -> None:
    """In a namespace root is not above strangers, so a stranger's folder on the way stops it."""
    os.chown(home.parent, SOMEBODY, SOMEBODY)
    home.parent.chmod(0o700)


def test_an_ordinary_user_needs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(["postgres", "-D", "x"], tmp_path) == ["postgres", "-D", "x"]


def test_the_program_replaces_the_script_so_its_process_id_stays(home: Path) -> None:
    command = unprivileged(["/bin/sh", "-c", "echo $$"], home)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(timeout=30)
    assert int(output) == process.pid


def test_in_roots_own_directory_it_is_nobody_and_the_files_stay_roots(home: Path) -> None:
    if not namespaces_work():
        pytest.skip("this system forbids user namespaces")
    assert answer(home) == [str(ORDINARY_ID), "dear"]
    assert owner(home / "data" / "answer") == owner(home / "data") == 0


def test_in_a_namespace_it_has_no_right_over_strangers(home: Path) -> None:
    if not namespaces_work():
        pytest.skip("this system forbids user namespaces")
    status = become(home, "/bin/cat", "/proc/self/status").stdout
    assert rights(status) == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}


def test_without_a_namespace_it_is_an_account_that_gets_the_data_but_not_the_directory(home: Path) -> None:
    make_namespaces_useless(home)
    assert answer(home) == [str(known_account()), "dear"]
    assert {owner(path) for path in (home / "data").iterdir()} == {owner(home / "data")} == {known_account()}
    assert owner(home) == 0


def test_without_a_namespace_it_keeps_one_right_only(home: Path) -> None:
    make_namespaces_useless(home)
    status = become(home, "/bin/cat", "/proc/self/status").stdout
    assert rights(status) == {"CapInh": 2, "CapPrm": 2, "CapEff": 2, "CapAmb": 2}
    assert [line.split()[1:] for line in status.splitlines() if line.startswith("Groups:")] == [[]]


@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_in_somebodys_directory_it_is_that_somebody(home: Path, mode: int) -> None:
    os.chown(home, KNOWN, KNOWN)
    home.chmod(mode)
    assert answer(home) == [str(KNOWN), "dear"]
    assert {owner(path) for path in (home / "data").iterdir()} == {owner(home / "data")} == {KNOWN}


def test_in_the_directory_of_an_owner_without_a_name_it_is_an_account_that_has_one(home: Path) -> None:
    os.chown(home, SOMEBODY, SOMEBODY)
    assert answer(home) == [str(known_account()), "dear"]
    assert owner(home) == SOMEBODY


def test_back_in_a_namespace_the_data_is_roots_again(home: Path) -> None:
    if not namespaces_work():
        pytest.skip("this system forbids user namespaces")
    give(home, SOMEBODY, SOMEBODY)
    answer(home)
    assert owner(home / "data") == owner(home / "data" / "letter") == 0


def test_giving_covers_a_half_made_database_and_spares_what_links_lead_to(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    (home / "data.init").mkdir()
    (home / "data" / "link").symlink_to(outside)
    give(home, SOMEBODY, SOMEBODY)
    assert owner(home / "data.init") == SOMEBODY
    assert (home / "data" / "link").lstat().st_uid == SOMEBODY
    assert owner(outside) == 0


@pytest.mark.parametrize("done", range(4))
def test_a_gift_that_was_interrupted_is_finished_the_next_time(
    home: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    (home / "data" / "folder").mkdir()
    (home / "data" / "folder" / "letter").touch()
    given: list[Path] = []

    def some(path: Path, user: int, group: int, *, follow_symlinks: bool) -> None:
        if len(given) == done:
            raise KeyboardInterrupt
        given.append(path)
        os.lchown(path, user, group)

    with monkeypatch.context() as patched:
        patched.setattr(os, "chown", some)
        with pytest.raises(KeyboardInterrupt):
            give(home, SOMEBODY, SOMEBODY)
    give(home, SOMEBODY, SOMEBODY)
    assert {owner(path) for path in (home / "data", *(home / "data").rglob("*"))} == {SOMEBODY}


def test_a_program_out_of_reach_is_said_in_one_line(home: Path, tmp_path: Path) -> None:
    ended = become(home, str(tmp_path / "no-such-program"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("FATAL:  PostgreSQL refuses to run as root, and as user ")
    assert ended.stderr.count("\n") == 1
    assert "start Nexus as an ordinary user, or set DATABASE_URL" in ended.stderr


def test_root_without_the_right_to_become_others_is_told_so_in_one_line(home: Path) -> None:
    make_namespaces_useless(home)
    without = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None);"
        "[libc.prctl(24, right, 0, 0, 0) for right in (6, 7)];"  # PR_CAPBSET_DROP of CAP_SETGID, CAP_SETUID
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", without, *unprivileged(["/bin/echo", "hello"], home)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == ""
    assert ended.stderr.startswith("FATAL:  PostgreSQL refuses to run as root")
    assert ended.stderr.count("\n") == 1


def test_reach_needs_the_folder_for_writing_and_the_program_for_running(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.touch(mode=0o644)
    assert not can_reach(tmp_path, program)
    program.chmod(0o755)
    assert can_reach(tmp_path, program)
    assert not can_reach(tmp_path / "absent", program)


def test_the_script_needs_nothing_of_ours(tmp_path: Path) -> None:
    alone = Path(shutil.copy(embedded_privileges.__file__, tmp_path / "alone.py"))
    command = [sys.executable, "-I", "-S", str(alone), str(tmp_path), "/bin/echo", "hello"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd="/")
    assert ended.stdout == "hello\n", ended.stderr


def namespaces_work() -> bool:
    code = "from ops.db.embedded_privileges import enter_namespace; enter_namespace()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=30).returncode == 0


def known_account() -> int:
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return next(names[name] for name in ACCOUNTS if name in names)


def rights(status: str) -> dict[str, int]:
    lines = (line.split() for line in status.splitlines() if line.startswith("Cap"))
    return {name.rstrip(":"): int(value, 16) for name, value in lines if name != "CapBnd:"}
