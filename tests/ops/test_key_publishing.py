"""Keys on their way: from the store to every host's gateways, and a host's revocations to the store and the others."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from credentials import snapshot_file
from credentials.key_watch import KeyWatch
from credentials.private_files import UnfitFileError
from credentials.snapshot_file import SNAPSHOT_NAME
from credentials.tombstones import FOLDER_NAME, Tombstone, drop
from domain.errors import StoreUnavailableError
from domain.limits import Limits
from ops import key_publishing
from ops.clock import utc_now
from ops.db import client_keys
from ops.db.daemon_thread import in_daemon_thread
from ops.db.pool import Pool
from ops.home import Home, prepare
from ops.key_publishing import KeyPublisher, publisher, publishing
from tests.key_samples import NOON, facts, new_key, put, snapshot
from tests.proxies import proxied
from tests.waiting import until

ONE, TWO = facts(1), facts(2, "farm")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path / "home")


@pytest.fixture
def keys(pool: Pool, migrated_database: str, home: Home) -> KeyPublisher:
    return publisher(pool, migrated_database, home)


async def issue(url: str, number: int = 1, name: str = "ci") -> None:
    await in_daemon_thread(partial(client_keys.issue, url, new_key(number, name), who="ada", at=NOON))


async def revoke(url: str, number: int = 1) -> None:
    key_id = new_key(number).key_id
    await in_daemon_thread(partial(client_keys.revoke, url, key_id, who="ada", why="", at=NOON))


def on_disk(home: Home) -> snapshot_file.KeyFile | None:
    return snapshot_file.read(home.keys / SNAPSHOT_NAME)


async def test_what_the_store_knows_is_written(keys: KeyPublisher, migrated_database: str, home: Home) -> None:
    await keys.look()
    assert on_disk(home) is None
    await issue(migrated_database)
    await in_daemon_thread(
        partial(client_keys.limit_account, migrated_database, "acme", lambda _: Limits(60), who="ada", at=NOON)
    )
    await keys.look()
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(ONE, acme=Limits(60)), 2)
    await revoke(migrated_database)
    await keys.look()
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(replace(ONE, revoked_at=NOON), acme=Limits(60)), 3)


async def test_only_what_is_new_is_read_and_only_a_change_is_written(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issue(migrated_database)
    await keys.look()
    asked: list[int] = []
    read = keys._log.read

    async def noted(after: object, *rest: object) -> object:
        asked.append(after)  # type: ignore[arg-type]  # a position
        return await read(after, *rest)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(keys._log, "read", noted)
    before = (home.keys / SNAPSHOT_NAME).stat()
    for _ in range(3):
        await keys.look()
    assert asked == [1, 1, 1]
    assert (home.keys / SNAPSHOT_NAME).stat() == before


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
async def test_a_file_that_was_damaged_or_removed_is_written_anew(
    keys: KeyPublisher, migrated_database: str, home: Home, content: bytes
) -> None:
    await issue(migrated_database)
    await keys.look()
    written = on_disk(home)
    (home.keys / SNAPSHOT_NAME).write_bytes(content)
    await keys.look()
    assert on_disk(home) == written
    (home.keys / SNAPSHOT_NAME).unlink()
    await keys.look()
    assert on_disk(home) == written


async def test_a_file_ahead_of_what_was_read_is_no_older_afterwards(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command changes a key and writes the file after this publisher has read, and before it writes."""
    await issue(migrated_database, 1)
    found = key_publishing._found

    def command_comes_between(path: Path) -> object:
        client_keys.issue(migrated_database, new_key(2, "farm"), who="ada", at=NOON)
        put(home.keys, ONE, TWO, revision=2)
        return found(path)

    monkeypatch.setattr(key_publishing, "_found", command_comes_between)
    await keys.publish()
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(ONE, TWO), 2)


async def test_after_an_outage_everything_is_read_again(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came back may be an older copy of the store."""
    await issue(migrated_database)
    await keys.look()
    asked: list[int] = []
    read = keys._log.read

    async def away_once(after: int, *rest: object) -> object:
        asked.append(after)
        if len(asked) == 1:
            raise StoreUnavailableError("away")
        return await read(after, *rest)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(keys._log, "read", away_once)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keys.run())
        await until(lambda: len(asked) > 2, "the store to be read again")
        running.cancel()
    assert asked[:3] == [1, 0, 1]
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(ONE), 1)


async def test_a_store_restored_from_an_old_copy_is_believed_and_tombstones_revoke_again(
    keys: KeyPublisher, migrated_database: str, home: Home
) -> None:
    put(home.keys, ONE, replace(TWO, revoked_at=NOON), revision=99)
    drop(home.keys / FOLDER_NAME, Tombstone(TWO.key_id, "eve", "", NOON))
    await issue(migrated_database, 2, "farm")
    await keys.look()
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(replace(TWO, revoked_at=NOON)), 2)


async def test_a_store_without_keys_never_ends_managed_mode(keys: KeyPublisher, home: Home) -> None:
    put(home.keys, ONE)
    with pytest.raises(UnfitFileError, match="is it another one"):
        await keys.look()
    assert KeyWatch(home.keys).current == snapshot(ONE)


async def test_a_tombstone_is_carried_once_with_who_and_why(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issue(migrated_database)
    drop(home.keys / FOLDER_NAME, Tombstone(ONE.key_id, "eve", "laptop lost", NOON))
    drop(home.keys / FOLDER_NAME, Tombstone("unknown1", "eve", "", NOON))
    await keys.look()
    key = keys.book.keys[ONE.key_id]
    assert (key.revoked_at, key.why_revoked, key.version) == (NOON, "laptop lost", 2)
    assert on_disk(home) == snapshot_file.KeyFile(snapshot(replace(ONE, revoked_at=NOON)), 2)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was revoked again")

    monkeypatch.setattr(client_keys, "revoke", never)
    for _ in range(2):
        await keys.look()


async def test_a_tombstone_waits_until_the_store_takes_it(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issue(migrated_database)
    await keys.look()
    drop(home.keys / FOLDER_NAME, Tombstone(ONE.key_id, "eve", "", NOON))

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(key_publishing, "wall_ns", lambda: time.time_ns() + 10**10)  # long after it was dropped
    with monkeypatch.context() as patched:
        patched.setattr(client_keys, "revoke", away)
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await keys.look()
    await keys.look()
    assert keys.book.keys[ONE.key_id].revoked_at == NOON


@asynccontextmanager
async def host(url: str, root: Path) -> AsyncIterator[tuple[Home, KeyWatch]]:
    """A gateway host: a home, its publisher, and the watch of a gateway."""
    home = prepare(root)
    watch = KeyWatch(home.keys)
    async with publishing(url, home, utc_now), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch.run())
        yield home, watch
        watching.cancel()


def refuses(watch: KeyWatch, key_id: str) -> bool:
    return watch.current.keys[key_id].revoked_at is not None


async def test_revoked_on_one_host_a_key_is_refused_on_another_within_a_second(
    migrated_database: str, tmp_path: Path
) -> None:
    """Test 55 of the bar: two homes, one database."""
    async with (
        host(migrated_database, tmp_path / "a") as (home, here),
        host(migrated_database, tmp_path / "b") as (_, there),
    ):
        await issue(migrated_database, 1)
        await issue(migrated_database, 2, "farm")
        await until(lambda: len(here.current.keys) == len(there.current.keys) == 2, "both hosts to know the keys")
        began = time.monotonic()
        drop(home.keys / FOLDER_NAME, Tombstone(ONE.key_id, "ada", "", NOON))
        await until(lambda: refuses(here, ONE.key_id) and refuses(there, ONE.key_id), "both hosts to refuse it")
        assert time.monotonic() - began < 1.5, "a second, and what a busy machine takes"
        assert not refuses(there, TWO.key_id)
        began = time.monotonic()
        await revoke(migrated_database, 2)
        await until(lambda: refuses(here, TWO.key_id) and refuses(there, TWO.key_id), "both hosts to refuse the other")
        assert time.monotonic() - began < 1.5, "a second, and what a busy machine takes"


async def test_a_frozen_database_holds_up_nothing_here_and_hears_of_it_later(
    migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_publishing, "DEADLINE_S", 0.3)
    async with proxied(migrated_database) as proxy, host(proxy.dsn, tmp_path / "a") as (home, watch):
        await issue(migrated_database)
        await until(lambda: watch.current.keys, "the key to be known")
        proxy.freeze()
        began = time.monotonic()
        drop(home.keys / FOLDER_NAME, Tombstone(ONE.key_id, "ada", "", NOON))
        await until(lambda: refuses(watch, ONE.key_id), "this host to refuse it")
        assert time.monotonic() - began < 1
        proxy.cut()
        proxy.thaw()
        await until(lambda: (found := on_disk(home)) and found.revision == 2, "the store to know it")


async def test_whatever_is_wrong_with_keys_the_publisher_goes_on(
    keys: KeyPublisher, migrated_database: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in the process that records."""
    await issue(migrated_database)
    failures: list[Exception] = [RuntimeError("a mistake"), StoreUnavailableError("away"), UnfitFileError("full")]
    look = keys.look

    async def failing() -> None:
        if failures:
            raise failures.pop()
        await look()

    monkeypatch.setattr(keys, "look", failing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keys.run())
        await until(lambda: on_disk(home), "the file in the end")
        running.cancel()
    assert failures == []
