"""Small private files: read whole, written whole, and nothing that is no file is ever waited for."""

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import private_files
from credentials.private_files import SETTLED_NS, Lookout, UnfitFileError, read_private, sight, write_private

LIMIT = 1000


@given(data=st.binary(max_size=LIMIT), durable=st.booleans())
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, durable: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "written"
    write_private(path, data, durable=durable)
    assert read_private(path, LIMIT) == data
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_none(tmp_path: Path) -> None:
    assert read_private(tmp_path / "nothing", LIMIT) is None
    assert sight(tmp_path / "nothing") is None


def test_writing_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "one", b"1")
    write_private(tmp_path / "one", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one"
    write_private(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnfitFileError, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_file_and_folder_are_synced_before_and_after_the_name_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []

    def note(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), (tmp_path / "one").exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_private(tmp_path / "one", b"1")
    assert synced == [(False, False), (True, True)]


def test_a_reader_never_sees_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_private(path, b"a" * LIMIT)
    with path.open("rb") as reading:
        write_private(path, b"b" * LIMIT)
        assert reading.read() == b"a" * LIMIT
    assert read_private(path, LIMIT) == b"b" * LIMIT


def make_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def make_link(path: Path) -> None:
    target = path.with_name("target")
    write_private(target, b"x")
    path.symlink_to(target)


def make_readable(path: Path) -> None:
    write_private(path, b"x")
    path.chmod(0o644)


def make_large(path: Path) -> None:
    write_private(path, b"")
    os.truncate(path, 2**30)


@pytest.mark.parametrize(
    "make", [make_fifo, make_link, make_readable, make_large, Path.mkdir], ids=lambda it: it.__name__
)
def test_what_is_no_small_private_file_is_refused_without_a_wait(tmp_path: Path, make: object) -> None:
    path = tmp_path / "odd"
    make(path)  # type: ignore[operator]  # one of those above
    with pytest.raises(UnfitFileError) as raised:
        read_private(path, LIMIT)
    assert str(path) in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_somebody_elses_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "theirs"
    write_private(path, b"x")
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(UnfitFileError, match="others"):
        read_private(path, LIMIT)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one"
    write_private(path, b"x" * (LIMIT + 1))
    monkeypatch.setattr(private_files, "_refuse_strangers", lambda *_: None)
    with pytest.raises(UnfitFileError, match="larger"):
        read_private(path, LIMIT)


def test_a_folder_that_is_none_is_no_place_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnfitFileError):
        write_private(tmp_path / "file" / "one", b"1")
    with pytest.raises(UnfitFileError):
        sight(tmp_path / "file" / "one")


def later() -> int:
    return time.time_ns() + 10 * SETTLED_NS


def test_a_lookout_tells_what_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "one"
    lookout = Lookout(path)
    assert [lookout.differs(later()) for _ in range(2)] == [True, False]
    write_private(path, b"1")
    assert [lookout.differs(later()) for _ in range(3)] == [True, False, False]
    write_private(path, b"2")
    assert [lookout.differs(later()) for _ in range(2)] == [True, False]
    path.chmod(0o644)
    assert [lookout.differs(later()) for _ in range(2)] == [True, False]
    path.unlink()
    assert [lookout.differs(later()) for _ in range(2)] == [True, False]


def test_a_change_so_young_that_another_may_look_the_same_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_private(path, b"1")
    changed = path.stat().st_ctime_ns
    lookout = Lookout(path)
    assert [lookout.differs(changed + SETTLED_NS // 2) for _ in range(3)] == [True, True, True]
    assert [lookout.differs(changed + 2 * SETTLED_NS) for _ in range(2)] == [True, False]


def test_a_lookout_over_what_cannot_be_looked_at_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    lookout = Lookout(tmp_path / "file" / "one")
    assert [lookout.differs(later()) for _ in range(2)] == [True, False]
