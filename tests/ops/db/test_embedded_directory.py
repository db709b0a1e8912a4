"""The directory is private, its version is known, sockets fit, stale files go, and the log stays small."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from ops.db import embedded_directory
from ops.db.embedded_directory import (
    PORT,
    SOCKET_PATH_LIMIT,
    ClusterPaths,
    is_fit_for_sockets,
    major_of,
    open_directory,
    remove_run_state,
    socket_directory,
    trim_log,
)
from ops.db.embedded_process import cluster_name

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to somebody else")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return open_directory(tmp_path / "postgres")


@pytest.fixture
def long_paths(tmp_path: Path) -> ClusterPaths:
    """A directory too deep for a socket."""
    return open_directory(tmp_path / ("x" * SOCKET_PATH_LIMIT))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, short enough."""
    folder = tmp_path.parent / "t"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_new_directory_is_private_with_all_its_files(tmp_path: Path) -> None:
    paths = open_directory(tmp_path / "home" / "postgres")
    assert mode_of(paths.directory) == 0o700
    assert mode_of(paths.lock) == mode_of(paths.log) == 0o600


def test_an_open_directory_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_directory(tmp_path)
    assert mode_of(tmp_path) == 0o700


@pytest.mark.parametrize("mode", [0o1777, 0o770, 0o702])
def test_a_directory_that_others_write_to_is_refused_and_left_alone(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(SetupError, match=f"Others can write to {tmp_path}: run chmod 700"):
        open_directory(tmp_path)
    assert mode_of(tmp_path) == mode
    assert list(tmp_path.iterdir()) == []


def test_opening_again_keeps_what_is_there(paths: ClusterPaths) -> None:
    paths.log.write_text("line")
    assert open_directory(paths.directory) == paths
    assert paths.log.read_text() == "line"


def test_a_directory_behind_a_link_is_known_by_its_real_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert open_directory(tmp_path / "link").directory == (tmp_path / "real").resolve()


@pytest.mark.parametrize("name", ["a\nb", "a\x07", os.fsdecode(b"\xff")])
def test_a_path_that_postgres_could_not_write_into_its_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="unprintable") as refused:
        open_directory(tmp_path / name)
    assert "\n" not in str(refused.value)


@needs_root
def test_what_root_makes_in_somebodys_directory_is_theirs(tmp_path: Path, temporary: Path) -> None:
    home = tmp_path / ("x" * SOCKET_PATH_LIMIT)
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    paths = open_directory(home)
    paths.log.write_bytes(b"x" * (embedded_directory.LOG_LIMIT_BYTES + 1))
    trim_log(paths)
    made = (paths.lock, paths.log, paths.older_log, socket_directory(paths))
    assert {path.stat().st_uid for path in made} == {NOBODY}


def test_no_data_folder_or_an_empty_one_has_no_version(tmp_path: Path) -> None:
    assert major_of(tmp_path / "data") is None
    assert major_of(tmp_path) is None


@pytest.mark.parametrize(("text", "major"), [("18\n", 18), ("9.6\n", 9)])
def test_the_version_of_a_database_is_its_own_word(tmp_path: Path, text: str, major: int) -> None:
    (tmp_path / "PG_VERSION").write_text(text)
    assert major_of(tmp_path) == major


@pytest.mark.parametrize("version", [None, "", "eighteen"])
def test_a_folder_of_something_else_is_refused_and_not_touched(tmp_path: Path, version: str | None) -> None:
    (tmp_path / "letter").write_text("dear")
    if version is not None:
        (tmp_path / "PG_VERSION").write_text(version)
    with pytest.raises(SetupError, match=f"{tmp_path} is no PostgreSQL database: move that folder away"):
        major_of(tmp_path)
    assert (tmp_path / "letter").read_text() == "dear"


def test_sockets_lie_in_the_directory_itself(paths: ClusterPaths) -> None:
    assert socket_directory(paths) == paths.directory


@given(st.integers(1, 200))
def test_a_path_is_fit_exactly_when_the_kernel_has_room_for_it(length: int) -> None:
    directory = Path("/" + "x" * length)
    assert is_fit_for_sockets(directory) == (len(f"{directory}/.s.PGSQL.{PORT}") <= SOCKET_PATH_LIMIT)


@pytest.mark.parametrize("name", ["a,b", "größe"])
def test_a_path_that_urls_cannot_carry_is_not_fit(name: str) -> None:
    assert not is_fit_for_sockets(Path("/home") / name)
    assert is_fit_for_sockets(Path("/home/a b%20?&=\"'"))


def test_a_long_path_gets_a_short_private_folder_always_the_same(long_paths: ClusterPaths, temporary: Path) -> None:
    short = socket_directory(long_paths)
    assert short == temporary / cluster_name(long_paths.data)
    assert mode_of(short) == 0o700
    assert socket_directory(long_paths) == short


def test_two_long_paths_do_not_share_a_folder(tmp_path: Path, temporary: Path) -> None:
    one, other = (open_directory(tmp_path / (letter * SOCKET_PATH_LIMIT)) for letter in "ab")
    assert socket_directory(one) != socket_directory(other)


@pytest.mark.parametrize("squatter", ["open folder", "link", "file", pytest.param("foreign", marks=needs_root)])
def test_a_short_folder_that_somebody_else_may_own_is_refused(
    long_paths: ClusterPaths, temporary: Path, squatter: str
) -> None:
    short = temporary / cluster_name(long_paths.data)
    match squatter:
        case "open folder":
            short.mkdir(mode=0o755)
        case "link":
            (temporary / "private").mkdir(mode=0o700, exist_ok=True)
            short.symlink_to(temporary / "private")
        case "file":
            short.touch(mode=0o700)
        case _:
            short.mkdir(mode=0o700)
            os.chown(short, NOBODY, NOBODY)
    with pytest.raises(SetupError, match=f"{short} is not a private folder of ours: remove it"):
        socket_directory(long_paths)


def test_no_room_anywhere_is_said(long_paths: ClusterPaths, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / ("y" * SOCKET_PATH_LIMIT)))
    with pytest.raises(SetupError, match="set NEXUS_HOME to a shorter path"):
        socket_directory(long_paths)


def test_what_a_killed_server_left_is_removed_and_nothing_else(paths: ClusterPaths) -> None:
    paths.data.mkdir()
    stale = [
        paths.data / "postmaster.pid",
        paths.directory / f".s.PGSQL.{PORT}",
        paths.directory / f".s.PGSQL.{PORT}.lock",
    ]
    kept = [paths.data / "PG_VERSION", paths.data / "postmaster.opts", paths.lock, paths.log]
    for path in (*stale, *kept):
        path.touch()
    remove_run_state(paths, paths.directory)
    assert not any(path.exists() for path in stale)
    assert all(path.exists() for path in kept)
    remove_run_state(paths, paths.directory)


def test_a_small_log_is_left_alone(paths: ClusterPaths) -> None:
    paths.log.write_bytes(b"x" * embedded_directory.LOG_LIMIT_BYTES)
    trim_log(paths)
    assert paths.log.stat().st_size == embedded_directory.LOG_LIMIT_BYTES
    assert not paths.older_log.exists()


def test_a_big_log_makes_room_while_the_server_goes_on_writing(paths: ClusterPaths) -> None:
    server = os.open(paths.log, os.O_WRONLY | os.O_APPEND)
    try:
        for letter in (b"a", b"b"):
            os.write(server, letter * (embedded_directory.LOG_LIMIT_BYTES + 1))
            trim_log(paths)
        os.write(server, b"next")
    finally:
        os.close(server)
    assert paths.log.read_bytes() == b"next"
    assert set(paths.older_log.read_bytes()) == set(b"b")


def test_a_log_that_is_gone_needs_no_room(paths: ClusterPaths) -> None:
    paths.log.unlink()
    trim_log(paths)
    assert not paths.log.exists()
