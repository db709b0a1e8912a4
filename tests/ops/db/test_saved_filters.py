"""Saved filters in the store: whoever saves at the same time, all is kept, and what is refused leaves no trace."""

import asyncio
from datetime import UTC, datetime

import pytest

from dashboard.savable import kept_by
from domain.errors import AppendConflictError, StoreUnavailableError
from domain.saved_filters import SavedFilters, UnfitFilterError, View
from domain.viewers import OWNER, Viewer
from ops.db import saved_filters
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.db.saved_filters import TRIES, StoredFilters

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
ADA = Viewer(name="ada", role="reader", accounts=frozenset({"acme"}), person_id="ada00000")
VIEW = View("/requests", "outcome=client")


def stored(url: str) -> StoredFilters:
    return StoredFilters(url, lambda: NOON)


async def test_who_saves_at_the_same_time_loses_nothing(pool: Pool, migrated_database: str) -> None:
    filters = stored(migrated_database)
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(filters.save(ADA, f"filter {number}", VIEW))
    kept = await kept_by(PostgresEventLog(pool), ADA)
    assert [(one.name, one.view, one.saved_at) for one in kept] == [
        (f"filter {number}", VIEW, NOON) for number in range(3)
    ]


async def test_what_is_refused_or_already_so_leaves_nothing(pool: Pool, migrated_database: str) -> None:
    filters, log = stored(migrated_database), PostgresEventLog(pool)
    with pytest.raises(UnfitFilterError):
        await filters.save(OWNER, " ", VIEW)
    await filters.remove(OWNER, "x")
    assert await log.stream(SavedFilters.create_id("")) == []
    for _ in range(2):
        await filters.save(OWNER, "x", VIEW)
    assert len(await log.stream(SavedFilters.create_id(""))) == 2  # begun, and saved once


async def test_who_is_always_too_late_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def too_late(*what: object) -> None:
        tried.append(what)
        raise AppendConflictError("Somebody else was first.")

    monkeypatch.setattr(saved_filters, "say", too_late)
    with pytest.raises(AppendConflictError):
        await stored(NOWHERE).save(OWNER, "x", VIEW)
    assert len(tried) == TRIES


async def test_a_store_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.application.CONNECT_TIMEOUT_S", 1)
    with pytest.raises(StoreUnavailableError):
        await stored(NOWHERE).save(OWNER, "x", VIEW)
    with pytest.raises(StoreUnavailableError):
        await stored(NOWHERE).remove(OWNER, "x")
