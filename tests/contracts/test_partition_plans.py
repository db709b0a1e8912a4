"""Looking up by id touches the partition of that id's month and no other, whatever the months are."""

import json
from datetime import UTC, datetime
from typing import Any

from domain.ids import RequestIds
from ops.db import event_log, event_store, payloads
from ops.db.partitions import ensure_partitions
from ops.db.pool import open_connection
from ops.serve_database import migrated
from tests.shipping import new_request_id

EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) "
GENERIC = "SET plan_cache_mode = force_generic_plan"
MONTHS = 24
OTHER = RequestIds().new(int(datetime(2025, 3, 4, tzinfo=UTC).timestamp() * 1000), 5)
LOOKUPS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("a stream", event_log._SELECT_STREAM, ("id",)),
    ("streams", event_log._SELECT_STREAMS, ("ids", 10**9, ["request-received"])),
    ("tails", event_store._SELECT_STREAMS, ("ids",)),
    ("answers", payloads.SELECT_ANSWERS, ("ids",)),
]


def touched(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan has looked into."""
    own = {plan["Relation Name"]} if plan.get("Relation Name") and plan["Actual Loops"] else set()
    return own.union(*(touched(inner) for inner in plan.get("Plans", [])))


async def test_a_lookup_by_id_touches_one_partition(empty_database: str) -> None:
    await migrated(empty_database)
    connection = await open_connection(empty_database, application_name="nexus-test")
    await ensure_partitions(connection, datetime(2025, 1, 9, tzinfo=UTC), MONTHS)
    await connection.execute(GENERIC)
    for what, statement, arguments in LOOKUPS:
        for one, month in ((new_request_id(), "2026_11"), (OTHER, "2025_03")):
            given = {"id": one, "ids": [one]}
            values = [given.get(each, each) if isinstance(each, str) else each for each in arguments]
            (plan,) = json.loads(await connection.fetchval(EXPLAIN + statement, *values))
            assert {name[-7:] for name in touched(plan["Plan"])} == {month}, what
    await connection.close()
