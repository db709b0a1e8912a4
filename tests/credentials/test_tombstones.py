"""Tombstones: the name alone revokes, the first word stands, and whatever lies in the folder is survived."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credentials.private_files import UnfitFileError
from credentials.tombstones import Tombstone, drop, read, revoked_in
from tests.key_samples import NOON

STONE = Tombstone("abcdefgh", "ada", "laptop lost\n“twice”", NOON)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "revoked"


def test_a_key_is_revoked_by_the_name_of_its_tombstone(folder: Path) -> None:
    assert revoked_in(folder) == {}
    drop(folder, STONE)
    (since,) = revoked_in(folder).values()
    assert list(revoked_in(folder)) == ["abcdefgh"]
    assert abs(since - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251  the file system's clock is asked
    assert folder.stat().st_mode & 0o777 == 0o700


def test_who_why_and_when_stand_on_it(folder: Path) -> None:
    drop(folder, STONE)
    assert read(folder, "abcdefgh", NOON + timedelta(days=1)) == STONE


def test_the_first_word_stands(folder: Path) -> None:
    later = Tombstone("abcdefgh", "eve", "", NOON + timedelta(days=1))
    assert drop(folder, STONE) == STONE
    assert drop(folder, later) == STONE
    assert read(folder, "abcdefgh", NOON) == STONE
    (folder / "abcdefgh").write_bytes(b"torn")
    assert drop(folder, later) == later


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"who":"","why":"","at":"2026-01-01T00:00:00Z"}', b"\xff", b'{"who":1}', b"x" * 10**6],
)
def test_an_unreadable_tombstone_revokes_too(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "abcdefgh").write_bytes(content)
    (folder / "abcdefgh").chmod(0o600)
    assert list(revoked_in(folder)) == ["abcdefgh"]
    assert read(folder, "abcdefgh", NOON) == Tombstone("abcdefgh", "unknown", "", NOON)


def test_so_does_one_that_is_no_file_and_nobody_waits_for_it(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "abcdefgh")
    (folder / "hgfedcba").mkdir()
    (folder / "linklink").symlink_to("/nonexistent")
    assert sorted(revoked_in(folder)) == ["abcdefgh", "hgfedcba", "linklink"]
    assert read(folder, "abcdefgh", NOON).who == "unknown"
    assert read(folder, "gone0000", NOON).who == "unknown"


def test_other_names_are_no_tombstones(folder: Path) -> None:
    folder.mkdir()
    for name in (".abcdefgh-x1", "ABCDEFGH", "abcdefg", "abcdefghi", "abcdefgh.json", "a b c d e"):
        (folder / name).touch()
    assert revoked_in(folder) == {}


@pytest.mark.parametrize("key_id", ["", "..", "../../etc", "ABCDEFGH", "abcdefgh/x"])
def test_only_a_key_gets_one(folder: Path, key_id: str) -> None:
    with pytest.raises(UnfitFileError, match="no public id"):
        drop(folder, Tombstone(key_id, "ada", "", NOON))
    assert not folder.exists()


def test_a_folder_that_is_none_is_named(folder: Path) -> None:
    folder.write_bytes(b"")
    with pytest.raises(UnfitFileError, match="revoked"):
        revoked_in(folder)
    with pytest.raises(UnfitFileError, match="revoked"):
        drop(folder, STONE)
