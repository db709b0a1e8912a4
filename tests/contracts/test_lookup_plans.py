"""Looking up what a batch needs reads that and nothing else, though the planner knows nothing of a new store yet."""

import json
from typing import Any

import pytest

from ops.db import part_writer, payloads
from ops.db.pool import Pool

EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) "
STORED = 3000
SCOPES = "INSERT INTO scopes (scope, key) SELECT 'scope ' || n, sha256(n::text::bytea) FROM generate_series(1, 3) AS n"
PARTS = """
INSERT INTO parts (scope_id, key, codec, raw_length, data)
SELECT 1, substring(sha256(n::text::bytea) FOR 16), 0, 1, 'x' FROM generate_series(1, $1::integer) AS n
"""
KEYS = "SELECT key FROM parts ORDER BY key LIMIT 20"


def looked_at(plan: dict[str, Any]) -> float:
    """How many rows of tables a plan has had in its hands."""
    scans = "Scan" in plan["Node Type"] and "Function" not in plan["Node Type"] and plan.get("Alias") != "scopes"
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"] if scans else 0
    return float(own + sum(looked_at(inner) for inner in plan.get("Plans", [])))


async def rows_looked_at(pool: Pool, statement: str, *values: object) -> float:
    """In the worse of both kinds of plan: a connection begins with one and goes on with the other."""
    found = list[float]()
    for mode in ("force_custom_plan", "force_generic_plan"):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
            (plan,) = json.loads(await connection.fetchval(EXPLAIN + statement, *values))
        found.append(looked_at(plan["Plan"]))
    return max(found)


@pytest.mark.parametrize("analyzed", [False, True])
async def test_parts_are_looked_up_by_their_keys(pool: Pool, *, analyzed: bool) -> None:
    await pool.execute(SCOPES)
    await pool.execute(PARTS, STORED)
    if analyzed:
        await pool.execute("ANALYZE parts, scopes")
    keys = [row["key"] for row in await pool.fetch(KEYS)]
    most = 3 * len(keys)  # a plan may have a row in its hands in several places
    assert await rows_looked_at(pool, payloads.SELECT_SCOPED_PARTS, ["scope 1"] * len(keys), keys) <= most
    assert await rows_looked_at(pool, payloads.SELECT_PARTS, 1, keys) <= most
    assert await rows_looked_at(pool, part_writer.SELECT_STORED, [1] * len(keys), keys) <= most
