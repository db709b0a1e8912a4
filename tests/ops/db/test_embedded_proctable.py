"""Only living PostgreSQL processes are in the table, and ``ps`` says the same as ``/proc``."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.db.embedded import EmbeddedPostgres
from ops.db.embedded_proctable import PROC, all_processes, find_process
from tests.waiting import until_sync

NO_PROC = Path("/no/such/proc")

SOURCES = [
    pytest.param(PROC, id="proc", marks=pytest.mark.skipif(not PROC.is_dir(), reason="this system has no /proc")),
    pytest.param(NO_PROC, id="ps", marks=pytest.mark.skipif(not shutil.which("ps"), reason="this system has no ps")),
]


@contextmanager
def program_named(name: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that waits for the end of its input, under another name."""
    path = folder / name
    shutil.copy(shutil.which("cat") or "/bin/cat", path)
    process = subprocess.Popen([path], stdin=subprocess.PIPE, cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("proc", SOURCES)
def test_a_postmaster_is_found_with_its_command_line(postgres_server: EmbeddedPostgres, proc: Path) -> None:
    found = find_process(postgres_server.pid, proc)
    assert found is not None
    assert found.pid == postgres_server.pid
    assert found.parent == os.getpid()
    assert not found.is_backend
    assert f" -D {postgres_server.log.parent / 'data'} " in found.command


def test_proc_also_tells_the_data_folder(postgres_server: EmbeddedPostgres) -> None:
    found = find_process(postgres_server.pid)
    assert found is not None
    assert found.folder == postgres_server.log.parent / "data"


@pytest.mark.parametrize("proc", SOURCES)
def test_backends_are_told_by_their_titles(postgres_server: EmbeddedPostgres, proc: Path) -> None:
    children = [process for process in all_processes(proc) if process.parent == postgres_server.pid]
    assert len(children) >= 4
    assert all(child.is_backend for child in children)
    assert any("checkpointer" in child.command for child in children)


@pytest.mark.parametrize("proc", SOURCES)
def test_the_table_has_the_postmaster_and_nobody_else_twice(postgres_server: EmbeddedPostgres, proc: Path) -> None:
    pids = [process.pid for process in all_processes(proc)]
    assert pids.count(postgres_server.pid) == 1
    assert os.getpid() not in pids


@pytest.mark.parametrize("proc", SOURCES)
def test_other_programs_are_not_found(proc: Path) -> None:
    assert find_process(os.getpid(), proc) is None


@pytest.mark.parametrize("proc", SOURCES)
def test_a_name_that_only_begins_like_it_is_another_program(tmp_path: Path, proc: Path) -> None:
    with program_named("postgres_exp", tmp_path) as process:
        assert find_process(process.pid, proc) is None


@pytest.mark.parametrize("proc", SOURCES)
def test_a_zombie_is_not_found(tmp_path: Path, proc: Path) -> None:
    with program_named("postgres", tmp_path) as process:
        until_sync(lambda: find_process(process.pid, proc) is not None, "the program")
        os.kill(process.pid, signal.SIGKILL)
        until_sync(lambda: find_process(process.pid, proc) is None, "its death")
        os.kill(process.pid, 0)  # the number is still taken: nobody has reaped it


@pytest.mark.parametrize("proc", SOURCES)
def test_a_number_nobody_has_is_not_found(proc: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait(10)
    assert find_process(gone.pid, proc) is None


def test_an_entry_that_vanishes_or_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    for number, stat in (("7", "7 (postgres) S 1 0"), ("8", "8 (postgres)"), ("9", None)):
        (tmp_path / number).mkdir()
        if stat is not None:
            (tmp_path / number / "stat").write_text(stat)
            (tmp_path / number / "cmdline").write_bytes(b"/bin/postgres\0-D\0/d\0")
    (tmp_path / "self").mkdir()
    found = list(all_processes(tmp_path))
    assert [(process.pid, process.parent, process.command) for process in found] == [(7, 1, "/bin/postgres -D /d")]
    assert found[0].folder is None


def test_a_program_with_brackets_in_its_name_does_not_confuse_the_table(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (postgres) S 1) S 1 0")
    (tmp_path / "7" / "cmdline").write_bytes(b"x")
    assert list(all_processes(tmp_path)) == []
