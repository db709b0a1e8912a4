"""The event log: in order of position, only what was asked for, and no reader stumbles over what it does not know."""

import asyncio
import json
import os
import re
from itertools import count, product
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.corrections import LinkCorrection
from domain.errors import StoreUnavailableError
from domain.ids import Position, RequestIds
from domain.ports import UnreadableEvent
from ops.db import event_log as event_log_module
from ops.db.application import Nexus
from ops.db.event_log import PostgresEventLog, UnknownEvent
from ops.db.event_store import PostgresShipStore
from ops.db.migrate import MIGRATIONS
from ops.db.pool import Pool
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent
from tests.migrated import opened
from tests.projected import append_stored
from tests.proxies import proxied
from tests.shipping import AT, TestJournal, exchange, new_request_id, received
from tests.strategies import exchange_events

START = Position(0)
READ_ONLY = "&options=-c%20default_transaction_read_only%3Don"
INSERT = "INSERT INTO nexus_events (originator_id, originator_version, topic, state) VALUES ($1, 1, $2, $3)"
IN_ONE_DATABASE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def ship(pool: Pool, *events: ExchangeEvent) -> None:
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    await (await TestJournal.opened(store)).ship(store, events)


async def test_events_come_in_order_of_position(pool: Pool) -> None:
    exchanges = [exchange(3) for _ in range(10)]
    events = [event for one in reversed(exchanges) for event in one]
    await ship(pool, *events)
    found = await PostgresEventLog(pool).read(START, 1000)
    assert [recorded.event for recorded in found] == events
    assert [recorded.position for recorded in found] == list(range(1, 31))


@pytest.mark.parametrize("limit", [1, 7, 30, 100])
async def test_reading_on_from_the_last_position_gives_everything_once(pool: Pool, limit: int) -> None:
    events = [event for _ in range(10) for event in exchange(3)]
    await ship(pool, *events)
    log = PostgresEventLog(pool)
    position, seen = START, list[object]()
    while batch := await log.read(position, limit):
        assert len(batch) <= limit
        assert batch[0].position > position
        position = batch[-1].position
        seen += [recorded.event for recorded in batch]
    assert seen == events
    assert position == await log.newest()


async def test_only_the_topics_asked_for_are_given(pool: Pool) -> None:
    events = [event for _ in range(5) for event in exchange(3)]
    await ship(pool, *events)
    found = await PostgresEventLog(pool).read(START, 1000, ["response-completed", "request-received"])
    assert [recorded.event for recorded in found] == [event for event in events if event.TOPIC != "chunk-streamed"]
    limited = await PostgresEventLog(pool).read(Position(1), 2, ["response-completed"])
    assert [recorded.position for recorded in limited] == [3, 6]


async def test_an_empty_store_has_nothing(pool: Pool) -> None:
    log = PostgresEventLog(pool)
    assert (await log.newest(), await log.read(START, 10), await log.stream(new_request_id())) == (0, [], [])


async def test_the_newest_position_is_found_whatever_the_partition(pool: Pool) -> None:
    log = PostgresEventLog(pool)
    for number in (1, 2, 3):
        if number == 2:
            await ship(pool, *exchange(2))
        else:
            await append_stored(pool, StoredEvent(UUID(int=number), 1, "x", b"{}"))
        assert await log.newest() == (1, 3, 4)[number - 1]


async def test_a_store_from_before_there_were_seals_has_its_newest_position(pool: Pool) -> None:
    await pool.execute(INSERT, UUID(int=1), "x", b"{}")
    await pool.execute(INSERT, new_request_id(), "x", b"{}")
    assert await PostgresEventLog(pool).newest() == 2


# --- only the partitions in which something lies ahead

MONTH_MS = 31 * 24 * 3_600_000
OLD_SEALS = "UPDATE event_seals SET lowest = NULL WHERE last_position % 3 = 0"
LOST_SEALS = """
DELETE FROM event_seals WHERE last_position % 3 = 0 AND last_position < (SELECT max(last_position) FROM event_seals)
"""
POSITIONS = "SELECT notification_id FROM nexus_events WHERE notification_id > $1 ORDER BY notification_id"


def some_event(month: int, number: int) -> StoredEvent:
    """Of an exchange of this month or of a later one; before them: of an aggregate, in the default partition."""
    ms = int(AT.timestamp() * 1000) + month * MONTH_MS
    return StoredEvent(RequestIds().new(ms, number) if month >= 0 else UUID(int=number + 1), 1, "moon-landed", b"{}")


@IN_ONE_DATABASE
@given(
    appends=st.lists(st.lists(st.integers(-1, 2), min_size=1, max_size=4), min_size=1, max_size=8),
    harm=st.sampled_from([None, None, OLD_SEALS, LOST_SEALS]),
    data=st.data(),
)
async def test_from_every_position_all_that_follows_is_read(
    pool: Pool, appends: list[list[int]], harm: str | None, data: st.DataObject
) -> None:
    """Whatever months the events of an append belong to, and whatever its seal does not say."""
    log = PostgresEventLog(pool)
    before = await log.newest()
    numbers = count(before)
    for months in appends:
        await append_stored(pool, *[some_event(month, next(numbers)) for month in months])
    if harm is not None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(harm)
    expected = [row[0] for row in await pool.fetch(POSITIONS, before)]
    assert (len(expected), expected[-1]) == (sum(map(len, appends)), await log.newest())
    limit = data.draw(st.integers(1, 40))
    for after, topics in product([before, *expected], ((), ("moon-landed", "chunk-streamed"))):
        found = await log.read(Position(after), limit, topics)
        assert [one.position for one in found] == [one for one in expected if one > after][:limit]


async def test_who_is_far_behind_is_given_everything(pool: Pool) -> None:
    for number in range(105):
        await append_stored(pool, some_event(number % 4 - 1, number))
    found = await PostgresEventLog(pool).read(START, 1000)
    assert [one.position for one in found] == list(range(1, 106))


async def test_who_is_not_far_behind_looks_into_no_other_month(pool: Pool) -> None:
    await append_stored(pool, *[some_event(month, month) for month in (0, 1, 2, -1)])
    await append_stored(pool, some_event(1, 7))
    for query, more in (
        (event_log_module._SELECT_AFTER, []),
        (event_log_module._SELECT_TOPICS_AFTER, [["moon-landed"]]),
    ):
        (row,) = await pool.fetch(EXPLAIN + query, 4, 10, *more)
        (plan,) = json.loads(row[0])
        scans = [node for node in nodes(plan["Plan"]) if str(node.get("Relation Name", "")).startswith("nexus_events")]
        touched = {node["Relation Name"] for node in scans if node["Actual Loops"]}
        assert touched == {"nexus_events_2026_12"}


async def test_a_stream_is_its_own_events_by_version(pool: Pool) -> None:
    one, two = exchange(5), exchange(4)
    mixed = [event for pair in zip(one, [*two, None], strict=True) for event in pair if event]
    await ship(pool, *mixed)
    found = await PostgresEventLog(pool).stream(one[0].originator_id)
    assert [recorded.event for recorded in found] == one


@IN_ONE_DATABASE
@given(data=st.data())
async def test_several_streams_are_each_their_own_up_to_a_position(pool: Pool, data: st.DataObject) -> None:
    exchanges = [exchange(data.draw(st.integers(2, 5))) for _ in range(4)]
    shuffled = sorted((event for one in exchanges for event in one), key=lambda event: event.originator_version)
    log = PostgresEventLog(pool)
    before = await log.newest()
    await ship(pool, *shuffled)
    upto = Position(before + data.draw(st.integers(0, len(shuffled))))
    topics = data.draw(st.lists(st.sampled_from([event.TOPIC for event in exchanges[0]]), unique=True))
    ids = data.draw(st.lists(st.sampled_from([one[0].originator_id for one in exchanges])))
    seen = {id(event) for event in shuffled[: upto - before]}
    expected = {
        one[0].originator_id: wanted
        for one in exchanges
        if one[0].originator_id in ids
        and (wanted := [event for event in one if id(event) in seen and event.TOPIC in topics])
    }
    found = await log.streams(ids, upto, topics)
    assert {key: [recorded.event for recorded in stream] for key, stream in found.items()} == expected


@IN_ONE_DATABASE
@given(event=exchange_events())
async def test_every_event_is_read_as_it_was_written(pool: Pool, event: ExchangeEvent) -> None:
    event = event.model_copy(update={"originator_id": new_request_id(), "originator_version": 1})
    log = PostgresEventLog(pool)
    before = await log.newest()
    await ship(pool, event)
    (recorded,) = await log.read(before, 10)
    assert type(recorded.event) is type(event)
    assert recorded.event == event


async def test_what_a_newer_nexus_wrote_is_skipped_and_the_position_kept(pool: Pool) -> None:
    strange, newer, known = new_request_id(), new_request_id(), received(new_request_id())
    await pool.execute(INSERT, strange, "moon-landed", b'{"deep":1}')
    await pool.execute(INSERT, newer, "recording-gap", b'{"class_version":99}')
    await ship(pool, known)
    found = await PostgresEventLog(pool).read(START, 10)
    assert [(recorded.position, recorded.event) for recorded in found] == [
        (1, UnknownEvent(strange, 1, "moon-landed")),
        (2, UnknownEvent(newer, 1, "recording-gap")),
        (3, known),
    ]


async def test_a_batch_of_unknown_events_alone_still_moves_on(pool: Pool) -> None:
    for _ in range(3):
        await pool.execute(INSERT, new_request_id(), "moon-landed", b"{}")
    batch = await PostgresEventLog(pool).read(START, 2)
    assert [recorded.position for recorded in batch] == [1, 2]


async def test_events_of_aggregates_stand_in_the_same_log(migrated_database: str, pool: Pool) -> None:
    correction = LinkCorrection.begin(new_request_id(), None, who="ada", why="", at=AT)
    pending = list(correction.pending_events)

    def save() -> None:
        with Nexus(migrated_database) as application:
            application.save(correction)

    await ship(pool, *exchange(2))
    await asyncio.to_thread(save)
    await ship(pool, *exchange(2))
    log = PostgresEventLog(pool)
    (recorded,) = await log.read(START, 10, ["link-corrected"])
    assert (recorded.position, [recorded.event]) == (3, pending)
    assert [found.event for found in await log.stream(correction.id)] == pending


async def test_a_read_only_server_is_enough(migrated_database: str, pool: Pool) -> None:
    events = exchange(3)
    await ship(pool, *events)
    async with opened(migrated_database + READ_ONLY) as replica:
        log = PostgresEventLog(replica, poll_s=0.01)
        assert [recorded.event for recorded in await log.read(START, 10)] == events
        assert await log.newest() == 3
        assert len(await log.stream(events[0].originator_id)) == 3
        wakeups = log.wakeups()
        for _ in range(3):
            await anext(wakeups)
        await wakeups.aclose()  # type: ignore[attr-defined]  # the port promises an iterator; ours is a generator


async def test_a_silent_server_is_given_up(migrated_database: str) -> None:
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind:
        proxy.freeze()
        log = PostgresEventLog(behind, deadline_s=0.1)
        for call in (log.read(START, 1), log.newest(), log.stream(new_request_id())):
            with pytest.raises(StoreUnavailableError):
                await call
        proxy.thaw()


# --- aggregates among exchanges

EXPLAIN = "EXPLAIN (FORMAT JSON, ANALYZE, COSTS OFF, TIMING OFF) "
FILL = """
INSERT INTO nexus_events (originator_id, originator_version, topic, state)
SELECT nexus_first_uuid(now() + n * interval '1 ms'), 1, 'chunk-streamed', '{}' FROM generate_series(1, 20000) AS n
"""
"""Exchanges, of this month and of a partition of their own."""


def nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    below: list[dict[str, object]] = plan.get("Plans", [])  # type: ignore[assignment]  # JSON
    return [plan, *(node for one in below for node in nodes(one))]


def test_topics_of_aggregates_are_told_by_the_index_and_the_query_alike() -> None:
    """The index holds what is no event of an exchange; a new event of exchanges must be named in both."""
    text = (MIGRATIONS / "0006_aggregate_events.sql").read_text()
    named = [set(re.findall(r"'([a-z-]+)'", sql)) for sql in (text, event_log_module._SELECT_AGGREGATES_AFTER)]
    assert named == [{event.TOPIC for event in EXCHANGE_EVENTS}] * 2


async def test_reading_aggregates_touches_no_event_of_an_exchange(pool: Pool, migrated_database: str) -> None:
    await pool.execute(FILL)
    with Nexus(migrated_database) as nexus:
        nexus.save(LinkCorrection.begin(new_request_id(), None, who="ada", why="", at=AT))
    await pool.execute("ANALYZE nexus_events")
    query = event_log_module._SELECT_AGGREGATES_AFTER
    [row] = await pool.fetch(EXPLAIN + query, 0, 1000, ["link-corrected"])
    [plan] = json.loads(row[0])
    scans = [node for node in nodes(plan["Plan"]) if "Scan" in str(node["Node Type"])]
    looked_at = sum(
        float(str(scan["Actual Rows"])) + float(str(scan.get("Rows Removed by Filter", 0))) for scan in scans
    )
    assert looked_at == 1, scans
    found = await PostgresEventLog(pool).read(START, 1000, ["link-corrected"])
    assert [recorded.position for recorded in found] == [20_001]


async def test_topics_of_both_kinds_are_read_together(pool: Pool, migrated_database: str) -> None:
    await ship(pool, *exchange(2))
    with Nexus(migrated_database) as nexus:
        nexus.save(LinkCorrection.begin(new_request_id(), None, who="ada", why="", at=AT))
    log = PostgresEventLog(pool)
    both = await log.read(START, 100, ["link-corrected", "request-received"])
    assert [recorded.position for recorded in both] == [1, 3]
    assert await log.read(Position(3), 100, ["link-corrected"]) == []
    assert await log.read(START, 100, ["request-received"]) == both[:1]


async def test_an_event_is_decoded_once_and_never_taken_for_another(pool: Pool) -> None:
    """Other bytes at the same place, as after a restored backup, are another event."""
    events = exchange(3)
    await ship(pool, *events)
    log = PostgresEventLog(pool)
    [first, *_] = await log.read(START, 10)
    assert (await log.stream(first.event.originator_id))[0].event is first.event
    await pool.execute("SET session_replication_role = replica; DELETE FROM nexus_events; RESET ALL")
    await pool.execute("ALTER SEQUENCE nexus_events_notification_id_seq RESTART")
    other = received(first.event.originator_id, target="/other")
    await ship(pool, other)
    assert [one.event for one in await log.read(START, 10)] == [other]


async def test_a_damaged_event_stands_at_its_place_and_hides_no_other(pool: Pool) -> None:
    one, other = exchange(3), exchange(3)
    await ship(pool, *one)
    damaged = new_request_id()
    await pool.execute(INSERT, damaged, "response-completed", b'{"timestamp":"no time"')
    await ship(pool, *other)
    log = PostgresEventLog(pool)
    assert [recorded.event for recorded in await log.read(START, 100)] == [
        *one,
        UnreadableEvent(damaged, 1, "response-completed"),
        *other,
    ]
