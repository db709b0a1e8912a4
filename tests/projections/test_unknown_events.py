"""Events of a newer Nexus are kept as they are, skipped by every reader, and counted; old ones stay readable."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from domain.ids import Position
from ops.db.event_log import UnknownEvent
from ops.db.pool import Pool
from ops.db.store_stats import store_stats
from projections.catching_up import BATCH_EVENTS
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import PROJECTIONS
from schemas.stored.events import EXCHANGE_EVENTS
from tests.migrated import TODAY
from tests.projected import Store, append_stored
from tests.shipping import AT, new_request_id

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
SELECT_STATES = "SELECT originator_id, originator_version, topic, state FROM nexus_events ORDER BY notification_id"


async def insert(pool: Pool, originator_id: UUID, version: int, topic: str, state: dict[str, object]) -> None:
    await append_stored(pool, StoredEvent(originator_id, version, topic, json.dumps(state).encode()))


def golden_states() -> list[tuple[str, dict[str, object]]]:
    """Topic and state of every event that was ever released."""
    found = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]
    return [(one["topic"], one["state"]) for one in found]


async def said(store: Store) -> list[dict[str, object]]:
    """What readers see of requests and links, but for how far each was read; live as rebuilt, nothing set aside."""
    await store.follow()
    for projection in PROJECTIONS:
        live = await live_digest(projection, store.sources)
        assert live is not None
        assert live.tables == await rebuilt_digest(projection, store.sources, live.position, BATCH_EVENTS)
    assert await store.rows("SELECT * FROM projection_failures") == []
    rows = [await store.rows(f"SELECT * FROM read.{view} ORDER BY request_id") for view in ("requests", "links")]
    return [{name: value for name, value in row.items() if name != "position"} for view in rows for row in view]


@pytest.mark.bar(25)
async def test_what_a_newer_nexus_wrote_changes_no_row_and_is_kept_and_counted(pool: Pool) -> None:
    store = Store.over(pool)
    ids = await store.append("e2_rewind")
    before = await said(store)
    some = sorted(ids.values())
    await insert(pool, some[0], 90, "moon-landed", {"timestamp": AT.isoformat(), "who": "nobody"})
    await insert(pool, some[1], 90, "response-started", {"class_version": 99, "timestamp": AT.isoformat()})
    await insert(pool, new_request_id(), 1, "sun-risen", {})
    stored = [tuple(row) for row in await pool.fetch(SELECT_STATES)]
    assert await said(store) == before
    assert [tuple(row) for row in await pool.fetch(SELECT_STATES)] == stored
    unknown = [
        one.event for one in await store.sources.log.read(Position(0), 10_000) if type(one.event) is UnknownEvent
    ]
    assert [event.topic for event in unknown] == ["moon-landed", "response-started", "sun-risen"]
    found = await store_stats(pool, TODAY)
    assert (found.topics["moon-landed"].rows, found.topics["sun-risen"].rows) == (1, 1)
    tail = (await store.ship.tails([some[0]]))[some[0]]
    assert (tail.ended, tail.version) == (True, 90)


@pytest.mark.bar(25)
async def test_every_golden_event_is_projected_also_with_fields_that_came_later(pool: Pool) -> None:
    """Each alone, as it was released, and once more with a field that this Nexus does not know."""
    store, topics = Store.over(pool), {event.TOPIC for event in EXCHANGE_EVENTS}
    for topic, state in golden_states():
        one, other = new_request_id(), new_request_id()
        await insert(pool, one, 1, topic, state)
        await insert(pool, other, 1, topic, {**state, "a_field_of_tomorrow": {"deep": [1, None]}})
        if topic in topics:
            known = [(await store.sources.log.stream(each))[0].event for each in (one, other)]
            renamed = known[1].model_copy(update={"originator_id": one})  # type: ignore[attr-defined]  # ours are models
            assert renamed == known[0]
    await said(store)
    states = [json.loads(row["state"]) for row in await pool.fetch(SELECT_STATES)]
    assert sum("a_field_of_tomorrow" in state for state in states) == len(golden_states())
