"""The embedded server starts, is found again, survives every death, and never harms a bystander."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psycopg
import pytest

from domain.errors import NexusError, SetupError, StoreUnavailableError
from ops.db import embedded, embedded_directory
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres, status
from ops.db.embedded_binaries import find_binaries
from ops.db.embedded_directory import ClusterPaths
from ops.db.embedded_privileges import unprivileged
from ops.db.embedded_process import Phase, Postmaster, orphans
from ops.db.embedded_proctable import find_process
from tests.waiting import until_sync

NOBODY = 65534
NO_POWER_CUT = {"fsync": "off"}
"""A killed process loses nothing by it."""

BINARIES = find_binaries(None, Path("/"), None)

Start = Callable[..., EmbeddedPostgres]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a database that was made once, and stopped."""
    directory = tmp_path_factory.mktemp("made")
    server = EmbeddedPostgres.start(EmbeddedConfig(directory, settings=NO_POWER_CUT))
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    server.stop()
    return directory


@pytest.fixture
def home(made: Path) -> Path:
    """That directory: no server runs, no log is there, but rows and scars of earlier tests may be."""
    assert status(made) is None
    (made / "postgres.log").unlink(missing_ok=True)
    return made


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; whatever the test did to them, none survives it."""
    started: list[EmbeddedPostgres] = []

    def start_one(directory: Path, timeout_s: float = 60.0, bin_dir: Path | None = None) -> EmbeddedPostgres:
        server = EmbeddedPostgres.start(EmbeddedConfig(directory, bin_dir, NO_POWER_CUT, timeout_s))
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.stop("immediate", even_if_attached=True)


def copy_of(made: Path, directory: Path) -> Path:
    return Path(shutil.copytree(made, directory, ignore=shutil.ignore_patterns(".s.PGSQL.*")))


def rows(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    return int(row[0]) if row else 0


def fill(server: EmbeddedPostgres, count: int) -> None:
    """Let there be so many rows."""
    with psycopg.connect(server.dsn) as connection:
        connection.execute("TRUNCATE kept")
        connection.execute("INSERT INTO kept SELECT generate_series(1, %s)", [count])


def backend_of(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(str(row[0]))


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def pretend(folder: Path, postgres: str) -> Path:
    """Programs of the right version, but the server does what the test says."""
    folder.mkdir()
    version = f'[ "$1" = --version ] && echo "postgres (PostgreSQL) {BINARIES.major}" && exit'
    script = f"#!/bin/sh\n{version}\n{postgres}\n"
    for name in ("postgres", "initdb"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder


def refusal(config: EmbeddedConfig) -> NexusError:
    with pytest.raises(NexusError) as refused:
        EmbeddedPostgres.start(config)
    assert "\n" not in str(refused.value)
    return refused.value


@contextlib.contextmanager
def bystander(folder: Path, name: str = "postgres") -> Iterator[subprocess.Popen[bytes]]:
    """A program of somebody else, even if it has a familiar name."""
    path = Path(shutil.copy(shutil.which("cat") or "/bin/cat", folder / name))
    process = subprocess.Popen([path], stdin=subprocess.PIPE, cwd=folder)
    try:
        yield process
        process.communicate(timeout=10)
        assert process.returncode == 0, "the bystander was harmed"
    finally:
        process.kill()


# --- cold and warm ---


def test_the_first_start_makes_the_database_nexus_with_safe_settings(tmp_path: Path) -> None:
    server = EmbeddedPostgres.start(EmbeddedConfig(tmp_path / "deep" / "home"))
    try:
        with psycopg.connect(server.dsn) as connection:
            found = connection.execute(
                "SELECT current_user, current_database(), datcollate, current_setting('server_encoding'), "
                "current_setting('data_checksums'), current_setting('fsync'), current_setting('full_page_writes'), "
                "current_setting('synchronous_commit') FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert found == ("nexus", "nexus", "C.UTF-8", "UTF8", "on", "on", "on", "on")
        assert not server.attached
        assert status(tmp_path / "deep" / "home") == server.pid
    finally:
        server.stop()
    assert {path.name for path in (tmp_path / "deep" / "home").iterdir()} == {"data", "lock", "postgres.log"}


async def test_both_drivers_connect_by_the_same_url(home: Path, start: Start) -> None:
    server = await asyncio.to_thread(start, home)
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SELECT current_database()") == "nexus"
    await connection.close()
    async with await psycopg.AsyncConnection.connect(server.dsn) as other:
        assert await (await other.execute("SELECT current_user")).fetchone() == ("nexus",)


def test_a_second_start_of_the_same_database_keeps_its_rows_and_its_url(home: Path, start: Start) -> None:
    first = start(home)
    fill(first, 7)
    url = first.dsn
    first.stop()
    assert status(home) is None
    second = start(home)
    assert rows(second) == 7
    assert second.dsn == url
    assert not second.attached


def test_a_start_says_nothing_fatal_in_the_log(home: Path, start: Start) -> None:
    server = start(home)
    assert "ready to accept connections" in server.log.read_text()
    assert "FATAL" not in server.log.read_text()


def test_the_log_is_trimmed_while_the_server_goes_on_writing(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(home)
    monkeypatch.setattr(embedded_directory, "LOG_LIMIT_BYTES", 10)
    server.trim_log()
    assert server.log.read_text() == ""
    assert "ready to accept connections" in (home / "postgres.log.1").read_text()
    os.kill(server.pid, signal.SIGHUP)
    until_sync(lambda: "received SIGHUP" in server.log.read_text(), "the next line")


def test_the_server_is_out_of_reach_of_ctrl_c(home: Path, start: Start) -> None:
    server = start(home)
    assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid


def test_the_server_knows_nothing_of_our_environment(home: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "made-up-secret")
    server = start(home)
    assert b"made-up-secret" not in Path(f"/proc/{server.pid}/environ").read_bytes()


@pytest.mark.parametrize("name", ["a b%20?&='\"", "größe, 1", "x" * 120])
def test_any_path_will_do(made: Path, tmp_path: Path, start: Start, name: str) -> None:
    home = copy_of(made, tmp_path / name)
    server = start(home)
    assert rows(start(home)) == rows(server)
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    asyncio.run(asyncpg_says_hello(server.dsn))
    url = server.dsn
    server.stop()
    assert server.socket_dir.exists() == (server.socket_dir == home)
    assert start(home).dsn == url


async def asyncpg_says_hello(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT 1")
    await connection.close()


# --- attaching ---


def test_who_comes_second_attaches_and_does_not_stop_it(home: Path, start: Start) -> None:
    first = start(home)
    second = start(home)
    assert second.attached
    assert (second.pid, second.dsn, second.log) == (first.pid, first.dsn, first.log)
    second.stop()
    assert first.is_alive()
    assert second.is_alive()
    second.stop(even_if_attached=True)
    assert not first.is_alive()


@pytest.mark.parametrize("cold", [True, False])
def test_of_many_starters_at_once_one_starts_and_the_others_attach(
    home: Path, tmp_path: Path, start: Start, cold: bool
) -> None:
    directory = tmp_path / "new" if cold else home
    with ThreadPoolExecutor(4) as threads:
        servers = list(threads.map(start, [directory] * 4))
    assert len({server.pid for server in servers}) == 1
    assert sorted(server.attached for server in servers) == [False, True, True, True]


def test_a_start_in_the_middle_of_a_stop_waits_and_starts_anew(home: Path, start: Start) -> None:
    first = start(home)
    with frozen_backend(first) as frozen, ThreadPoolExecutor(1) as threads:
        os.kill(first.pid, signal.SIGINT)
        until_sync(lambda: "stopping" in (home / "data" / "postmaster.pid").read_text(), "the stop to begin")
        second = threads.submit(start, home)
        os.kill(frozen, signal.SIGCONT)
        assert not second.result(30).attached
    assert second.result().pid != first.pid


@contextlib.contextmanager
def frozen_backend(server: EmbeddedPostgres) -> Iterator[int]:
    """A session whose process does nothing any more, not even notice that it should end."""
    connection = psycopg.connect(server.dsn, autocommit=True)
    pid = backend_of(connection)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        connection.close()


def test_a_server_outlives_its_killed_parent_and_is_found(home: Path, start: Start) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from ops.db.embedded import *;"
        "print(EmbeddedPostgres.start(EmbeddedConfig(Path(sys.argv[1]))).pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", code, str(home)], check=False, timeout=60, capture_output=True)
    assert parent.returncode == -signal.SIGKILL
    server = start(home)
    assert server.attached
    assert server.pid == int(parent.stdout)


def test_a_server_started_by_hand_is_respected(home: Path, start: Start) -> None:
    described = home / "data" / "postmaster.pid"
    command = [str(BINARIES.postgres), "-D", str(home / "data"), "-c", "listen_addresses=", "-k", str(home)]
    by_hand = subprocess.Popen(unprivileged(command, home), stderr=subprocess.DEVNULL)
    try:
        until_sync(lambda: described.is_file() and "ready" in described.read_text(), "the server")
        assert start(home).pid == by_hand.pid
        described.write_text(described.read_text().replace("ready   ", "starting"))
        error = refusal(EmbeddedConfig(home, start_timeout_s=0.1))
        assert isinstance(error, StoreUnavailableError)
        assert described.is_file()
        assert by_hand.poll() is None
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(20)


# --- death ---


def test_after_a_kill_of_the_postmaster_every_row_is_there_while_it_is_a_zombie(home: Path, start: Start) -> None:
    first = start(home)
    fill(first, 300)
    os.kill(first.pid, signal.SIGKILL)
    until_sync(lambda: state_of(first.pid) == "Z", "the zombie")
    assert status(home) is None
    second = start(home)
    assert state_of(first.pid) == "Z"
    assert not second.attached
    assert rows(second) == 300
    assert second.dsn == first.dsn


def test_a_watcher_notices_the_death(home: Path, start: Start) -> None:
    server = start(home)
    assert server.is_alive()
    assert not server.wait(0.0)
    watcher = start(home)
    with ThreadPoolExecutor(2) as threads:
        seen = [threads.submit(each.wait, 20.0) for each in (server, watcher)]
        os.kill(server.pid, signal.SIGKILL)
        assert [each.result(20) for each in seen] == [True, True]
    assert not server.is_alive()
    assert not watcher.is_alive()
    assert not Path(f"/proc/{server.pid}").exists(), "nobody reaped it"


def test_a_killed_backend_ends_no_server(home: Path, start: Start) -> None:
    server = start(home)
    fill(server, 3)
    with contextlib.closing(psycopg.connect(server.dsn)) as victim:
        pid = backend_of(victim)
        victim.execute("SELECT 'made-up-secret'")
        os.kill(pid, signal.SIGKILL)
    until_sync(lambda: "all server processes terminated; reinitializing" in server.log.read_text(), "the recovery")
    until_sync(lambda: server.log.read_text().count("ready to accept connections") == 2, "the recovery's end")
    assert server.is_alive()
    assert rows(server) == 3
    assert "made-up-secret" not in server.log.read_text()


def test_a_backend_that_outlived_its_postmaster_does_not_hold_up_the_next_start(home: Path, start: Start) -> None:
    first = start(home)
    fill(first, 4)
    with frozen_backend(first) as busy:
        os.kill(first.pid, signal.SIGKILL)
        until_sync(lambda: orphans(home / "data") == [busy], "the others to end")
        second = start(home, timeout_s=20.0)
    assert not second.attached
    assert find_process(busy) is None
    assert rows(second) == 4


@pytest.mark.parametrize("name", ["postgres", "mailer"])
def test_a_bystander_with_the_postmasters_number_survives(home: Path, tmp_path: Path, start: Start, name: str) -> None:
    first = start(home)
    fill(first, 5)
    described = (home / "data" / "postmaster.pid").read_text()
    first.stop("immediate")
    with bystander(tmp_path, name) as other:
        (home / "data" / "postmaster.pid").write_text(described.replace(str(first.pid), str(other.pid), 1))
        (home / ".s.PGSQL.5432.lock").write_text(described.replace(str(first.pid), str(other.pid), 1))
        (home / ".s.PGSQL.5432").touch()
        assert status(home) is None
        second = start(home)
        assert not second.attached
        assert rows(second) == 5
        second.stop()


def test_a_bystander_with_the_number_of_a_server_we_knew_survives(home: Path, tmp_path: Path, start: Start) -> None:
    server = start(home)
    server.stop()
    with bystander(tmp_path) as other:
        late = EmbeddedPostgres(ClusterPaths(home), Postmaster(other.pid, 5432, home, Phase.READY), None)
        assert not late.is_alive()
        late.stop("immediate", even_if_attached=True)


def test_a_start_that_was_killed_leaves_nothing_that_hinders_the_next(tmp_path: Path, start: Start) -> None:
    code = (
        "import sys; from pathlib import Path; from ops.db.embedded import *;"
        "EmbeddedPostgres.start(EmbeddedConfig(Path(sys.argv[1])))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "home")]) as starter:
        until_sync((tmp_path / "home" / "data.init" / "PG_VERSION").exists, "the database to be half made")
        starter.kill()
    server = start(tmp_path / "home")
    assert not server.attached
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (tmp_path / "home" / "data.init").exists()


# --- stopping ---


def test_a_fast_stop_ends_sessions_and_leaves_a_clean_database(home: Path, start: Start) -> None:
    server = start(home)
    with contextlib.closing(psycopg.connect(server.dsn)) as connection:
        connection.execute("SELECT 1")
        server.stop()
    assert not server.is_alive()
    assert "database system is shut down" in server.log.read_text()
    server.stop()  # a second time is no harm


def test_a_frozen_server_is_stopped_harder_and_harder(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ((signal.SIGINT, 0.05), (signal.SIGQUIT, 0.05), (signal.SIGKILL, 10.0))
    monkeypatch.setattr(embedded, "STOP_STEPS", {"fast": steps, "immediate": steps})
    server = start(home)
    os.kill(server.pid, signal.SIGSTOP)
    server.stop("fast")
    assert not server.is_alive()
    until_sync(lambda: orphans(home / "data") == [], "its backends to end")


def test_a_server_whose_data_somebody_moved_away_is_still_known_and_stopped(
    made: Path, tmp_path: Path, start: Start
) -> None:
    home = copy_of(made, tmp_path / "home")
    server = start(home)
    (home / "data").rename(home / "elsewhere")
    assert server.is_alive()
    server.stop("immediate")
    assert not server.is_alive()


def test_a_server_that_nothing_ends_is_said(home: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(home)
    with monkeypatch.context() as patched:
        patched.setattr(embedded, "STOP_STEPS", {"fast": ((signal.SIGCONT, 0.01),)})
        with pytest.raises(StoreUnavailableError, match="does not end"):
            server.stop()


# --- what needs somebody's hand ---


def test_another_major_version_is_refused_and_the_data_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("11\n")
    error = refusal(EmbeddedConfig(tmp_path))
    assert isinstance(error, SetupError)
    assert str(error).startswith(f"The database in {tmp_path / 'data'} is of PostgreSQL 11, this installation has 18")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["PG_VERSION"]


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refusal(EmbeddedConfig(tmp_path / "file" / "home"))
    assert isinstance(error, SetupError)
    assert "set NEXUS_HOME to another folder" in str(error)
    with pytest.raises(SetupError, match="cannot be used"):
        status(tmp_path / ("x" * 300))


def test_a_setting_that_postgres_refuses_is_said_in_its_words(home: Path) -> None:
    error = refusal(EmbeddedConfig(home, settings={"shared_buffers": "lots"}))
    assert isinstance(error, SetupError)
    assert 'invalid value for parameter "shared_buffers": "lots"' in str(error)
    assert str(home / "postgres.log") in str(error)


def test_only_what_this_start_said_is_its_reason(home: Path, tmp_path: Path) -> None:
    (home / "postgres.log").write_text("1 FATAL:  an old story\n")
    error = refusal(EmbeddedConfig(home, pretend(tmp_path / "bin", "exit 1")))
    assert "an old story" not in str(error)


def test_a_server_killed_while_it_starts_is_worth_another_try(home: Path, tmp_path: Path) -> None:
    error = refusal(EmbeddedConfig(home, pretend(tmp_path / "bin", "kill -9 $$")))
    assert isinstance(error, StoreUnavailableError)


def test_a_program_that_hangs_at_the_first_start_is_worth_another_try(tmp_path: Path) -> None:
    hangs = pretend(tmp_path / "bin", "sleep 60")
    error = refusal(EmbeddedConfig(tmp_path / "home", hangs, start_timeout_s=0.3))
    assert isinstance(error, StoreUnavailableError)


def test_a_lock_that_somebody_unseen_holds_is_said(home: Path) -> None:
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        error = refusal(EmbeddedConfig(home, start_timeout_s=0.2))
    assert isinstance(error, StoreUnavailableError)
    assert "is held by another process" in str(error)


def test_a_server_that_takes_long_to_recover_is_left_to_it_and_ours_in_the_end(
    home: Path, tmp_path: Path, start: Start
) -> None:
    real = BINARIES.postgres
    slow = pretend(tmp_path / "bin", f'until [ -e {tmp_path}/go ]; do sleep 0.02; done; exec {real} "$@"')
    error = refusal(EmbeddedConfig(home, slow, start_timeout_s=0.3))
    assert isinstance(error, StoreUnavailableError)
    assert "start again to wait for it" in str(error)
    (tmp_path / "go").touch()
    server = start(home)
    assert not server.attached
    server.stop()
    assert not server.is_alive()


# --- as an ordinary user ---

AS_NOBODY = """
import asyncio, asyncpg, json, os, psycopg, sys
from pathlib import Path
from domain.errors import SetupError
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres

os.setgroups([]); os.setgid(65534); os.setuid(65534)
home, binaries = Path(sys.argv[1]), Path(sys.argv[2])
server = EmbeddedPostgres.start(EmbeddedConfig(home / "postgres", binaries))
with psycopg.connect(server.dsn) as connection:
    user, = connection.execute("SELECT current_user").fetchone()
owner = os.stat(f"/proc/{server.pid}").st_uid
os.kill(server.pid, 9)
died = server.wait(20.0)
again = EmbeddedPostgres.start(EmbeddedConfig(home / "postgres", binaries))
attached, fresh = EmbeddedPostgres.start(EmbeddedConfig(home / "postgres", binaries)).attached, not again.attached
again.stop()
(home / "closed").mkdir(mode=0o500)
try:
    EmbeddedPostgres.start(EmbeddedConfig(home / "closed", binaries))
    refused = ""
except SetupError as error:
    refused = str(error)
print(json.dumps([user, owner, died, fresh, attached, again.is_alive(), refused]))
"""


@pytest.fixture
def nobodys_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody; as an ordinary user the other tests do it")
def test_nobody_runs_it_too(nobodys_home: Path) -> None:
    binaries = within_reach(nobodys_home)
    command = [sys.executable, "-c", AS_NOBODY, str(nobodys_home), str(binaries)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    *told, refused = json.loads(ended.stdout)
    assert told == ["nexus", NOBODY, True, True, True, False]
    assert refused.startswith(f"The database directory {nobodys_home / 'closed'} cannot be used")


def within_reach(folder: Path) -> Path:
    """The programs themselves, or a copy where the installation is closed to others."""
    if all(parent.stat().st_mode & 0o001 for parent in BINARIES.directory.parents):
        return BINARIES.directory
    package = BINARIES.directory.parent.parent
    for tree in (package, package.with_name(f"{package.name}.libs")):
        if tree.is_dir():
            shutil.copytree(tree, folder / tree.name)
    return folder / BINARIES.directory.relative_to(package.parent)
