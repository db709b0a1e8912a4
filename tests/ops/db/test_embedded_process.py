"""Only the server of this data folder counts as ours, and only it is signalled, whoever else has its number."""

import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.db import embedded_process
from ops.db.embedded import EmbeddedPostgres
from ops.db.embedded_process import (
    Phase,
    Postmaster,
    cluster_name,
    is_serving,
    kill_orphans,
    orphans,
    parse_postmaster_file,
    running_postmaster,
    signal_postmaster,
    wait_for_end,
)
from ops.db.embedded_proctable import PostgresProcess
from tests.waiting import until_sync

FILE = "4711\n/home/data\n1700000000\n5432\n/home/sockets\n\n  123 45\nready   \n"


@pytest.fixture
def data(postgres_server: EmbeddedPostgres) -> Path:
    return postgres_server.log.parent / "data"


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is even called postgres, but works elsewhere."""
    path = tmp_path / "postgres"
    shutil.copy(shutil.which("cat") or "/bin/cat", path)
    process = subprocess.Popen([path], stdin=subprocess.PIPE, cwd=tmp_path)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(params=["descriptors", "no descriptors"])
def _kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux as it is, and a system without process descriptors."""

    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    if request.param == "no descriptors":
        monkeypatch.setattr(os, "pidfd_open", refuse)


def test_a_postmaster_file_names_process_port_socket_folder_and_phase() -> None:
    assert parse_postmaster_file(FILE) == Postmaster(4711, 5432, Path("/home/sockets"), Phase.READY)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_known(phase: Phase) -> None:
    described = parse_postmaster_file(FILE.replace("ready   ", phase.value.ljust(8)))
    assert described is not None
    assert described.phase is phase


@given(st.integers(0, len(FILE) - len("   \n") - 1))
def test_half_a_postmaster_file_describes_nobody(cut: int) -> None:
    assert parse_postmaster_file(FILE[:cut]) is None


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    assert parse_postmaster_file(text) is None


def test_the_running_server_is_found(postgres_server: EmbeddedPostgres, data: Path) -> None:
    assert running_postmaster(data) == Postmaster(
        postgres_server.pid, postgres_server.port, postgres_server.socket_dir, Phase.READY
    )


def test_without_a_file_nobody_runs(tmp_path: Path) -> None:
    assert running_postmaster(tmp_path) is None
    (tmp_path / "file").touch()
    assert running_postmaster(tmp_path / "file") is None


def test_a_file_that_names_another_program_describes_nobody(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(FILE.replace("4711", str(os.getpid())))
    assert running_postmaster(tmp_path) is None


def test_the_server_of_another_folder_is_not_ours(postgres_server: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(FILE.replace("4711", str(postgres_server.pid)))
    assert running_postmaster(tmp_path) is None
    assert not is_serving(postgres_server.pid, tmp_path)


def test_a_backend_is_no_server(postgres_server: EmbeddedPostgres, data: Path) -> None:
    assert is_serving(postgres_server.pid, data)
    until_sync(  # who was just forked still has its parent's title
        lambda: not any(is_serving(child, data) for child in children_of(postgres_server.pid)), "every title"
    )


def test_a_bystander_called_postgres_is_not_ours(bystander: subprocess.Popen[bytes], data: Path) -> None:
    assert not is_serving(bystander.pid, data)


@pytest.mark.usefixtures("_kernel")
def test_a_bystander_gets_no_signal(bystander: subprocess.Popen[bytes], data: Path) -> None:
    signal_postmaster(bystander.pid, data, signal.SIGKILL)
    assert bystander.stdin is not None
    bystander.stdin.close()
    assert bystander.wait(10) == 0


@pytest.mark.usefixtures("_kernel")
def test_the_server_gets_its_signals(postgres_server: EmbeddedPostgres, data: Path) -> None:
    signal_postmaster(postgres_server.pid, data, signal.SIGSTOP)
    until_sync(lambda: state_of(postgres_server.pid) == "T", "the server to halt")
    signal_postmaster(postgres_server.pid, data, signal.SIGCONT)
    until_sync(lambda: state_of(postgres_server.pid) != "T", "the server to go on")


@pytest.mark.usefixtures("_kernel")
def test_waiting_for_a_server_that_lives_takes_all_the_time_given(
    postgres_server: EmbeddedPostgres, data: Path
) -> None:
    begun = time.monotonic()
    assert not wait_for_end(postgres_server.pid, lambda: is_serving(postgres_server.pid, data), 0.1)
    assert time.monotonic() - begun >= 0.1


@pytest.mark.usefixtures("_kernel")
def test_waiting_for_somebody_else_ends_at_once(bystander: subprocess.Popen[bytes], data: Path) -> None:
    assert wait_for_end(bystander.pid, lambda: is_serving(bystander.pid, data), 60.0)


@pytest.mark.usefixtures("_kernel")
def test_the_end_is_noticed_when_it_comes(bystander: subprocess.Popen[bytes]) -> None:
    with ThreadPoolExecutor(1) as threads:
        seen = threads.submit(wait_for_end, bystander.pid, lambda: bystander.poll() is None, 60.0)
        bystander.kill()
        assert seen.result(10)


def test_a_running_server_has_no_orphans(data: Path) -> None:
    assert orphans(data) == []
    kill_orphans(data)
    assert orphans(data) == []


def test_where_the_folder_is_unknown_the_command_line_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = Path("/home/a b/data"), Path("/home/a b/data2")
    table = {
        1: PostgresProcess(1, 0, f"/opt/x y/postgres -D {ours} -c port=1", None),
        2: PostgresProcess(2, 1, f"postgres: {cluster_name(ours)}: checkpointer", None),
        3: PostgresProcess(3, 0, f"/opt/postgres -D {other}", None),
        4: PostgresProcess(4, 1000, f"postgres: {cluster_name(ours)}: nexus nexus [local] SELECT", None),
        5: PostgresProcess(5, 1000, f"postgres: {cluster_name(other)}: nexus nexus [local] SELECT", None),
        6: PostgresProcess(6, 1000, "postgres: checkpointer", None),
    }
    monkeypatch.setattr(embedded_process, "find_process", table.get)
    monkeypatch.setattr(embedded_process, "all_processes", lambda: iter(table.values()))
    assert [pid for pid in table if is_serving(pid, ours)] == [1]
    assert [pid for pid in table if is_serving(pid, other)] == [3]
    assert orphans(ours) == [4]
    assert orphans(other) == [5]


def test_an_orphan_that_ends_by_itself_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait(10)
    monkeypatch.setattr(embedded_process, "orphans", lambda data: [gone.pid])
    kill_orphans(tmp_path)


def test_the_mark_of_a_cluster_is_its_own_and_fits_into_a_socket_path() -> None:
    marks = {cluster_name(Path(f"/home/{number}")) for number in range(100)}
    assert len(marks) == 100
    assert max(map(len, marks)) < 20


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
