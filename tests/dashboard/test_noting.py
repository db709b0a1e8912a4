"""Notes: kept in order, kept when the store is back, and never in the way of who makes them."""

import asyncio

import pytest

from dashboard import noting
from dashboard.noting import Notes
from domain.audit import Entry
from tests.some_people import KeptAudit
from tests.waiting import until


def entry(number: int) -> Entry:
    return Entry(who="ada", act="logged-in", about=f"{number}")


async def test_what_comes_while_the_store_is_away_is_kept_later_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "AGAIN_S", 0.001)
    audit = KeptAudit(away=True)
    notes = Notes(audit)
    for number in range(5):
        notes.add(entry(number))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(notes.run())
        await until(lambda: audit.refused > 1)
        assert audit.entries == []
        audit.away = False
        await until(lambda: len(audit.entries) == 5)
        running.cancel()
    assert audit.entries == [entry(number) for number in range(5)]


async def test_too_many_are_dropped_and_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "MOST_WAITING", 3)
    audit = KeptAudit()
    notes = Notes(audit)
    for number in range(10):
        notes.add(entry(number))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(notes.run())
        await until(lambda: len(audit.entries) == 3)
        running.cancel()
    assert audit.entries == [entry(number) for number in range(3)]
