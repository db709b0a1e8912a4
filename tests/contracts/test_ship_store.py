"""One contract for the shipper's store, run on PostgreSQL and on the stand-in that the shipper's tests use."""

import json
import os
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import AppendConflictError
from domain.parts import cut
from domain.ports import JournalCursor, ShipStore
from ops.db.event_store import PostgresShipStore
from schemas.stored.events import ExchangeEvent, RecordingGap
from tests.fake_store import FakeStore
from tests.migrated import opened
from tests.shipping import AT, TestJournal, completed, exchange, new_journal_id, new_request_id, received, streamed

IN_ONE_STORE = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["postgres", "fake"])
async def store(request: pytest.FixtureRequest, migrated_database: str) -> AsyncIterator[ShipStore]:
    if request.param == "fake":
        yield FakeStore()
        return
    async with opened(migrated_database) as pool:
        yield PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)


async def test_a_new_journal_starts_at_its_beginning_with_nothing_open(store: ShipStore) -> None:
    journal = new_journal_id()
    state = await store.open_journal(journal)
    assert (state.cursor, state.open) == (JournalCursor(journal, 1, 0), frozenset())


async def test_the_cursor_moves_with_every_batch(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    for _ in range(3):
        await journal.ship(store, exchange(2))
        assert (await store.open_journal(journal.cursor.journal)).cursor == journal.cursor


async def test_a_batch_is_taken_once(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    batch = journal.batch(exchange(2))
    await store.append(batch)
    with pytest.raises(AppendConflictError):
        await store.append(batch)


async def test_a_batch_for_another_place_in_the_journal_is_refused(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    skipped = journal.batch(exchange(2))
    await journal.ship(store)
    with pytest.raises(AppendConflictError):
        await store.append(skipped)
    assert await store.tails([event.originator_id for event in skipped.events]) == {}


async def test_a_taken_version_refuses_the_batch(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    first, second = exchange(3), exchange(3)
    await journal.ship(store, first)
    with pytest.raises(AppendConflictError):
        await journal.ship(store, [*second, first[0]])
    assert await store.tails([second[0].originator_id]) == {}
    assert (await store.open_journal(journal.cursor.journal)).cursor == journal.cursor


async def test_an_exchange_is_open_until_it_ends(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    request_id = new_request_id()
    begun = received(request_id).model_copy(update={"journal_id": journal.cursor.journal})
    await journal.ship(store, [begun])
    assert (await store.open_journal(journal.cursor.journal)).open == {request_id}
    await journal.ship(store, [completed(request_id, 2)])
    assert (await store.open_journal(journal.cursor.journal)).open == frozenset()


async def test_a_closed_journal_begins_anew(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    await journal.ship(store, exchange(2))
    await store.close_journal(journal.cursor.journal)
    await store.close_journal(journal.cursor.journal)
    assert (await store.open_journal(journal.cursor.journal)).cursor == JournalCursor(journal.cursor.journal, 1, 0)


async def test_a_scope_keeps_its_key(store: ShipStore) -> None:
    key = await store.scope_key("tenant")
    assert len(key) == 32
    assert await store.scope_key("tenant") == key != await store.scope_key("another")


async def test_nothing_is_told_of_exchanges_that_nobody_shipped(store: ShipStore) -> None:
    assert await store.tails([]) == await store.tails([new_request_id()]) == {}


async def test_a_body_is_taken_with_its_event(store: ShipStore) -> None:
    journal = await TestJournal.opened(store)
    body = cut(
        json.dumps({"messages": [{"role": "user", "content": "words " * 50}]}).encode(), await store.scope_key("t")
    )
    request_id = new_request_id()
    for version in (1, 2):
        event = received(request_id, scope="t", body=body.reference).model_copy(update={"originator_version": version})
        await journal.ship(store, [event], bodies=[("t", body)])
    tail = (await store.tails([request_id]))[request_id]
    assert (tail.version, tail.request) == (2, received(request_id, scope="t", body=body.reference))


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[ExchangeEvent], list[bytes]]:
    """A stream as a shipper writes it, and the bytes of its runs in order."""
    request_id, offset, pieces = new_request_id(), 0, list[bytes]()
    events: list[ExchangeEvent] = [received(request_id)]
    for piece in draw(st.lists(st.binary(min_size=1, max_size=30) | st.integers(1, 100), max_size=5)):
        version = len(events) + 1
        if isinstance(piece, bytes):
            events.append(streamed(request_id, version, offset, piece)[0])
            pieces.append(piece)
            offset += len(piece)
        else:
            events.append(gap(request_id, version, offset, piece))
            offset += piece
    return [*events, *([completed(request_id, len(events) + 1)] if draw(st.booleans()) else [])], pieces


def gap(request_id: UUID, version: int, offset: int, byte_count: int) -> RecordingGap:
    return RecordingGap(
        originator_id=request_id,
        originator_version=version,
        timestamp=AT,
        part="response",
        reason="disk full",
        offset=offset,
        byte_count=byte_count,
    )


@IN_ONE_STORE
@given(stream=streams())
async def test_a_tail_tells_what_was_shipped(store: ShipStore, stream: tuple[list[ExchangeEvent], list[bytes]]) -> None:
    events, pieces = stream
    request_id = events[0].originator_id
    journal = await TestJournal.opened(store)
    starts = [event.offset for event in events if event.TOPIC == "chunk-streamed"]  # type: ignore[attr-defined]  # that topic has one
    runs = [streamed(request_id, 1, start, piece)[1] for start, piece in zip(starts, pieces, strict=True)]
    await journal.ship(store, events, runs=runs)
    tail = (await store.tails([request_id, new_request_id(), request_id]))[request_id]
    gaps = [event for event in events if isinstance(event, RecordingGap)]
    assert (tail.version, tail.request, tail.started) == (len(events), events[0], False)
    assert tail.newest_at == events[-1].timestamp
    assert tail.ended == (events[-1].TOPIC == "response-completed")
    assert tail.answer == b"".join(pieces)
    assert list(tail.gaps) == gaps
    assert tail.streamed == len(tail.answer) + sum(one.byte_count for one in gaps)
