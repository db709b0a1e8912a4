"""The watch: every change is seen within a second, nothing broken is believed, and at start it fails closed."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from credentials import snapshot_file
from credentials.key_snapshot import KeySnapshot
from credentials.key_watch import KeyWatch
from credentials.snapshot_file import SNAPSHOT_NAME
from credentials.tombstones import FOLDER_NAME, Tombstone, drop
from tests.key_samples import NOON, facts, put, snapshot
from tests.waiting import until

ONE, TWO = facts(1), facts(2)


def put_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "edited": lambda path: path.write_bytes(path.read_bytes().replace(b"acme", b"evil")),
    "readable": lambda path: path.chmod(0o644),
    "fifo": put_fifo,
    "folder": put_folder,
    "huge": lambda path: os.truncate(path, 2**33),
}


def stone(key_id: str) -> Tombstone:
    return Tombstone(key_id, "ada", "", NOON)


@asynccontextmanager
async def running(watch: KeyWatch) -> AsyncIterator[KeyWatch]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        yield watch
        task.cancel()


def test_without_a_file_no_key_was_ever_issued(tmp_path: Path) -> None:
    watch = KeyWatch(tmp_path)
    assert (watch.current, watch.has_keys, watch.trouble) == (KeySnapshot(), False, "")


def test_it_knows_the_keys_as_soon_as_it_is_made(tmp_path: Path) -> None:
    put(tmp_path, ONE, TWO)
    watch = KeyWatch(tmp_path)
    assert (watch.current, watch.has_keys) == (snapshot(ONE, TWO), True)


def test_a_revoked_key_was_issued_once(tmp_path: Path) -> None:
    put(tmp_path, replace(ONE, revoked_at=NOON))
    assert KeyWatch(tmp_path).has_keys
    other = tmp_path / "other"
    other.mkdir()
    drop(other / FOLDER_NAME, stone("abcdefgh"))
    assert KeyWatch(other).has_keys
    assert KeyWatch(other).current == KeySnapshot()


def test_a_tombstone_revokes_at_start(tmp_path: Path) -> None:
    put(tmp_path, ONE, TWO)
    drop(tmp_path / FOLDER_NAME, stone(ONE.key_id))
    current = KeyWatch(tmp_path).current
    assert current.keys[ONE.key_id].revoked_at is not None
    assert current.keys[TWO.key_id] == TWO


def test_the_stores_word_on_when_a_key_was_revoked_stands(tmp_path: Path) -> None:
    put(tmp_path, replace(ONE, revoked_at=NOON))
    drop(tmp_path / FOLDER_NAME, stone(ONE.key_id))
    assert KeyWatch(tmp_path).current.keys[ONE.key_id].revoked_at == NOON


async def test_revoking_works_within_a_second(tmp_path: Path) -> None:
    """Test 55 of the bar, on one host; nothing but the disk is asked."""
    put(tmp_path, ONE, TWO)
    heard: list[float] = []
    async with running(KeyWatch(tmp_path, changed=lambda: heard.append(time.monotonic()))) as watch:
        dropped = time.monotonic()
        drop(tmp_path / FOLDER_NAME, stone(ONE.key_id))
        await until(lambda: heard, "the tombstone to be seen")
        assert heard[0] - dropped < 1
        assert watch.current.keys[ONE.key_id].revoked_at is not None
        written = time.monotonic()
        put(tmp_path, ONE, replace(TWO, revoked_at=NOON), revision=2)
        await until(lambda: len(heard) > 1, "the snapshot to be seen")
        assert heard[1] - written < 1
        assert [key.revoked_at is None for key in watch.current.keys.values()] == [False, False]


async def test_nothing_is_read_and_nobody_is_told_when_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, ONE)
    told: list[int] = []
    watch = KeyWatch(tmp_path, changed=lambda: told.append(1), wall_ns=lambda: time.time_ns() + 10**10)
    await watch.look()

    def never(_path: Path) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(snapshot_file, "read", never)
    for _ in range(3):
        await watch.look()
    assert told == []


async def test_two_changes_within_one_tick_of_the_clock_are_both_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system's clock stands still for milliseconds: what was changed again meanwhile looks the same."""
    path = put(tmp_path, ONE)
    watch = KeyWatch(tmp_path)
    await watch.look()
    seen = path.stat()
    path.write_bytes(path.read_bytes())
    inside = snapshot_file.encoded(snapshot_file.KeyFile(snapshot(replace(ONE, name="ic")), 1))
    path.write_bytes(inside)
    frozen = os.stat_result((*seen[:10],), {"st_mtime_ns": seen.st_mtime_ns, "st_ctime_ns": seen.st_ctime_ns})
    monkeypatch.setattr(Path, "lstat", lambda self: frozen if self == path else os.lstat(self))
    await watch.look()
    assert watch.current.keys[ONE.key_id].name == "ic"


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
async def test_the_last_good_state_stays_whatever_becomes_of_the_file(
    tmp_path: Path, breakage: Callable[[Path], object]
) -> None:
    path = put(tmp_path, ONE)
    watch = KeyWatch(tmp_path)
    breakage(path)
    await watch.look()
    assert (watch.current, watch.has_keys) == (snapshot(ONE), True)
    assert path.name in watch.trouble
    drop(tmp_path / FOLDER_NAME, stone(ONE.key_id))
    await watch.look()
    assert watch.current.keys[ONE.key_id].revoked_at is not None


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
async def test_a_broken_file_at_start_closes_the_door(tmp_path: Path, breakage: Callable[[Path], object]) -> None:
    path = put(tmp_path, ONE)
    breakage(path)
    watch = KeyWatch(tmp_path)
    assert (watch.current, watch.has_keys) == (KeySnapshot(), True)
    assert path.name in watch.trouble
    path.rmdir() if path.is_dir() else path.unlink()
    await watch.look()
    assert watch.has_keys
    put(tmp_path, ONE)
    await watch.look()
    assert (watch.current, watch.has_keys, watch.trouble) == (snapshot(ONE), True, "")


async def test_a_file_that_is_gone_opens_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, ONE)
    watch = KeyWatch(tmp_path)
    path.unlink()
    await watch.look()
    assert (watch.current, watch.has_keys) == (snapshot(ONE), True)
    assert "gone" in watch.trouble


async def test_unreadable_tombstones_close_the_door_at_start_and_change_nothing_later(tmp_path: Path) -> None:
    put(tmp_path, ONE)
    watch = KeyWatch(tmp_path)
    (tmp_path / FOLDER_NAME).write_bytes(b"")
    await watch.look()
    assert watch.current == snapshot(ONE)
    assert FOLDER_NAME in watch.trouble
    closed = KeyWatch(tmp_path)
    assert (closed.current, closed.has_keys) == (KeySnapshot(), True)
    (tmp_path / FOLDER_NAME).unlink()
    await closed.look()
    assert (closed.current, closed.trouble) == (snapshot(ONE), "")


async def test_a_tombstone_that_was_seen_holds_though_it_is_removed(tmp_path: Path) -> None:
    put(tmp_path, ONE)
    drop(tmp_path / FOLDER_NAME, stone(ONE.key_id))
    watch = KeyWatch(tmp_path)
    (tmp_path / FOLDER_NAME / ONE.key_id).unlink()
    await watch.look()
    assert watch.current.keys[ONE.key_id].revoked_at is not None


async def test_the_first_key_is_seen_by_a_gateway_that_had_none(tmp_path: Path) -> None:
    watch = KeyWatch(tmp_path)
    assert not watch.has_keys
    put(tmp_path, ONE)
    await watch.look()
    assert watch.has_keys


def test_the_watch_reads_the_file_of_the_documented_name(tmp_path: Path) -> None:
    put(tmp_path, replace(ONE, expires_at=NOON + timedelta(days=1)))
    assert (tmp_path / "client-keys.json").exists()
    assert SNAPSHOT_NAME == "client-keys.json"
    assert FOLDER_NAME == "revoked"


async def test_a_fifo_in_its_place_never_holds_up_the_loop(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / SNAPSHOT_NAME, 0o600)
    watch = KeyWatch(tmp_path)
    async with asyncio.timeout(5), running(watch):
        await until(lambda: watch.trouble, "the FIFO to be refused")
    assert watch.has_keys
