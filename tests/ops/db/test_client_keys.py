"""Keys and limits in the store: issued once, changed word by word, heard of at once by whoever listens."""

import asyncio
from datetime import timedelta
from functools import partial

import asyncpg
import pytest

from domain.client_keys import KeyRevokedError, UnknownKeyError
from domain.errors import AppendConflictError, StoreUnavailableError
from domain.key_rules import UnfitKeyError
from domain.limits import Limits
from ops.db.client_keys import change, issue, limit_account, revoke
from ops.db.daemon_thread import in_daemon_thread
from ops.db.dsn import parse_dsn
from ops.db.event_log import PostgresEventLog
from ops.db.notifications import CHANNEL
from ops.db.pool import Pool
from ops.key_book import KeyBook
from tests.key_samples import NOON, new_key

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


async def book_of(pool: Pool) -> KeyBook:
    book = KeyBook()
    await book.follow(PostgresEventLog(pool))
    return book


async def test_a_key_is_issued_changed_and_revoked(pool: Pool, migrated_database: str) -> None:
    new = new_key()
    issue(migrated_database, new, who="ada", at=NOON)
    change(migrated_database, new.key_id, lambda key: key.rename("farm", who="bob", at=NOON))
    revoke(migrated_database, new.key_id, who="eve", why="lost", at=NOON + timedelta(hours=1))
    key = (await book_of(pool)).keys[new.key_id]
    assert (key.name, key.secret_hash, key.revoked_at) == ("farm", new.secret_hash, NOON + timedelta(hours=1))
    assert (key.version, key.why_revoked) == (3, "lost")


async def test_revoking_again_changes_nothing_and_is_no_error(pool: Pool, migrated_database: str) -> None:
    new = new_key()
    issue(migrated_database, new, who="ada", at=NOON)
    for who in ("ada", "eve"):
        revoke(migrated_database, new.key_id, who=who, why=who, at=NOON)
    key = (await book_of(pool)).keys[new.key_id]
    assert (key.version, key.why_revoked) == (2, "ada")


def test_an_id_is_given_once(migrated_database: str) -> None:
    issue(migrated_database, new_key(), who="ada", at=NOON)
    with pytest.raises(AppendConflictError):
        issue(migrated_database, new_key(), who="ada", at=NOON)


async def test_what_is_refused_leaves_nothing(pool: Pool, migrated_database: str) -> None:
    new = new_key()
    with pytest.raises(UnknownKeyError, match=new.key_id):
        revoke(migrated_database, new.key_id, who="ada", why="", at=NOON)
    with pytest.raises(UnfitKeyError):
        issue(migrated_database, new_key(name=""), who="ada", at=NOON)
    issue(migrated_database, new, who="ada", at=NOON)
    with pytest.raises(UnfitKeyError):
        change(migrated_database, new.key_id, lambda key: key.rescope({"admin"}, who="ada", at=NOON))
    revoke(migrated_database, new.key_id, who="ada", why="", at=NOON)
    with pytest.raises(KeyRevokedError):
        change(migrated_database, new.key_id, lambda key: key.rename("x", who="ada", at=NOON))
    assert (await book_of(pool)).keys[new.key_id].version == 2


async def test_an_accounts_limits_are_told_from_those_that_stand(pool: Pool, migrated_database: str) -> None:
    asked: list[Limits] = []

    def more(limits: Limits) -> Limits:
        asked.append(limits)
        return Limits(requests_per_minute=(limits.requests_per_minute or 0) + 60)

    for _ in range(2):
        limit_account(migrated_database, "acme", more, who="ada", at=NOON)
    assert asked == [Limits(), Limits(60)]
    assert (await book_of(pool)).accounts["acme"].limits == Limits(120)


async def test_who_listens_hears_of_every_change_at_once(migrated_database: str) -> None:
    heard = asyncio.Event()
    listener = await asyncpg.connect(parse_dsn(migrated_database).for_asyncpg())
    await listener.add_listener(CHANNEL, lambda *_: heard.set())
    async with asyncio.timeout(10):
        await in_daemon_thread(partial(issue, migrated_database, new_key(), who="ada", at=NOON))
        await heard.wait()
        heard.clear()
        await in_daemon_thread(partial(revoke, migrated_database, new_key().key_id, who="ada", why="", at=NOON))
        await heard.wait()
    await listener.close()


def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.application.CONNECT_TIMEOUT_S", 1)
    with pytest.raises(StoreUnavailableError):
        issue(NOWHERE, new_key(), who="ada", at=NOON)
    with pytest.raises(StoreUnavailableError):
        limit_account(NOWHERE, "acme", lambda limits: limits, who="ada", at=NOON)
