"""What is said of people is stored, once, and about those there are."""

from datetime import UTC, datetime

import pytest

from domain.errors import AppendConflictError
from domain.people import NewPerson, PersonRemovedError, UnknownPersonError
from ops.db import people
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.people_book import PeopleBook

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEW = NewPerson(person_id="abcd1234", name="ada", role="reader", accounts=frozenset({"acme"}), key_hash="00")


async def test_people_come_back_as_they_were_said(pool: Pool, migrated_database: str) -> None:
    url, book = migrated_database, PeopleBook()
    await in_daemon_thread(lambda: people.add(url, NEW, who="eve", at=NOON))
    with pytest.raises(AppendConflictError):
        await in_daemon_thread(lambda: people.add(url, NEW, who="eve", at=NOON))
    await in_daemon_thread(
        lambda: people.change(url, "abcd1234", lambda one: one.change_accounts(None, who="eve", at=NOON))
    )
    await book.follow(PostgresEventLog(pool))
    assert book.people["abcd1234"].viewer.accounts is None
    for _ in range(2):  # twice is once
        await in_daemon_thread(lambda: people.remove(url, "abcd1234", who="eve", at=NOON))
    await book.follow(PostgresEventLog(pool))
    assert (book.people["abcd1234"].removed_at, book.people["abcd1234"].version) == (NOON, 3)
    with pytest.raises(PersonRemovedError):
        await in_daemon_thread(lambda: people.change(url, "abcd1234", lambda one: one.log_out(who="a", at=NOON)))
    with pytest.raises(UnknownPersonError, match="abcd9999"):
        await in_daemon_thread(lambda: people.remove(url, "abcd9999", who="eve", at=NOON))
