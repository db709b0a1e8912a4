"""No other global lock and no unique index across shards slips in: both equal the reviewed tables of docs/scaling.md.

Whoever adds one says there which sharding key it holds, or why the table stays small.
"""

import re
from pathlib import Path

import pytest

from ops.db import locks
from ops.db.pool import Pool

ROOT = Path(__file__).parents[2]
SHARDED = {"nexus_events": "originator_id", "chunks": "request_id", "parts": "scope_id"}
UNIQUE = """
SELECT c.relname AS of_table, array_agg(a.attname ORDER BY k.place) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE i.indisunique AND n.nspname = 'public' AND NOT c.relispartition
GROUP BY i.indexrelid, c.relname
"""
_LOCKING = re.compile(r"pg_(?:try_)?advisory_\w+|LOCK TABLE [\w.]+")


def reviewed(name: str) -> list[list[str]]:
    """The rows of one table."""
    text = (ROOT / "docs" / "scaling.md").read_text()
    table = text.partition(f"<!-- reviewed: {name} -->")[2].partition("<!-- end reviewed -->")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.strip().splitlines()]
    return rows[2:]


async def test_the_unique_indexes_are_those_that_were_reviewed(pool: Pool) -> None:
    found = sorted((row["of_table"], ", ".join(row["columns"])) for row in await pool.fetch(UNIQUE))
    assert found == sorted((table.strip("`"), columns.strip("`")) for table, columns, _ in reviewed("unique indexes"))


@pytest.mark.parametrize(("table", "key"), SHARDED.items())
async def test_in_a_large_table_every_unique_index_holds_the_sharding_key(pool: Pool, table: str, key: str) -> None:
    indexes = [row["columns"] for row in await pool.fetch(UNIQUE) if row["of_table"] == table]
    assert indexes
    assert all(key in columns for columns in indexes)


def test_the_locks_are_those_that_were_reviewed() -> None:
    rows = [row[0] for row in reviewed("locks")]
    named = {name for name in vars(locks) if name.endswith("_LOCK") and name != "TAKE_LOCK"}
    assert {name for row in rows for name in re.findall(r"\w+_LOCK", row)} == named
    sources = [*(ROOT / "ops").rglob("*.py"), *(ROOT / "projections").rglob("*.py"), *(ROOT / "ops").rglob("*.sql")]
    found = {word for path in sources for word in _LOCKING.findall(path.read_text())}
    assert found == {word for row in rows for word in _LOCKING.findall(row)}, "none that outlives its transaction"
