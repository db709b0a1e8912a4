"""A new database is whole or absent, whatever its programs do."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import SetupError, StoreUnavailableError
from ops.db.embedded_binaries import Binaries, find_binaries
from ops.db.embedded_cluster import NewCluster, make_cluster
from ops.db.embedded_directory import ClusterPaths, major_of, open_directory
from ops.db.embedded_programs import run

REAL = find_binaries(None, Path("/"), None)

MAKES_A_FOLDER = 'mkdir "$2" && echo 18 > "$2/PG_VERSION"'


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return open_directory(tmp_path / "postgres")


@pytest.fixture
def lock(paths: ClusterPaths) -> Iterator[int]:
    descriptor = os.open(paths.lock, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for programs that the test writes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def script(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def options_of(paths: ClusterPaths) -> str:
    control = [str(REAL.directory / "pg_controldata"), "-D", str(paths.data)]
    return run(control, timeout_s=10).output


def test_a_real_database_is_made_with_checksums_and_nothing_beside_it(paths: ClusterPaths, lock: int) -> None:
    make_cluster(NewCluster(paths, REAL, lock, timeout_s=60, sync=False))
    assert major_of(paths.data) == REAL.major
    assert "Data page checksum version:           1" in options_of(paths)
    assert "in production" not in options_of(paths)
    assert {path.name for path in paths.directory.iterdir()} == {"data", "lock", "postgres.log"}


def test_what_a_killed_attempt_left_is_removed_first(paths: ClusterPaths, lock: int, programs: Path) -> None:
    paths.initializing.mkdir()
    (paths.initializing / "half").touch()
    script(programs, "initdb", MAKES_A_FOLDER)
    script(programs, "postgres", 'cat > "$3/said"')
    make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert {path.name for path in paths.data.iterdir()} == {"PG_VERSION", "said"}
    assert not paths.initializing.exists()


def test_the_database_is_made_before_it_gets_its_name(paths: ClusterPaths, lock: int, programs: Path) -> None:
    script(programs, "initdb", MAKES_A_FOLDER)
    script(programs, "postgres", f'test ! -e "{paths.data}" && cat > "{paths.initializing}/said"')
    make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert "CREATE DATABASE nexus\n" in (paths.data / "said").read_text()


@pytest.mark.parametrize("culprit", ["initdb", "postgres"])
def test_a_failure_leaves_nothing_and_says_why(paths: ClusterPaths, lock: int, programs: Path, culprit: str) -> None:
    script(programs, "initdb", MAKES_A_FOLDER)
    script(programs, "postgres", "exit 0")
    failure = "echo 'initdb: error: could not write to file: No space left on device'; echo 'initdb: removing'; exit 1"
    script(programs, culprit, f"{MAKES_A_FOLDER} 2>/dev/null; {failure}")
    with pytest.raises(SetupError) as failed:
        make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert str(failed.value) == (
        f"PostgreSQL cannot make a database in {paths.directory}: could not write to file: No space left on device. "
        "Mend that and start again; nothing half made is left behind."
    )
    assert {path.name for path in paths.directory.iterdir()} == {"lock", "postgres.log"}


def test_a_killed_program_is_worth_another_try(paths: ClusterPaths, lock: int, programs: Path) -> None:
    script(programs, "initdb", f"{MAKES_A_FOLDER}; kill -9 $$")
    with pytest.raises(StoreUnavailableError, match="killed while it made"):
        make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert not paths.initializing.exists()


def test_a_program_that_hangs_leaves_nothing(paths: ClusterPaths, lock: int, programs: Path) -> None:
    script(programs, "initdb", f"{MAKES_A_FOLDER}; sleep 60")
    with pytest.raises(TimeoutError):
        make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=0.3))
    assert not paths.initializing.exists()


def test_a_system_without_the_wanted_locale_gets_the_one_that_all_have(
    paths: ClusterPaths, lock: int, programs: Path
) -> None:
    refuse = 'echo "initdb: error: invalid locale name \\"C.UTF-8\\""; exit 1'
    script(
        programs, "initdb", f'case "$*" in *--locale=C.UTF-8*) {refuse};; esac; {MAKES_A_FOLDER}; echo "$*" > "$2/a"'
    )
    script(programs, "postgres", "exit 0")
    make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert "--locale=C " in (paths.data / "a").read_text()


def test_another_failure_is_not_tried_twice(paths: ClusterPaths, lock: int, programs: Path, tmp_path: Path) -> None:
    script(programs, "initdb", f"echo try >> {tmp_path}/tries; exit 1")
    with pytest.raises(SetupError):
        make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
    assert (tmp_path / "tries").read_text() == "try\n"


@pytest.mark.parametrize("sync", [True, False])
def test_only_a_database_for_tests_is_not_synced(paths: ClusterPaths, lock: int, programs: Path, sync: bool) -> None:
    script(programs, "initdb", f'{MAKES_A_FOLDER}; echo "$*" > "$2/a"')
    script(programs, "postgres", "exit 0")
    make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10, sync=sync))
    assert ("--no-sync" in (paths.data / "a").read_text()) != sync


def test_the_programs_hold_the_lock_too(paths: ClusterPaths, lock: int, programs: Path) -> None:
    look = f'ls -l /proc/$$/fd | grep -q "{paths.lock}$"'
    script(programs, "initdb", f"{MAKES_A_FOLDER}; {look}")
    script(programs, "postgres", look)
    make_cluster(NewCluster(paths, Binaries(programs, 18), lock, timeout_s=10))
