"""As of any moment stands what a store would say that had only seen what happened up to then."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from dashboard.as_of import moments_of, neighbours, nodes_as_of, stream_as_of
from dashboard.data import DataStore
from dashboard.past import Past
from dashboard.recordings import Stream
from dashboard.told import Sayings
from domain.prices import PriceBook
from ops.db.borrowing import borrowed
from ops.db.embedded import EmbeddedPostgres
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from ops.prices import shipped_prices
from schemas.read_api import ConversationTree
from schemas.stored.events import ChunkStreamed
from tests import captures
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.read_rows import START, tree_node
from tests.recorded import RecordedExchange, append_all, recorded, request_ids
from tests.requirements import scaled
from tests.shipping import completed, exchange, new_request_id, received, streamed

TALKS = ("c_tools", "d2_two_agents", "f2_compact_tui", "interrupts", "e2_rewind", "errors_in_session")
OF_TODAY = {"title", "confidence", "evidence"}
"""What is known better later: a call of the client's own names a conversation, a report says who an agent was."""


def store_over(pool: Pool) -> DataStore:
    book = PriceBook(shipped_prices())

    async def told() -> Sayings:
        return Sayings(book=book, shipped=book)

    return DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), told)


def known(one: RecordedExchange, moment: datetime) -> RecordedExchange | None:
    """What had happened by then; chunks that are not whole yet are left out, nobody asks for bytes."""
    events = tuple(event for event in one.events if event.timestamp <= moment and not isinstance(event, ChunkStreamed))
    chunks = tuple(event for event in one.events if isinstance(event, ChunkStreamed))
    is_over = len(events) == len(one.events) - len(chunks)
    return replace(one, events=one.events) if is_over else replace(one, events=events, run=None) if events else None


def plain(tree: ConversationTree) -> dict[str, Any]:
    said = tree.model_dump()
    for one in (said["conversation"], *said["nodes"], *said["branches"]):
        one.update(dict.fromkeys({*OF_TODAY, "reported_tokens", "reported_explained"} & set(one)))
    return said


def differences(place: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(f"{place}.{name}", one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (each, against) in enumerate(zip(one, other, strict=True)):
            yield from differences(f"{place}[{number}]", each, against)
    elif one != other:
        yield f"{place}: {one} != {other}"


@pytest.mark.parametrize("name", TALKS)
async def test_it_is_what_a_store_says_that_has_seen_no_more(
    pool: Pool, postgres_server: EmbeddedPostgres, migrated_template: str, name: str
) -> None:
    listed = captures.exchanges(name)
    ids = request_ids(listed)
    whole = Store.over(pool)
    made = [await recorded(one, ids[one.n], whole.ship) for one in listed]
    await append_all(whole.ship, made)
    await whole.follow()
    store = store_over(pool)
    pasts = [Past(now.tree.conversation, now.nodes) for one in ids.values() if (now := await store.standing(one))]
    moments = sorted({event.timestamp for one in made for event in one.events})
    asked = moments[:: max(1, len(moments) // scaled(2, 4))]
    for moment in asked:
        dsn = create_database(postgres_server, migrated_template)
        async with opened(dsn) as other:
            then = Store.over(other)
            again = [await recorded(one, ids[one.n], then.ship) for one in listed]
            await append_all(then.ship, [part for one in again if (part := known(one, moment))])
            await then.follow()
            await compare(store, store_over(other), list(ids.values()), moment)
        drop_database(postgres_server, dsn)
        for past in pasts:
            await compare_told(store, past, moment)


async def compare(store: DataStore, then: DataStore, ids: Sequence[UUID], moment: datetime) -> None:
    for member in ids:
        expected = await then.tree(member)
        if expected is None:
            continue
        found = await store.tree(expected.conversation.conversation_id, moment)
        assert found is not None
        assert list(differences("", plain(found), plain(expected))) == [], moment


async def compare_told(store: DataStore, past: Past, moment: datetime) -> None:
    """From what an open page holds, and read anew."""
    conversation = past.asked(moment).conversation
    told, fresh = await store.standing(conversation, moment, past), await store.standing(conversation, moment)
    assert told is not None
    assert fresh is not None
    assert told.tree == fresh.tree
    assert told.moments == fresh.moments


def test_a_run_of_chunks_is_cut_where_it_had_come_to() -> None:
    request_id = new_request_id()
    body = received(request_id)
    run, _ = streamed(request_id, 2, 0, b"abcdef")
    run = run.model_copy(update={"lengths": (2, 3, 1), "arrivals_us": (10, 20, 30)})
    end = completed(request_id, 3).model_copy(update={"timestamp": body.timestamp + timedelta(seconds=1)})
    stream = Stream([body, run, end])

    def at(microseconds: int) -> Stream | None:
        return stream_as_of(stream, body.timestamp + timedelta(microseconds=microseconds))

    assert at(-1) is None
    assert at(0) == Stream([body])
    assert at(25) == Stream([body, run.model_copy(update={"lengths": (2, 3), "arrivals_us": (10, 20)})])
    assert stream_as_of(stream, end.timestamp + timedelta(days=1)) == stream


def test_what_only_a_gap_tells_of_is_there_from_its_time_on() -> None:
    (_, *later) = exchange(3)
    stream = Stream(later)
    assert stream_as_of(stream, later[0].timestamp - timedelta(days=1)) is None
    assert stream_as_of(stream, later[-1].timestamp + timedelta(days=1)) == stream


def test_moments_and_their_neighbours() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1)]
    moments = moments_of(nodes)
    assert moments == sorted(set(moments))
    assert neighbours(moments, moments[0]) == (None, moments[1])
    assert neighbours(moments, moments[-1]) == (moments[-2], None)
    assert neighbours(moments, moments[0] - timedelta(seconds=1)) == (None, moments[0])
    assert neighbours([], START) == (None, None)


def test_before_it_began_there_is_nothing() -> None:
    assert nodes_as_of([tree_node(1)], tree_node(1).received_at - timedelta(seconds=1), {}) == []
