"""Events and chunks are read side by side, exchange by exchange, whatever the one or the other lacks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.checking import store_reading
from ops.checking.answers import AnswerReading
from ops.checking.bodies import Bodies
from ops.checking.store_reading import Stored, in_pages, stored_exchanges
from ops.db.checking_queries import FIRST, connected, snapshot
from tests.checked import CheckedHome


async def rows(these: Sequence[dict[str, Any]]) -> AsyncIterator[Any]:
    for row in these:
        yield row


def event(one: UUID, version: int) -> dict[str, Any]:
    names = ("id", "originator_version", "notification_id", "topic", "state")
    return dict(zip(names, (one, version, version, "other", b"{}"), strict=True))


def chunk(one: UUID, offset: int) -> dict[str, Any]:
    names = ("id", "offset", "codec", "raw_length", "data")
    return dict(zip(names, (one, offset, 0, 1, b"x"), strict=True))


def answer(_: UUID) -> AnswerReading:
    return AnswerReading([], lambda *_: False)


async def all_of(events: Any, chunks: Any, open_in: dict[UUID, UUID]) -> list[Stored]:
    return [one async for one in stored_exchanges(rows(events), rows(chunks), open_in, answer)]


sizes = st.dictionaries(st.integers(0, 6).map(lambda n: UUID(int=n)), st.integers(1, 3), max_size=5)


@given(sizes, sizes)
def test_both_are_merged_by_exchange(events: dict[UUID, int], chunks: dict[UUID, int]) -> None:
    event_rows = [event(one, version) for one in sorted(events) for version in range(1, events[one] + 1)]
    chunk_rows = [chunk(one, offset) for one in sorted(chunks) for offset in range(chunks[one])]
    found = asyncio.run(all_of(event_rows, chunk_rows, dict.fromkeys(events, UUID(int=9))))
    assert [one.stream.request_id for one in found] == sorted(events.keys() | chunks.keys())
    for one in found:
        stream = one.stream
        assert len(stream.events) == events.get(stream.request_id, 0)
        assert len(stream.chunks) == chunks.get(stream.request_id, 0)
        assert stream.open_in == (UUID(int=9) if stream.request_id in events else None)


def test_a_state_that_cannot_be_read_is_told_in_its_place() -> None:
    broken = {**event(UUID(int=1), 1), "state": b"nothing"}
    (one,) = asyncio.run(all_of([broken], [], {}))
    assert isinstance(one.stream.events[0].content, str)
    assert one.body_bytes == 0


@pytest.mark.parametrize(("streams", "size", "pages"), [(1, 10**9, 5), (10**9, 1, 4), (10**9, 10**9, 1), (2, 10**9, 3)])
async def test_pages_are_bounded_by_streams_and_by_bytes(
    kept_home: CheckedHome, monkeypatch: pytest.MonkeyPatch, streams: int, size: int, pages: int
) -> None:
    """Three of the four exchanges have a body; the last page may be empty."""
    monkeypatch.setattr(store_reading, "PAGE_STREAMS", streams)
    monkeypatch.setattr(store_reading, "PAGE_BYTES", size)
    home = kept_home.restored()
    async with connected(home.dsn) as connection, snapshot(connection) as store:
        found = stored_exchanges(store.events(FIRST), store.chunks(FIRST), {}, answer)
        seen = [page async for page in in_pages(found, Bodies(store))]
    assert len(seen) == pages
    bodies = {one.stream.request_id: one.stream.body for page in seen for one in page}
    assert {one: body.size for one, body in bodies.items() if body} == {
        script.request_id: len(script.body) for script in home.scripts if script.body
    }
