"""The database's own parts, as processes: the watched server, and the migrations."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres, status
from ops.db.migrate import migrations
from ops.home import Home, prepare
from ops.plan import NICENESS
from ops.reports import Ready, decode
from ops.serve_database import migrated
from ops.settings import inherited
from tests.waiting import until_sync


class Launcher:
    """Starts ``nexus postgres --supervised`` on one home, again and again."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> tuple[subprocess.Popen[bytes], str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.cli", "postgres", "--supervised"],
            env=inherited({"NEXUS_HOME": str(self.home.root)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        assert process.stdout
        report = decode(process.stdout.readline())
        assert isinstance(report, Ready)
        return process, report.database_url


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(prepare(tmp_path / "home"))
    yield launcher
    for process in launcher.started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe
            pipe.close()
    if status(launcher.home.postgres) is not None:
        EmbeddedPostgres.start(EmbeddedConfig(launcher.home.postgres)).stop("immediate", even_if_attached=True)


def ask(url: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone()


def test_the_server_lives_and_dies_with_its_launcher(launcher: Launcher) -> None:
    process, url = launcher.start()
    assert ask(url) == (1,)
    server = status(launcher.home.postgres)
    assert server

    process.kill()  # a killed launcher leaves the server to the next one
    process.wait()
    process, again = launcher.start()
    assert again == url
    assert status(launcher.home.postgres) == server

    os.kill(server, signal.SIGKILL)  # a killed server ends its launcher, whose supervisor starts it again
    assert process.wait(30) == 1
    assert process.stderr
    assert process.stderr.read().decode().splitlines()[-1].startswith("nexus: PostgreSQL ended unasked; its log is ")
    process, url = launcher.start()
    assert ask(url) == (1,)

    process.terminate()
    assert process.wait(30) == 0
    assert status(launcher.home.postgres) is None

    process, url = launcher.start()
    assert process.stdin
    process.stdin.close()  # the supervisor is gone
    assert process.wait(30) == 0
    assert status(launcher.home.postgres) is None


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system groups no sessions")
def test_the_server_lets_sessions_go_first_with_all_its_processes(launcher: Launcher) -> None:
    _, url = launcher.start()
    server = status(launcher.home.postgres)
    with psycopg.connect(url) as connection:
        pids = (server, connection.info.backend_pid)
        files = [Path(f"/proc/{pid}/autogroup") for pid in pids]
        until_sync(lambda: all(file.read_text().endswith(f" nice {NICENESS}\n") for file in files), "both to step back")


def test_the_second_request_cuts_off_who_is_still_connected(launcher: Launcher) -> None:
    process, url = launcher.start()
    server = status(launcher.home.postgres)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        process.terminate()
        process.send_signal(signal.SIGINT)
        until_sync(lambda: status(launcher.home.postgres) != server, "the end of the server")
    assert process.wait(30) == 0


async def test_migrating_applies_all_and_makes_room_for_the_coming_months(empty_database: str) -> None:
    assert await migrated(empty_database) == [migration.name for migration in migrations()]
    assert await migrated(empty_database) == []
    with psycopg.connect(empty_database) as connection:
        query = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'nexus_events'::regclass"
        partitions = connection.execute(query).fetchone()
    assert partitions is not None
    assert partitions[0] >= 3
