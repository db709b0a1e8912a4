"""The audit log: an entry is kept before anything goes on; a store that is away keeps none, and that is said."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from domain.audit import AuditLine, Entry
from domain.errors import StoreUnavailableError
from domain.people import NewPerson
from ops.db import people
from ops.db.audit import StoredAudit, lines_said
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from tests.proxies import proxied

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def audit_of(url: str, ids: Iterator[int] | None = None) -> StoredAudit:
    numbers = ids or count(1)
    return StoredAudit(url, lambda: NOON, lambda: UUID(int=next(numbers)))


async def test_entries_and_changes_of_people_are_one_list(pool: Pool, migrated_database: str) -> None:
    audit, later = audit_of(migrated_database), NOON + timedelta(hours=1)
    new = NewPerson(person_id="abcd1234", name="ada", role="reader", accounts=None, key_hash="00")
    await audit.note(Entry(who="ada", act="logged-in", about="key"))
    await in_daemon_thread(lambda: people.add(migrated_database, new, who="eve", at=NOON))
    await audit.note(Entry(who="ada", act="read-body", about="r", why="w"))
    await in_daemon_thread(lambda: people.remove(migrated_database, "abcd1234", who="eve", at=later))
    assert await lines_said(PostgresEventLog(pool)) == [
        AuditLine(NOON, "ada", "logged-in", "key", ""),
        AuditLine(NOON, "eve", "added", "ada", "reader, all accounts"),
        AuditLine(NOON, "ada", "read-body", "r", "w"),
        AuditLine(later, "eve", "removed", "ada", ""),
    ]


async def test_many_at_once_are_all_kept(pool: Pool, migrated_database: str) -> None:
    audit = audit_of(migrated_database)
    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(audit.note(Entry(who="ada", act="exported", about=f"{number}")))
    assert {line.about for line in await lines_said(PostgresEventLog(pool))} == {f"{number}" for number in range(8)}


async def test_an_entry_that_cannot_be_kept_is_said(migrated_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(migrated_database) as proxy:
        proxy.freeze()
        monkeypatch.setattr("ops.db.daemon_thread.in_daemon_thread.__defaults__", (0.2,))
        with pytest.raises(StoreUnavailableError):
            await audit_of(proxy.dsn).note(Entry(who="ada", act="revealed", about="r"))
